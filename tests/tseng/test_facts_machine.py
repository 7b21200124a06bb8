"""Temperature of a large machine (Numenta NAB, MIT): a block that comes twice, and Fahrenheit to Celsius."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.reference import reference
from tests.tseng.facts import CLOSE, at, check_span, check_values, facts, text
from tests.tseng.parsing import parse

from tseng.engine import Engine
from tseng.importers.files import import_file
from tseng.importers.options import ImportOptions

OPTIONS = ImportOptions(sensor="/machine", metric="T", unit="F", create="TEMPERATURE_SDE")


def _file() -> Path:
    return reference("data", "machine_temperature", "machine_temperature.csv.gz")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """A thermometer that takes the file as degrees Fahrenheit."""
    with Engine.open(tmp_path_factory.mktemp("machine") / "store") as engine:
        report = import_file(engine, _file(), OPTIONS)
        assert (report.rows, report.stored, report.bad_count) == (22_695, 22_695, 0)
        yield engine


def test_every_row_is_read() -> None:
    """The parser gives all rows in file order, both copies of the block; keeping the first of each gives its mean."""
    figures = facts("machine_temperature")
    readings, ledger = parse(_file(), OPTIONS)
    values = np.array([reading[4] for reading in readings])
    stamps = [reading[3] for reading in readings]
    assert ledger.rows == figures["rows"]
    check_values(values, figures["value"])
    assert (stamps == sorted(stamps)) == figures["in_time_order"]
    first = dict(reversed(list(zip(stamps, values.tolist(), strict=True))))
    assert np.mean(list(first.values())) == pytest.approx(figures["mean_keep_first"], rel=CLOSE)
    twice = sorted(stamp for stamp, count in Counter(stamps).items() if count > 1)
    assert [len(twice), twice[0][:19], twice[-1][:19]] == [
        figures["duplicates"],
        figures["dup_first"],
        figures["dup_last"],
    ]
    assert first[twice[0]] == figures["dup_example"][1]


def test_the_last_of_equal_times_wins(store: Engine) -> None:
    """After the import each stamp has one value, that of its later row."""
    figures = facts("machine_temperature")
    series = store.get_data("/machine", "T", "F")
    check_span(series, figures)
    assert series.value.mean() == pytest.approx(figures["mean_keep_last"], rel=CLOSE)
    assert at(series, [figures["dup_first"]]) == pytest.approx([figures["dup_example"][2]], rel=CLOSE)


def test_extremes(store: Engine) -> None:
    """Minimum and maximum, and when they were."""
    figures = facts("machine_temperature")
    series = store.get_data("/machine", "T", "F")
    stamps = text(series.time)
    assert stamps[int(series.value.argmin())] == figures["min_at"]
    assert stamps[int(series.value.argmax())] == figures["max_at"]
    check_values(series.value, {key: figures["value"][key] for key in ("min", "max")})


def test_in_celsius(store: Engine) -> None:
    """The extremes in Celsius; the mean is that of the last-wins series, less 32, times 5/9."""
    figures = facts("machine_temperature")
    series = store.get_data("/machine", "T", "C")
    check_values(series.value, {key: figures["degC"][key] for key in ("min", "max")})
    assert series.value.mean() == pytest.approx((figures["mean_keep_last"] - 32) * 5 / 9, rel=CLOSE)
    every = np.array([reading[4] for reading in parse(_file(), OPTIONS)[0]])
    assert ((every - 32) * 5 / 9).mean() == pytest.approx(figures["degC"]["mean"], rel=CLOSE)
