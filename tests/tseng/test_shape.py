"""Aggregates, interpolation, downsampling and gap marks on read: by hand, and whatever the blocks."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tseng.engine import Engine
from tseng.errors import InvalidRequest
from tseng.requests import Request
from tseng.series import Block, Gaps
from tseng.shape import Shape, joined, limited
from tseng_units.errors import InvalidParam
from tseng_units.sensors import OfferedMetric, Sensor

SENSOR = "/site/s1/sensor"
TIMES = ["2024-03-01T00:00:00Z", "2024-03-01T00:20:00Z", "2024-03-01T00:50:00Z", "2024-03-01T03:00:00Z"]
VALUES = [10.0, 14.0, 12.0, 7.0]
MINUTE = 60_000_000
START = int(np.datetime64("2024-03-01", "us").astype(np.int64))


@pytest.fixture
def site(engine: Engine) -> Engine:
    """An engine with one sensor, four temperatures and four displacements."""
    engine.create_entity("sensor", SENSOR, "DISPLACEMENT")
    engine.upload(
        [
            {"sensorId": SENSOR, "timestamp": at, "values": {"T": value, "disp": value}}
            for at, value in zip(TIMES, VALUES, strict=True)
        ]
    )
    return engine


def _minutes(time: Any) -> list[int]:
    return [(int(at) - START) // MINUTE for at in time.astype(np.int64)]


@pytest.mark.parametrize(
    ("aggregate", "minutes", "values", "unit"),
    [
        ("mean", [0, 180], [12.0, 7.0], "C"),
        ("max", [0, 180], [14.0, 7.0], "C"),
        ("count", [0, 180], [3.0, 1.0], "count"),
        ("std", [0], [2.0], "C"),
        ("rate/h", [0], [2.4], "C/h"),
        ("p50", [0, 180], [12.0, 7.0], "C"),
    ],
)
def test_one_value_for_each_window(
    site: Engine, aggregate: str, minutes: list[int], values: list[float], unit: str
) -> None:
    """10, 14 and 12 in the first hour, 7 in the fourth; windows without a result are left out."""
    series = site.get_data(SENSOR, "T", "C", aggregate=aggregate, window="1h")
    assert (_minutes(series.time), series.unit) == (minutes, unit)
    np.testing.assert_allclose(series.value, values, rtol=1e-14)


def test_aggregates_come_last(site: Engine) -> None:
    """Derived, zeroed, converted, cut to the range, then aggregated: a difference of 0, 4, 2 C is 7.2 F at most."""
    series = site.get_data(SENSOR, "dT", "F", aggregate="max", window="1d")
    np.testing.assert_allclose(series.value, [7.2], rtol=1e-12)
    series = site.get_data(SENSOR, "dT", "F", aggregate="max", window="1d", start=TIMES[2])
    np.testing.assert_allclose(series.value, [3.6], rtol=1e-12)
    assert site.get_data(SENSOR, "T", "F", aggregate="std", window="1h").value == pytest.approx([3.6], rel=1e-12)
    assert site.get_data(SENSOR, "disp", "in", aggregate="rate/h", window="1d").unit == "in_h"


def test_limits_apply_to_aggregates(site: Engine) -> None:
    """The first or last window that has a result: of the last hour one point has no standard deviation."""
    asked: dict[str, Any] = {"window": "1h"}
    assert site.get_data(SENSOR, "T", "C", aggregate="mean", limit="last", **asked).value.tolist() == [7.0]
    assert site.get_data(SENSOR, "T", "C", aggregate="mean", limit="first", **asked).value.tolist() == [12.0]
    assert _minutes(site.get_data(SENSOR, "T", "C", aggregate="std", limit="last", **asked).time) == [0]
    assert len(site.get_data(SENSOR, "T", "C", aggregate="mean", limit="last", start="2030-01-01", **asked)) == 0


def test_summary_counts_the_aggregates(site: Engine) -> None:
    """First, last and count are those of the answer."""
    told = site.summary(SENSOR, "T", "C", aggregate="mean", window="1h")
    assert (told["count"], told["last"]["value"]) == (2, 7.0)


def test_interpolation(site: Engine) -> None:
    """On lines between readings at most half an hour apart, at every quarter of an hour."""
    asked: dict[str, Any] = {"aggregate": "interpolate", "window": "15min", "max_gap": "30min"}
    series = site.get_data(SENSOR, "T", "C", **asked)
    assert _minutes(series.time) == [0, 15, 30, 45, 180]
    np.testing.assert_allclose(series.value, [10, 13, 14 - 2 / 3, 12 + 1 / 3, 7], rtol=1e-12)
    cut = site.get_data(SENSOR, "T", "C", start="2024-03-01T00:10Z", end="2024-03-01T00:40Z", **asked)
    assert (_minutes(cut.time), cut.value.tolist()) == ([15, 30], series.value[1:3].tolist())


def test_gaps_are_marked(site: Engine) -> None:
    """Farther apart than 25 minutes are 0:20 and 0:50, 0:50 and 3:00; frames have an empty row after each."""
    series = site.get_data(SENSOR, "T", "C", gap="25min")
    assert len(series) == 4
    assert [tuple(_minutes(np.array(pair))) for pair in series.gaps] == [(20, 50), (50, 180)]
    assert series.to_arrow()["value"].to_pylist() == [10.0, 14.0, None, 12.0, None, 7.0]
    frame = series.to_pandas()
    assert frame.isna().tolist() == [False, False, True, False, True, False]
    assert frame.index[2] == frame.index[1] + np.timedelta64(1, "us")
    assert site.get_data(SENSOR, "T", "C", gap="130min").gaps == []
    assert site.get_data(SENSOR, "T", "C").gaps == []


def test_points_of_a_chart_and_their_gaps(site: Engine) -> None:
    """A gap of the series is one of its picture, between the points of it that are left."""
    start = np.datetime64("2025-01-01", "us")
    minutes = np.r_[np.arange(1000), np.arange(2000, 3000)]
    values = np.sin(minutes / 50)
    rows = {"sensor": [SENSOR] * 2000, "metric": ["T"] * 2000, "time": start + minutes * np.timedelta64(1, "m")}
    site.upload_table(pa.table({**rows, "value": values}))
    series = site.get_data(SENSOR, "T", "C", start=start, points=100, gap="1h")
    assert len(series) <= 100
    assert (series.value.min(), series.value.max()) == (values.min(), values.max())
    assert series.gaps == [(start + np.timedelta64(999, "m"), start + np.timedelta64(2000, "m"))]
    means = site.get_data(SENSOR, "T", "C", start=start, aggregate="mean", window="10min", points=20)
    assert 10 <= len(means) <= 20


def test_provenance_says_the_shape(site: Engine) -> None:
    """What was asked for and the unit that came of it; nothing for a plain read."""
    series = site.get_data(SENSOR, "T", "C", aggregate="std", window="1d", time_zone="Europe/Amsterdam", points=50)
    assert series.provenance["shape"] == {
        "aggregate": "std",
        "window": "1d",
        "timeZone": "Europe/Amsterdam",
        "unit": "C",
        "dimension": "temperature_delta",
        "points": 50,
    }
    assert "shape" not in site.get_data(SENSOR, "T", "C").provenance


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"aggregate": "mean"}, "window"),
        ({"window": "1h"}, "window"),
        ({"time_zone": "UTC"}, "timeZone"),
        ({"max_gap": "1h"}, "maxGap"),
        ({"aggregate": "mean", "window": "1h", "max_gap": "1h"}, "maxGap"),
        ({"aggregate": "interpolate", "window": "1h"}, "maxGap"),
        ({"aggregate": "interpolate", "window": "1h", "max_gap": "soon"}, "maxGap"),
        ({"aggregate": "mean", "window": "1hour"}, "window"),
        ({"aggregate": "mean", "window": "1h", "time_zone": "Mars"}, "timeZone"),
        ({"aggregate": "average", "window": "1h"}, "aggregate"),
        ({"aggregate": "sum", "window": "1h"}, "aggregate"),
        ({"points": 3}, "points"),
        ({"points": "many"}, "points"),
        ({"points": True}, "points"),
        ({"points": 10.0}, "points"),
        ({"gap": "0s"}, "gap"),
        ({"gap": 60}, "gap"),
    ],
)
def test_what_is_refused(site: Engine, options: Any, field: str) -> None:
    """Each option by its name on the wire, before anything is read."""
    with pytest.raises((InvalidRequest, InvalidParam)) as refused:
        site.read(Request(SENSOR, "T", "C", **options))
    assert getattr(refused.value, "field", None) == field


def test_directions_are_not_interpolated(engine: Engine) -> None:
    """Halfway between 350 and 10 degrees is not 180."""
    engine.create_entity("sensor", "/w", "DYNAMIC", {"KNOWN_METRICS": ["wind_dir"]})
    engine.upload(
        [
            {"sensorId": "/w", "timestamp": at, "values": {"wind_dir": angle}}
            for at, angle in zip(TIMES[:2], (350.0, 10.0), strict=True)
        ]
    )
    with pytest.raises(InvalidParam, match="direction"):
        engine.get_data("/w", "wind_dir", "deg", aggregate="interpolate", window="1h", max_gap="1h")
    (mean,) = engine.get_data("/w", "wind_dir", "deg", aggregate="mean", window="1h").value
    assert min(mean, 360 - mean) < 1e-9


METRIC: OfferedMetric = Sensor("/a", "DISPLACEMENT").raw["disp"]
POINTS = st.dictionaries(st.integers(0, 500), st.floats(-1e6, 1e6), max_size=80)
CUTS = st.lists(st.integers(0, 80), max_size=10)
SHAPES = st.sampled_from(
    [
        {"aggregate": aggregate, "window": window}
        for aggregate in ("mean", "std", "p95", "rate/h", "count", "last")
        for window in ("7min", "1h", "1d")
    ]
    + [{"aggregate": "interpolate", "window": "3min", "max_gap": "20min"}, {}]
)


def _cut(block: Block, cuts: list[int]) -> Iterator[Block]:
    time, value = block
    for first, last in pairwise([0, *sorted(min(cut, len(time)) for cut in cuts), len(time)]):
        yield time[first:last], value[first:last]


def _shaped(request: Request, blocks: Iterator[Block]) -> tuple[Block, list[list[int]]]:
    shape, gaps = Shape.of(request, METRIC), list[Gaps]()
    windowed = shape.windowed(blocks, None, None) if shape.window else blocks
    time, value = joined(list(shape.finished(limited(windowed, request.limit), gaps)))
    return (time, value), [pair for each in gaps for pair in each.tolist()]


@given(POINTS, CUTS, SHAPES, st.sampled_from([None, "first", "last"]), st.sampled_from([None, 8]), st.booleans())
def test_blocks_do_not_matter(
    points: dict[int, float], cuts: list[int], options: Any, limit: Any, most: int | None, marked: bool
) -> None:
    """Cut anywhere, the same float64s come out, and the same gaps."""
    time = np.array(sorted(points), np.int64) * MINUTE
    value = np.array([points[minute] for minute in sorted(points)], np.float64)
    request = Request("/a", "disp", "mm", limit=limit, points=most, gap="10min" if marked else None, **options)
    whole, gaps = _shaped(request, iter([(time, value)]))
    pieces, same_gaps = _shaped(request, _cut((time, value), cuts))
    assert [each.tolist() for each in whole] == [each.tolist() for each in pieces]
    assert gaps == same_gaps


@given(POINTS, st.integers(0, 500), st.integers(0, 500))
def test_an_interpolation_of_a_range_is_a_cut_of_all(points: dict[int, float], start: int, length: int) -> None:
    """The neighbours of a grid time may lie outside the range (domain section 11, law 1)."""
    time = np.array(sorted(points), np.int64) * MINUTE
    value = np.array([points[minute] for minute in sorted(points)], np.float64)
    shape = Shape.of(Request("/a", "disp", "mm", aggregate="interpolate", window="3min", max_gap="20min"), METRIC)
    first, last = start * MINUTE, (start + length) * MINUTE
    at, all_values = joined(list(shape.windowed(iter([(time, value)]), None, None)))
    inside = (at >= first) & (at <= last)
    near = (time >= first - 20 * MINUTE) & (time <= last + 20 * MINUTE)
    cut = joined(list(shape.windowed(_cut((time[near], value[near]), [3, 7]), first, last)))
    assert (cut[0].tolist(), cut[1].tolist()) == (at[inside].tolist(), all_values[inside].tolist())
