"""Readings to observations: units converted, pieces of about a million rows, nothing written that is there already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tseng.importers.door import Door
from tseng.importers.formats import Adapt
from tseng.importers.ledger import Ledger
from tseng.importers.options import ImportOptions
from tseng.importers.rows import SCHEMA
from tseng.importers.targets import Target, Targets
from tseng_units.registry import Affine

CHUNK = 1_000_000
_WORD = SCHEMA.field("sensor").type
_OUT = pa.schema([SCHEMA.field(name) for name in ("sensor", "metric", "time", "value")])


@dataclass(frozen=True)
class _Codes:
    """A dictionary column as numbers, shape (n,), and the words they stand for; code len(words) stands for null."""

    code: NDArray[np.int64]
    words: list[str]

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "_Codes":
        whole = column.unify_dictionaries().combine_chunks()
        whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
        words = whole.dictionary.to_pylist()
        return cls(whole.indices.fill_null(len(words)).to_numpy().astype(np.int64), words)

    def word(self, code: int) -> str | None:
        return self.words[code] if code < len(self.words) else None


@dataclass(frozen=True)
class _Placed:
    """Readings of one table with a place: target of each kind of reading, and the kind of each row, shape (n,)."""

    kinds: list[tuple[str, Target | None]]
    kind: NDArray[np.int64]


def _place(table: pa.Table, targets: Targets) -> _Placed:
    """Find the target of each distinct (sensor, metric, unit); they are few, rows are many."""
    sensor, metric, unit = (_Codes.of(table[name]) for name in ("sensor", "metric", "unit"))
    wide = len(unit.words) + 1
    pair = (sensor.code * len(metric.words) + metric.code) * wide + unit.code
    present, kind = (
        np.unique(pair, return_inverse=True) if pair.max() != pair.min() else (pair[:1], np.zeros_like(pair))
    )
    found: list[tuple[str, tuple[str, str | None]]] = []
    for code in present.tolist():
        rest, at_unit = divmod(code, wide)
        at_sensor, at_metric = divmod(rest, len(metric.words))
        found.append((sensor.words[at_sensor], (metric.words[at_metric], unit.word(at_unit))))
    columns: dict[str, list[tuple[str, str | None]]] = {}
    for name, column in found:
        columns.setdefault(name, []).append(column)
    resolved = targets.of(columns)
    return _Placed([(name, resolved[name][column]) for name, column in found], kind)


def _converted(value: NDArray[np.float64], placed: _Placed) -> NDArray[np.float64]:
    """Values in their stored units; kinds that share a conversion are converted together."""
    by_affine: dict[Affine, list[int]] = {}
    for index, (_, target) in enumerate(placed.kinds):
        if target and not target.affine.identity:
            by_affine.setdefault(target.affine, []).append(index)
    for affine, kinds in by_affine.items():
        if len(kinds) == len(placed.kinds):
            return affine.apply(value)
        rows = np.isin(placed.kind, kinds)
        value = np.where(rows, affine.apply(value), value)
    return value


def _coded(texts: list[str], kind: NDArray[np.int64]) -> pa.DictionaryArray:
    """A text per kind, spread over the rows."""
    words = {text: at for at, text in enumerate(dict.fromkeys(texts))}
    code = np.array([words[text] for text in texts], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(code[kind]), pa.array(list(words), pa.string()))


def _observations(table: pa.Table, placed: _Placed) -> pa.Table:
    """Readings that have a place, in stored units, under the stored names."""
    taken = np.array([target is not None for _, target in placed.kinds])
    if not taken.any():
        return _OUT.empty_table()
    value = _converted(table["value"].to_numpy(), placed)
    found = [(sensor, target.metric) for sensor, target in placed.kinds if target]
    # rows without a place go below; until then they bear some name that is there anyway
    names = [(sensor, target.metric) if target else found[0] for sensor, target in placed.kinds]
    sensors, metrics = (_coded([name[part] for name in names], placed.kind) for part in (0, 1))
    out = pa.Table.from_arrays([sensors, metrics, table["time"], pa.array(value)], schema=_OUT)
    return out if taken.all() else out.filter(pa.array(taken[placed.kind]))


def _groups(code: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Each code with its rows, in order."""
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(code[order]) != 0))
    for rows in np.split(order, starts[1:]):
        yield int(code[rows[0]]), rows


