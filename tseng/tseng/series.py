"""What a read answers with: a whole series, or a stream of its blocks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng_storage.arrays import to_arrow

if TYPE_CHECKING:
    import pandas as pd

# Times as int64 microseconds since 1970 UTC, ascending and unique; values float64, same length, never NaN.
Block = tuple[NDArray[np.int64], NDArray[np.float64]]


# Gaps as int64 microseconds since 1970 UTC, shape (k, 2): the last point before each and the first one after it.
Gaps = NDArray[np.int64]


def arrow_schema(
    sensor: str, metric: str, unit: str, *, breaks: bool = False, provenance: Mapping[str, Any] | None = None
) -> pa.Schema:
    """Schema of one series in Arrow and Parquet: `time` timestamp[us, UTC], `value` double; ids in the metadata.

    `breaks`: there may be rows without a value, where gaps are. `provenance` goes into the metadata as JSON.
    """
    metadata = {"sensor": sensor, "metric": metric, "unit": unit}
    columns = [
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=breaks),
    ]
    told = {} if provenance is None else {"provenance": msgspec.json.encode(provenance)}
    return pa.schema(columns, metadata={**metadata, **told})


def record_batch(schema: pa.Schema, block: Block) -> pa.RecordBatch:
    """One block as an Arrow batch, without a copy; the NaN of a break is null."""
    time, value = block
    valid = ~np.isnan(value) if schema.field("value").nullable else None
    return pa.RecordBatch.from_arrays(
        [to_arrow(time, schema.field("time").type), to_arrow(value, pa.float64(), valid)], schema=schema
    )


def with_breaks(block: Block, gaps: Gaps) -> Block:
    """The same points and a row of NaN one microsecond after the last point before each gap.

    `gaps` are those that end at a point of the block. Charts break a line at such a row.
    """
    time, value = block
    at = np.searchsorted(time, gaps[:, 1])
    return np.insert(time, at, gaps[:, 0] + 1), np.insert(value, at, np.nan)


@dataclass(frozen=True)
class Stream:
    """A derived series in blocks of bounded size, ascending in time; blocks may be iterated once.

    Where gaps are to be marked, `gaps` fills while the blocks are iterated: one array for each block, of the gaps that
    end in it. Else it is None. `telling`: whether formats write the provenance too; `tell` makes it, when asked.
    """

    sensor: str
    metric: str
    unit: str
    tell: Callable[[], Mapping[str, Any]]
    blocks: Iterator[Block]
    gaps: list[Gaps] | None = None
    telling: bool = False

    @property
    def provenance(self) -> Mapping[str, Any]:
        """How the values came to be, as `tseng.provenance` describes it."""
        return self.tell()

    def rows(self) -> Iterator[Block]:
        """The blocks for a format of rows: where gaps are marked, with a row of NaN after the point before each."""
        for block in self.blocks:
            yield block if self.gaps is None else with_breaks(block, self.gaps[-1])

    def schema(self) -> pa.Schema:
        """Arrow schema of `rows`."""
        told = self.provenance if self.telling else None
        return arrow_schema(self.sensor, self.metric, self.unit, breaks=self.gaps is not None, provenance=told)


@dataclass(frozen=True)
class Series:
    """One metric of one sensor in one unit.

    Attributes:
        time: datetime64[us], shape (n,), UTC, ascending and unique.
        value: float64, shape (n,), in `unit`; missing points are left out, so never NaN.
        unit: the unit id, for example `mm`; that of a rate may be composed, for example `C/h`.
        provenance: how the values came to be, as `tseng.provenance` describes it. Plain data.
        gaps: where asked for with `gap`, pairs of datetime64[us]: the last point before each gap and the first after.
    """

    time: NDArray[np.datetime64]
    value: NDArray[np.float64]
    unit: str
    sensor: str = ""
    metric: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)
    gaps: list[tuple[np.datetime64, np.datetime64]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.value)

    def to_pandas(self) -> "pd.Series[float]":
        """Return a float64 pandas Series named after the metric, over a UTC index named `time`; NaN breaks at gaps."""
        import pandas as pd

        time, value = self.rows()
        index = pd.DatetimeIndex(time.view("datetime64[us]"), name="time").tz_localize("UTC")
        return pd.Series(value, index=index, name=self.metric)

    def to_arrow(self, *, provenance: bool = False) -> pa.Table:
        """Return columns `time` (timestamp[us, UTC]) and `value` (double), with the ids in the schema metadata.

        At each gap a row without a value follows the last point before it. With `provenance` the metadata hold that
        too, as JSON.
        """
        told = self.provenance if provenance else None
        schema = arrow_schema(self.sensor, self.metric, self.unit, breaks=bool(self.gaps), provenance=told)
        return pa.Table.from_batches([record_batch(schema, self.rows())])

    def rows(self) -> Block:
        """Times (int64 us) and values, with a row of NaN after the last point before each gap."""
        block = self.time.view(np.int64), self.value
        if not self.gaps:
            return block
        return with_breaks(block, np.array(self.gaps, "datetime64[us]").view(np.int64))


def gap_list(gaps: Sequence[Gaps]) -> list[tuple[np.datetime64, np.datetime64]]:
    """Gaps of blocks as pairs of datetime64[us]."""
    return [(before, after) for each in gaps for before, after in each.view("datetime64[us]")]
