"""What a read answers with: a whole series, or a stream of its blocks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng_storage.arrays import to_arrow

if TYPE_CHECKING:
    import pandas as pd

# Times as int64 microseconds since 1970 UTC, ascending and unique; values float64, same length, never NaN.
Block = tuple[NDArray[np.int64], NDArray[np.float64]]


def arrow_schema(sensor: str, metric: str, unit: str) -> pa.Schema:
    """Schema of one series in Arrow and Parquet: `time` timestamp[us, UTC], `value` double; ids in the metadata."""
    columns = [
        pa.field("time", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
    ]
    return pa.schema(columns, metadata={"sensor": sensor, "metric": metric, "unit": unit})


def record_batch(schema: pa.Schema, block: Block) -> pa.RecordBatch:
    """One block as an Arrow batch, without a copy."""
    time, value = block
    return pa.RecordBatch.from_arrays(
        [to_arrow(time, schema.field("time").type), to_arrow(value, pa.float64())], schema=schema
    )


@dataclass(frozen=True)
class Stream:
    """A derived series in blocks of bounded size, ascending in time; blocks may be iterated once."""

    sensor: str
    metric: str
    unit: str
    provenance: Mapping[str, Any]
    blocks: Iterator[Block]


@dataclass(frozen=True)
class Series:
    """One metric of one sensor in one unit.

    Attributes:
        time: datetime64[us], shape (n,), UTC, ascending and unique.
        value: float64, shape (n,), in `unit`; missing points are left out, so never NaN.
        unit: the unit id, for example `mm`.
        provenance: how the values came to be: metric and its version, parameters as resolved, the zero reading used,
            calibration, unit chain, snapshot. Plain data.
    """

    time: NDArray[np.datetime64]
    value: NDArray[np.float64]
    unit: str
    sensor: str = ""
    metric: str = ""
    provenance: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.value)

    def to_pandas(self) -> "pd.Series[float]":
        """Return a float64 pandas Series named after the metric, over a UTC index named `time`."""
        import pandas as pd

        index = pd.DatetimeIndex(self.time, name="time").tz_localize("UTC")
        return pd.Series(self.value, index=index, name=self.metric)

    def to_arrow(self) -> pa.Table:
        """Return columns `time` (timestamp[us, UTC]) and `value` (double), with the ids in the schema metadata."""
        schema = arrow_schema(self.sensor, self.metric, self.unit)
        return pa.Table.from_batches([record_batch(schema, (self.time.view(np.int64), self.value))])