def changes(
    time: NDArray[np.int64], value: NDArray[np.float64], old_time: NDArray[np.int64], old_value: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which readings of a series, uploaded after what is there, would change what the store answers.

    Args:
        time: int64 microseconds, shape (n,), in file order; the last of equal times counts.
        value: float64, shape (n,).
        old_time: times stored already, ascending and unique, shape (m,).
        old_value: float64, shape (m,).

    Returns:
        bool, shape (n,): false for a reading that a later one replaces, or that the store holds value for value. All
        true where nothing is stored.
    """
    if not len(old_time):
        return np.ones(len(time), dtype=bool)
    order = np.argsort(time, kind="stable")
    last = np.empty(len(time), dtype=bool)
    last[order] = np.append(np.diff(time[order]) != 0, True)
    at = np.minimum(np.searchsorted(old_time, time), len(old_time) - 1)
    same: NDArray[np.bool_] = (old_time[at] == time) & (old_value[at] == value)
    return last & ~same


class Writer:
    """Collects tables of readings and uploads them; counts what was stored and what was there already."""

    def __init__(self, door: Door, options: ImportOptions, ledger: Ledger) -> None:
        self.stored = 0
        self.unchanged = 0
        self.left_out = 0
        self._door, self._options, self._ledger = door, options, ledger
        self._targets: Targets | None = None
        self._waiting: list[pa.Table] = []
        self._units: dict[tuple[str, str], str] = {}

    @property
    def created(self) -> list[str]:
        """Sensors made so far."""
        return self._targets.created if self._targets else []

    @property
    def sensors(self) -> list[str]:
        """Sensors that readings went to, in the order in which they appeared."""
        return list(dict.fromkeys(sensor for sensor, _ in self._units))

    def add(self, piece: Sequence[pa.Table], adapt: Adapt) -> None:
        """Take a piece of a file, tables of `rows.SCHEMA`; its columns all find their place before any is written."""
        tables = [table for table in piece if table.num_rows]
        if tables and self._targets is None:
            self._targets = Targets(self._door, self._options, adapt, self._ledger)
        for table, placed in [(table, _place(table, self._targets)) for table in tables if self._targets]:
            self._take(table, placed)
        if sum(each.num_rows for each in self._waiting) >= CHUNK:
            self.flush()

    def _take(self, table: pa.Table, placed: _Placed) -> None:
        self._units |= {(sensor, target.metric): target.unit for sensor, target in placed.kinds if target}
        taken = _observations(table, placed)
        self.left_out += table.num_rows - taken.num_rows
        self._waiting.append(taken)

    def flush(self) -> None:
        """Write what waits, first the sensors, then their readings."""
        if self._targets is None or not any(table.num_rows for table in self._waiting):
            return
        self._targets.write()
        table = pa.concat_tables(self._waiting).unify_dictionaries().combine_chunks()
        self._waiting = []
        fresh = self._fresh(table)
        self.unchanged += table.num_rows - fresh.num_rows
        if fresh.num_rows:
            self.stored += self._door.engine().upload_table(fresh, project=self._options.project)

    def _fresh(self, table: pa.Table) -> pa.Table:
        """Leave out the readings that would change nothing; a sensor made by this import had none."""
        sensor, metric = _Codes.of(table["sensor"]), _Codes.of(table["metric"])
        if not {*sensor.words} - {*self.created}:
            return table
        keep = np.ones(table.num_rows, dtype=bool)
        time, value = table["time"].cast(pa.int64()).to_numpy(), table["value"].to_numpy()
        for code, rows in _groups(sensor.code * len(metric.words) + metric.code):
            at_sensor, at_metric = divmod(code, len(metric.words))
            name = sensor.words[at_sensor], metric.words[at_metric]
            if name[0] not in self.created:
                keep[rows] = self._changing(*name, time[rows], value[rows])
        return table if keep.all() else table.filter(pa.array(keep))

    def _changing(
        self, sensor: str, metric: str, time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Compare the readings of one series with those the store holds over their span."""
        span = (time.min().view("datetime64[us]"), time.max().view("datetime64[us]"))
        unit, home = self._units[sensor, metric], self._options.project
        old = self._door.engine().get_data(sensor, metric, unit, start=span[0], end=span[1], project=home)
        return changes(time, value, old.time.view(np.int64), old.value)
