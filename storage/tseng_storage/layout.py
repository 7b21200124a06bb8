"""Where the parts of a store lie below its folder.

The folder itself is the Delta Lake table. What is not table data lies under a name with a leading underscore, which
Delta Lake defines as hidden: another engine's VACUUM must not take the catalog for a stray file. The table's own log is
beside `observations`, not in it, so that `observations/**/*.parquet` matches nothing but observations.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

OBSERVATIONS = "observations"

CATALOG = "_catalog/catalog.db"

DOCUMENTS = "_documents"


@dataclass(frozen=True)
class Layout:
    """The paths of one store."""

    root: Path

    @property
    def catalog(self) -> Path:
        """The SQLite file with catalog and log."""
        return self.root / CATALOG

    @property
    def lock(self) -> Path:
        """The file that whoever flushes, compacts, loads, vacuums or backs up holds locked."""
        return self.root / "_catalog" / "maintenance.lock"

    @property
    def delta_log(self) -> Path:
        """The folder of Delta Lake commits."""
        return self.root / "_delta_log"

    @property
    def observations(self) -> Path:
        """The folder of all Parquet files."""
        return self.root / OBSERVATIONS

    @property
    def documents(self) -> Path:
        """The folder of all documents, one folder for each project in it."""
        return self.root / DOCUMENTS

    @property
    def documents_lock(self) -> Path:
        """The file that whoever deletes or backs up documents holds locked."""
        return self.root / "_catalog" / "documents.lock"

    def documents_of(self, project: str) -> Path:
        """The folder of a project's documents."""
        return self.documents / quote(project, safe="")

    def document(self, project: str, id: str) -> Path:
        """The file of a document."""
        return self.documents_of(project) / id

    def segment(self, name: str) -> Path:
        """The file behind a path as recorded in a Delta commit."""
        return self.root / name


def segment_name(project: str, digest: str) -> str:
    """The recorded path of a segment, relative to the store: hive partition and content hash."""
    return f"{OBSERVATIONS}/project={quote(project, safe='')}/{digest}.parquet"
