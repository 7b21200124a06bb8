"""Aggregates: by hand, against pandas and numpy, and the laws of units."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tseng_units.aggregates import NAMES, Aggregate, Windowed, aggregate_of
from tseng_units.errors import InvalidParam
from tseng_units.registry import DIMENSIONS, convert
from tseng_units.sensors import Sensor
from tseng_units.windows import parse_window

HOUR = 3_600_000_000
FREE = {"KNOWN_METRICS": ["T", "disp", "wind_dir", "mic_dB", "tips"], "UNKNOWN_METRICS": {"9": "odd"}}
METRICS = Sensor("/a", "DYNAMIC", {**FREE, "UNKNOWN_UNITS": {"9": "Vx10^-2"}}).raw


def _of(name: str, metric: str = "disp", unit: str = "mm") -> Aggregate:
    return aggregate_of(name, METRICS[metric], unit)


def _one(name: str, values: list[float], metric: str = "disp", unit: str = "mm", step: int = HOUR) -> float:
    """The aggregate over one window of these values, NaN where it has none."""
    time = np.arange(len(values)) * step
    _, result = _of(name, metric, unit).over(parse_window("1year", None), time, np.array(values, np.float64))
    return float(result[0]) if len(result) else math.nan


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", 4.0), ("min", 1.0), ("max", 9.0), ("first", 4.0), ("last", 2.0), ("count", 4.0), ("sum", 16.0),
        ("range", 8.0), ("median", 3.0),
        ("std", math.sqrt((0 + 25 + 9 + 4) / 3)),
        ("p0", 1.0), ("p100", 9.0), ("p25", 1.75),
        ("p95", 8.25), ("p99.9", 8.985),  # at 2.85 and 2.997 of the ranks 0 to 3
        ("rate", -2 / 10_800), ("rate/s", -2 / 10_800), ("rate/h", -2 / 3), ("rate/d", -16.0), ("rate/week", -112.0),
        ("rate/min", -2 / 180), ("rate/ms", -2 / 10_800_000), ("rate/yr", -16 * 365.25),
    ],
)  # fmt: skip
def test_by_hand(name: str, expected: float) -> None:
    """4, 9, 1, 2 at hourly steps."""
    assert _one(name, [4, 9, 1, 2]) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("name", ["std", "rate"])
def test_one_point_has_no_spread_and_no_rate(name: str) -> None:
    """Such a window is left out; two points have both."""
    assert math.isnan(_one(name, [7.0]))
    assert _one("std", [1.0, 3.0]) == pytest.approx(math.sqrt(2), rel=1e-15)


def test_only_windows_with_points_and_results() -> None:
    """Points at 0:00, 0:30 and 3:00: two windows have a mean, one a standard deviation."""
    time, value = np.array([0, HOUR // 2, 3 * HOUR]), np.array([1.0, 2.0, 5.0])
    start, result = _of("mean").over(parse_window("1h", None), time, value)
    assert (start.tolist(), result.tolist()) == ([0, 3 * HOUR], [1.5, 5.0])
    start, result = _of("std").over(parse_window("1h", None), time, value)
    assert (start.tolist(), result.tolist()) == ([0], [math.sqrt(0.5)])


def test_what_overflows_is_missing() -> None:
    """Infinity never leaves."""
    assert math.isnan(_one("sum", [1e308, 1e308]))


SERIES = st.lists(st.tuples(st.integers(0, 40), st.integers(-(10**6), 10**6)), min_size=1, max_size=60)


@given(
    SERIES, st.sampled_from(["mean", "min", "max", "first", "last", "count", "sum", "median", "std", "p90", "p12.5"])
)
def test_pandas_agrees(points: list[tuple[int, int]], name: str) -> None:
    """`resample` over hourly windows; values are thousandths, so that sums differ by rounding alone."""
    given_ = dict(points)
    time = np.array(sorted(given_), np.int64) * (HOUR // 4)
    value = np.array([given_[key] for key in sorted(given_)]) / 1000
    start, result = _of(name).over(parse_window("1h", None), time, value)
    frame = pd.Series(value, index=pd.DatetimeIndex(time.view("datetime64[us]"))).resample("h")
    theirs = frame.quantile(float(name[1:]) / 100) if name[0] == "p" else getattr(frame, name)()
    theirs = theirs[frame.count() > 0].dropna()
    assert start.tolist() == pd.DatetimeIndex(theirs.index).as_unit("us").asi8.tolist()
    np.testing.assert_allclose(result, theirs.to_numpy(), rtol=1e-9, atol=1e-9)


def _alone(aggregate: Aggregate, value: NDArray[np.float64]) -> NDArray[np.float64]:
    time = np.arange(len(value), dtype=np.int64)
    return aggregate.over(parse_window("1year", None), time, value)[1]


@given(
    st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), min_size=1, max_size=6),
    st.sampled_from([*NAMES, "p99.9"]),
)
def test_bits_depend_on_the_window_alone(windows: list[list[float]], name: str) -> None:
    """Computed together or alone, a window's aggregate is the same float64."""
    time = np.concatenate([number * HOUR + np.arange(len(each)) for number, each in enumerate(windows)])
    aggregate = _of(name)
    _, together = aggregate.over(parse_window("1h", None), time, np.concatenate(windows))
    alone = np.concatenate([_alone(aggregate, np.array(each)) for each in windows])
    assert together.tolist() == alone.tolist()


