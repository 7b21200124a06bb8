"""What a person may say about a file that the file does not say itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tseng.errors import InvalidRequest


@dataclass(frozen=True)
class ColumnMap:
    """One column to take: its name in the file, the metric it becomes, the unit it is written in (None: the file's)."""

    name: str
    metric: str
    unit: str | None = None


@dataclass(frozen=True)
class ImportOptions:
    """How to read one file.

    Attributes:
        sensor: sensor the values belong to, where the file names none.
        metric: metric of the one value column, where the file names none.
        unit: unit the values are written in, where the file names none.
        tz: zone of times without offset: an IANA name or an offset such as `-07:00`. None: UTC, and the report says so.
        create: type to create missing sensors with; None: a missing sensor is refused.
        props: props of the sensors this import creates.
        columns: if given, exactly these columns are taken.
        time_column: name of the time column where it is not `time` or `timestamp`.
        time_format: how times are written where they are not ISO 8601, in strptime's letters (`%d/%m/%Y %H:%M`).
        sentinel: numbers that stand for "no value"; None: those of the format (only TOA5 has some).
        project: project of the sensors; None: the default one.
    """

    sensor: str | None = None
    metric: str | None = None
    unit: str | None = None
    tz: str | None = None
    create: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[ColumnMap, ...] = ()
    time_column: str | None = None
    time_format: str | None = None
    sentinel: tuple[float, ...] | None = None
    project: str | None = None


def column_map(text: str) -> ColumnMap:
    """Read `NAME=metric` or `NAME=metric:unit`, the form of `--column`.

    Raises:
        InvalidRequest: the text has another form.
    """
    name, equals, rest = text.rpartition("=")
    metric, _, unit = rest.partition(":")
    if not equals or not name or not metric:
        raise InvalidRequest.at("column", f"{text!r} is not of the form NAME=metric or NAME=metric:unit")
    return ColumnMap(name, metric, unit or None)
