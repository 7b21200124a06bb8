"""The engine's verbs for documents: files that users keep with a project, such as calibration sheets."""

import re
from fnmatch import fnmatchcase

from tseng.access import find_project
from tseng.errors import InvalidRequest, TooLarge, UnsupportedType
from tseng.settings import Settings
from tseng_storage.documents import Document
from tseng_storage.store import Store

LONGEST_NAME = 255

# RFC 9110, 8.3.1: a type, a subtype, and parameters whose values are tokens or quoted.
_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_TYPE = re.compile(rf'({_TOKEN}/{_TOKEN})(?:[ \t]*;[ \t]*{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*')


class Documenting:
    """Verbs over the documents of one store's projects; `project` is an id or iTwin id, None the default one."""

    store: Store
    settings: Settings

    def keep_document(
        self, name: str, media_type: str, content: bytes, *, by: str | None = None, project: str | None = None
    ) -> Document:
        """Keep a file with a project, durable when it returns. Names need not be unique, its new id is.

        Raises:
            InvalidRequest: a name that is no file name, no content, or something else than a media type.
            TooLarge: the content has more bytes than `Settings.document_bytes`.
            UnsupportedType: the media type is none of `Settings.document_types`.
        """
        _check_name(name)
        if not content:
            raise InvalidRequest.at("body", "must not be empty")
        if len(content) > self.settings.document_bytes:
            limit = self.settings.document_bytes
            raise TooLarge(f"the document is larger than {limit} bytes", field="body", seen=len(content))
        kind = self._taken(media_type.strip())
        return self.store.documents.add(find_project(self.store.catalog, project).id, name, kind, content, by=by)

    def documents(
        self, *, project: str | None = None, after: tuple[int, str] | None = None, limit: int | None = None
    ) -> list[Document]:
        """What is recorded of a project's documents, oldest first.

        `after`: those behind the one with this time (`created`) and id alone; `limit`: at most so many.
        """
        home = find_project(self.store.catalog, project).id
        return self.store.documents.all(home, after=after, limit=limit)

    def documents_usage(self, project: str | None = None) -> tuple[int, int]:
        """How many documents a project has, and their bytes."""
        return self.store.documents.usage(find_project(self.store.catalog, project).id)

    def document(self, id: str, *, project: str | None = None) -> tuple[Document, bytes]:
        """What is recorded of a document, and its bytes.

        Raises:
            tseng_storage.errors.NotFound: no such document in this project.
            tseng_storage.errors.Damaged: its file is gone, or not what was kept.
        """
        found = self.store.documents.find(find_project(self.store.catalog, project).id, id)
        return found, self.store.documents.content(found)

    def remove_document(self, id: str, *, project: str | None = None) -> None:
        """Take a document away, its file too.

        Raises:
            tseng_storage.errors.NotFound: no such document in this project.
        """
        self.store.documents.remove(find_project(self.store.catalog, project).id, id)

    def _taken(self, media_type: str) -> str:
        found = _MEDIA_TYPE.fullmatch(media_type) if len(media_type) <= LONGEST_NAME else None
        if found is None:
            raise InvalidRequest.at("Content-Type", f"{media_type!r} is no media type")
        taken = [each.strip().lower() for each in self.settings.document_types.split(",") if each.strip()]
        if not any(fnmatchcase(found[1].lower(), pattern) for pattern in taken):
            problem = f"documents of type {found[1]} are not taken; there are: {', '.join(taken)}"
            raise UnsupportedType(problem, field="Content-Type", seen=found[1], allowed=taken)
        return media_type


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > LONGEST_NAME:
        raise InvalidRequest.at("name", f"must have 1 to {LONGEST_NAME} characters, not all of them blank")
    if not name.isprintable() or {*name} & {*"/\\"} or name.strip() in (".", ".."):
        raise InvalidRequest.at(
            "name", f"{name!r} is no file name: it is a folder's, or holds a slash or what cannot be printed"
        )