def test_percentiles_are_numpys() -> None:
    """Type 7 of Hyndman & Fan, in windows of different sizes."""
    value = np.random.default_rng(3).normal(size=50)
    row = np.array([0, 3, 7, 10, 30])
    got = _of("p99.9").kernel(Windowed(np.arange(50), value, row))
    assert got.tolist() == [np.percentile(part, 99.9) for part in np.split(value, row[1:])]


@pytest.mark.parametrize(
    ("name", "metric", "unit", "derived", "dimension"),
    [
        ("mean", "T", "C", "C", "temperature"),
        ("p95", "T", "F", "F", "temperature"),
        ("std", "T", "C", "C", "temperature_delta"),
        ("range", "T", "F", "F", "temperature_delta"),
        ("std", "disp", "mm", "mm", "length"),
        ("sum", "disp", "in", "in", "length"),
        ("count", "T", "K", "count", "count"),
        ("rate/h", "disp", "mm", "mm_h", "velocity"),
        ("rate/d", "disp", "cm", "cm_d", "velocity"),
        ("rate/yr", "disp", "mm", "mm_yr", "velocity"),
        ("rate", "disp", "ft", "ft_s", "velocity"),
        ("rate/min", "disp", "mm", "mm/min", None),
        ("rate/h", "T", "C", "C/h", None),
        ("rate/d", "odd", "Vx10^-2", "Vx10^-2/d", None),
        ("sum", "odd", "Vx10^-2", "Vx10^-2", None),
        ("std", "wind_dir", "rad", "rad", "angle"),
    ],
)  # fmt: skip
def test_units_are_derived(name: str, metric: str, unit: str, derived: str, dimension: str | None) -> None:
    """Spread of an absolute temperature is an interval, a rate of lengths a velocity where there is such a unit."""
    found = _of(name, metric, unit)
    assert (found.unit, found.dimension) == (derived, dimension)


def test_units_of_rates_mean_what_they_say() -> None:
    """1 mm in 36 s is 100 mm_h, which is what the velocity table makes of its mm_s."""
    for per in ("s", "h", "d", "yr"):
        got = _one(f"rate/{per}", [0.0, 1.0], step=36_000_000)
        expected = convert(1 / 36, "mm_s", _of(f"rate/{per}").unit, "velocity")
        assert got == pytest.approx(float(expected), rel=1e-14)


VALUES = st.lists(st.floats(-50, 50).map(lambda x: round(x, 3)), min_size=2, max_size=20)


@given(VALUES, st.sampled_from(["mean", "min", "max", "first", "last", "median", "p95", "std", "range"]))
def test_aggregate_then_convert(values: list[float], name: str) -> None:
    """In F it is what C gives, converted: as a temperature, or for spreads as an interval (domain section 11, 2)."""
    in_c, in_f = _of(name, "T", "C"), _of(name, "T", "F")
    assert in_c.dimension is not None
    got = _alone(in_f, convert(np.array(values), "C", "F"))
    np.testing.assert_allclose(got, convert(_alone(in_c, np.array(values)), "C", "F", in_c.dimension), atol=1e-9)


