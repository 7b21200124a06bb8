"""A table of many sensors and metrics over common times, NaN where one has no value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng_storage.arrays import to_arrow

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """One metric of one sensor at the table's times.

    Attributes:
        name: unique in its table.
        unit: of the values; that of an aggregate may be another than the one asked for.
        value: float64, shape (n,); NaN where the column has none.
        provenance: as of a series, and its `alignment`.
    """

    name: str
    sensor: str
    metric: str
    unit: str
    value: NDArray[np.float64]
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Table:
    """Columns over common times: `time` is datetime64[us], shape (n,), UTC, ascending and unique.

    `telling`: whether formats write the provenances too.
    """

    time: NDArray[np.datetime64]
    columns: tuple[Column, ...]
    telling: bool = False

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, name: str) -> Column:
        """Return the column of that name; KeyError where there is none."""
        return {column.name: column for column in self.columns}[name]

    def to_pandas(self) -> "pd.DataFrame":
        """Return a frame over a UTC index named `time`; NaN where a column has no value."""
        import pandas as pd

        index = pd.DatetimeIndex(self.time, name="time").tz_localize("UTC")
        return pd.DataFrame({column.name: column.value for column in self.columns}, index=index)

    def to_arrow(self, *, provenance: bool = False) -> pa.Table:
        """Return `time` (timestamp[us, UTC]) and a double for each column, null where it has no value.

        Sensor, metric and unit are in the metadata of each field; with `provenance` that too, as JSON.
        """
        time = to_arrow(self.time.view(np.int64), pa.timestamp("us", "UTC"))
        arrays = [to_arrow(column.value, pa.float64(), ~np.isnan(column.value)) for column in self.columns]
        fields = [_field(column, provenance=provenance) for column in self.columns]
        return pa.Table.from_arrays([time, *arrays], schema=pa.schema([pa.field("time", time.type, False), *fields]))


def _field(column: Column, *, provenance: bool) -> pa.Field:
    ids = {"sensor": column.sensor, "metric": column.metric, "unit": column.unit}
    told = {"provenance": msgspec.json.encode(column.provenance)} if provenance else {}
    return pa.field(column.name, pa.float64(), metadata={**ids, **told})


def from_arrow(table: pa.Table) -> Table:
    """Return the table that `to_arrow` has given; it knows the provenances where that wrote them."""
    time = table["time"].cast(pa.int64()).to_numpy().view("datetime64[us]")
    columns = [_column(each, table[each.name].to_numpy()) for each in table.schema if each.name != "time"]
    return Table(time, tuple(columns))


def _column(field: pa.Field, value: NDArray[np.float64]) -> Column:
    sensor, metric, unit = (field.metadata[key].decode() for key in (b"sensor", b"metric", b"unit"))
    told = msgspec.json.decode(field.metadata.get(b"provenance", b"{}"))
    return Column(field.name, sensor, metric, unit, value, told)
