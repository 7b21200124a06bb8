"""A source and a directory in memory, as plain as can be: what evaluation is tested against instead of storage."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tseng_units.evaluate import Execution
from tseng_units.plan import plan
from tseng_units.sensors import Sensor

Series = Mapping[int, float | None]


class MemoryDirectory:
    """Sensors in a dict."""

    def __init__(self, *sensors: Sensor) -> None:
        """Keep them by id."""
        self.sensors = {sensor.id: sensor for sensor in sensors}

    def sensor(self, id: str) -> Sensor | None:
        """The sensor of that id."""
        return self.sensors.get(id)

    def members(self, device: str, kind: str) -> Sequence[Sensor]:
        """Sensors of a device and kind."""
        return [sensor for sensor in self.sensors.values() if sensor.device == device and sensor.kind == kind]


class MemorySource:
    """Readings in arrays, handed out as read-only slices; `reads` counts the rows that were asked for."""

    def __init__(self, data: Mapping[tuple[str, str], Series], block: int = 3) -> None:
        """Series by (sensor, metric): {us: value or None}, in any order; blocks hold `block` readings."""
        self.block = block
        self.reads = 0
        self.arrays: dict[tuple[str, str], tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for key, series in data.items():
            valid = sorted((us, value) for us, value in series.items() if value is not None and np.isfinite(value))
            self.add(*key, np.array([us for us, _ in valid], np.int64), np.array([v for _, v in valid], np.float64))

    def add(self, sensor: str, metric: str, times: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take arrays over as they are; writing to them fails from now on."""
        times.flags.writeable = values.flags.writeable = False
        self.arrays[sensor, metric] = times, values

    def read(
        self, sensor: str, metric: str, start: int | None, end: int | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Readings of the window."""
        times, values = self.arrays.get((sensor, metric), (np.empty(0, np.int64), np.empty(0, np.float64)))
        first = 0 if start is None else int(np.searchsorted(times, start))
        last = len(times) if end is None else int(np.searchsorted(times, end, side="right"))
        self.reads += max(last - first, 0)
        return times[first:last], values[first:last]

    def parts(
        self, sensor: str, metric: str, start: int | None, end: int | None
    ) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
        """Readings of the window, the values in parts of one, two, three and more."""
        times, values = self.read(sensor, metric, start, end)
        ends = np.cumsum(np.arange(1, 2 + int(np.sqrt(2 * len(values)))))
        return times, [part for part in np.split(values, ends) if len(part)]

    def blocks(self, sensor: str, metric: str, start: int | None, end: int | None) -> Iterator[tuple[int, int]]:
        """Windows that end with every `block`-th reading."""
        times, _ = self.read(sensor, metric, start, end)
        for first in range(0, len(times), self.block):
            chunk = times[first : first + self.block]
            yield int(chunk[0]), int(chunk[-1])


def get(
    source: MemorySource,
    directory: MemoryDirectory,
    sensor: str,
    metric: str,
    unit: str,
    params: Mapping[str, object] | None = None,
    start: int | None = None,
    end: int | None = None,
) -> dict[int, float]:
    """One request as {us: value}."""
    found = directory.sensor(sensor)
    assert found is not None
    times, values = Execution(plan(found, metric, unit, params, directory), source).evaluate(start, end)
    assert np.isfinite(values).all()
    return dict(zip(times.tolist(), values.tolist(), strict=True))