@given(
    VALUES, st.sampled_from(["mm", "in", "ft_us"]), st.sampled_from(["rate/h", "rate/d", "sum", "std", "range", "mean"])
)
def test_aggregate_then_convert_lengths(values: list[float], unit: str, name: str) -> None:
    """A sum or a rate in one unit is that in another, converted by the factor of lengths."""
    factor = float(convert(1.0, "m", unit))
    in_m, other = _alone(_of(name, "disp", "m"), np.array(values)), _of(name, "disp", unit)
    np.testing.assert_allclose(_alone(other, convert(np.array(values), "m", unit)), in_m * factor, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("angles", "expected"),
    [
        ([350, 10], 0.0),
        ([350, 20], 5.0),
        ([359, 1, 3], 1.0),
        ([90, 90], 90.0),
        ([180, 270], 225.0),
        ([-10, -20], 345.0),
        # Zar (2010), Biostatistical Analysis, 5th ed., example 26.4: 99 deg
        ([45, 55, 81, 96, 110, 117, 132, 154], 99.0),
    ],
)
def test_mean_direction(angles: list[float], expected: float) -> None:
    """The direction of the sum of unit vectors, in [0, 360)."""
    got = _one("mean", [float(angle) for angle in angles], "wind_dir", "deg")
    assert 0 <= got < 360
    assert math.remainder(got - expected, 360) == pytest.approx(0, abs=0.5 if len(angles) == 8 else 1e-9)


def test_spread_of_directions() -> None:
    """sqrt(-2 ln R): R of two directions 20 deg apart is cos 10 deg; Zar's example 26.4 has R 0.82522 and 36 deg."""
    expected = math.degrees(math.sqrt(-2 * math.log(math.cos(math.radians(10)))))
    assert _one("std", [350, 10], "wind_dir", "deg") == pytest.approx(expected, rel=1e-12)
    zar = _one("std", [45, 55, 81, 96, 110, 117, 132, 154], "wind_dir", "deg")
    assert zar == pytest.approx(math.degrees(math.sqrt(-2 * math.log(0.82522))), abs=0.005)
    # For small spreads it is the standard deviation, here with divisor n: 1e-6 rad.
    assert _one("std", [1.0, 1.000002], "wind_dir", "rad") == pytest.approx(1e-6, rel=1e-6)


def test_directions_that_cancel_out_have_no_mean() -> None:
    """North and south, or the four quarters: missing, not the direction of rounding errors."""
    for angles in ([0.0, 180.0], [0.0, 90.0, 180.0, 270.0]):
        assert math.isnan(_one("mean", angles, "wind_dir", "deg"))
        assert math.isnan(_one("std", angles, "wind_dir", "deg"))
    assert math.isnan(_one("std", [10.0], "wind_dir", "deg"))


@given(st.lists(st.floats(-720, 720), min_size=1, max_size=9), st.sampled_from(sorted(DIMENSIONS["angle"].units)))
def test_directions_in_other_units(angles: list[float], unit: str) -> None:
    """The mean in gon is that in degrees, converted; never the full turn itself."""
    in_deg = _one("mean", angles, "wind_dir", "deg")
    got = _one("mean", convert(angles, "deg", unit, "angle").tolist(), "wind_dir", unit)
    turn = float(convert(360.0, "deg", unit, "angle"))
    if math.isnan(in_deg) or math.isnan(got):
        return
    assert 0 <= got < turn
    assert math.remainder(got - float(convert(in_deg, "deg", unit, "angle")), turn) == pytest.approx(0, abs=1e-6 * turn)


@pytest.mark.parametrize(
    ("name", "metric", "unit", "said"),
    [
        ("sum", "T", "C", "sum of temperatures"),
        ("sum", "mic_dB", "dBL", "sum of levels"),
        ("min", "wind_dir", "deg", "direction"),
        ("p95", "wind_dir", "deg", "direction"),
        ("sum", "wind_dir", "deg", "direction"),
        ("rate/h", "wind_dir", "deg", "direction"),
        ("mode", "T", "C", "no aggregate is called 'mode'"),
        ("p101", "T", "C", "no aggregate"),
        ("p-5", "T", "C", "no aggregate"),
        ("rate/month", "T", "C", "no rate"),
        ("", "T", "C", "no aggregate"),
        (5, "T", "C", "no aggregate"),
    ],
)
def test_what_is_refused(name: object, metric: str, unit: str, said: str) -> None:
    """The message says why, `allowed` what there is instead."""
    with pytest.raises(InvalidParam, match=said) as refused:
        aggregate_of(name, METRICS[metric], unit)
    assert (refused.value.field, refused.value.seen) == ("aggregate", name)
    assert "mean" in refused.value.allowed or "rate/h" in refused.value.allowed


def test_a_direction_in_an_unknown_unit() -> None:
    """What a full turn is cannot be known: it has ends and a count, no mean."""
    props = {"KNOWN_METRICS": ["wind_dir"], "UNKNOWN_UNITS": ["points"]}
    free = Sensor("/a", "DYNAMIC", props).raw["wind_dir"]
    assert aggregate_of("last", free, "points").unit == "points"
    with pytest.raises(InvalidParam, match="direction"):
        aggregate_of("mean", free, "points")
