"""Values that depend on readings long before them: sums, running counters, intensities; rod extensometers."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import MetricNotAvailable, NoZeroReading
from tseng_units.evaluate import Execution
from tseng_units.plan import plan
from tseng_units.sensors import Sensor

SECOND = 1_000_000
HOUR = 3600 * SECOND


def gauge(tips: dict[int, float | None], block: int = 3, **props: object) -> tuple[MemorySource, MemoryDirectory]:
    """A rain gauge with readings at whole hours, a tip of 1 mm each."""
    data = {hour * HOUR: value for hour, value in tips.items()}
    directory = MemoryDirectory(Sensor("g", "RAIN_GAUGE", {"TIP_SIZE": 1.0, **props}))
    return MemorySource({("g", "tips"): data}, block), directory


def hours(found: dict[int, float]) -> dict[int, float]:
    """Values by whole hour."""
    return {us // HOUR: value for us, value in found.items()}


def date(hour: int) -> dict[str, str]:
    """A date parameter so many hours after the epoch."""
    return {"value": f"1970-01-01T{hour:02d}:00:00Z"}


TIPS: dict[int, float | None] = {0: 2.0, 1: 0.0, 2: 5.0, 3: 1.0, 5: None, 6: 3.0}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, {0: 2, 1: 2, 2: 7, 3: 8, 6: 11}),
        ({"ZERO_DATE": date(2)}, {3: 1, 6: 4}),
        ({"START_DATE": date(2)}, {3: 1, 6: 4}),
        ({"ZERO_DATE": date(6)}, {}),
        ({"dt": {"value": 1, "unit": "h"}}, {1: 0, 2: 5, 3: 1, 6: 3}),
        ({"dt": {"value": 2, "unit": "h"}}, {2: 5, 3: 6, 6: 3}),
        ({"dt": {"value": 4, "unit": "h"}, "ZERO_DATE": date(2)}, {6: 4}),
        ({"dt": {"value": 7, "unit": "h"}}, {}),
    ],
)
def test_sums_of_rain(params: dict[str, object], expected: dict[int, float]) -> None:
    """A sum since a date leaves out the date itself; a moving one waits until its interval is covered."""
    source, directory = gauge(TIPS)
    assert hours(get(source, directory, "g", "rain_cum", "mm", params)) == expected


def test_a_sum_needs_no_zero_reading() -> None:
    """After the last reading nothing has fallen yet: that is an empty series, where a difference has an error."""
    source, directory = gauge(TIPS, ZERO_DATE="1970-01-01T23:00:00Z")
    assert get(source, directory, "g", "rain_cum", "mm") == {}


def test_a_window_counts_what_fell_before_it() -> None:
    """A sum over a window is the sum over all time, cut; so is a moving one."""
    source, directory = gauge(TIPS)
    assert hours(get(source, directory, "g", "rain_cum", "mm", None, 3 * HOUR, 4 * HOUR)) == {3: 8}
    moving = {"dt": {"value": 2, "unit": "h"}}
    assert hours(get(source, directory, "g", "rain_cum", "mm", moving, 3 * HOUR, 4 * HOUR)) == {3: 6}
    assert get(source, directory, "g", "rain_cum", "mm", None, 7 * HOUR, None) == {}


def test_a_dry_hour_is_exactly_dry() -> None:
    """A moving sum holds no rounding of rain that fell before its interval."""
    source, directory = gauge({0: 0.1, 1: 0.2, 2: 1e16, 3: 0.0, 4: 0.0}, TIP_SIZE=0.3)
    found = hours(get(source, directory, "g", "rain_cum", "mm", {"dt": {"value": 1, "unit": "h"}}))
    assert (found[3], found[4]) == (0.0, 0.0)


def test_sums_of_blocks_are_the_sum() -> None:
    """Blocks of a long series, in any order, give bit for bit what one pass gives, and read little of the rest."""
    times = np.arange(10_000, dtype=np.int64) * 600 * SECOND
    directory = MemoryDirectory(Sensor("g", "RAIN_GAUGE", {}))
    source = MemorySource({}, block=1000)
    source.add("g", "tips", times, np.random.default_rng(5).integers(0, 4, len(times)).astype(np.float64))
    planned = plan(directory.sensors["g"], "rain_cum", "mm", None, directory)
    whole = Execution(planned, source).evaluate()[1]
    one_after_the_other, backwards = Execution(planned, source), Execution(planned, source)
    spans = list(one_after_the_other.blocks())
    source.reads = 0
    pieces = [one_after_the_other.evaluate(*span)[1] for span in spans]
    assert source.reads <= 2 * len(times)
    assert np.concatenate(pieces).tobytes() == whole.tobytes()
    pieces = [backwards.evaluate(*span)[1] for span in reversed(spans)]
    assert np.concatenate(pieces[::-1]).tobytes() == whole.tobytes()


def test_sums_beyond_all_numbers_are_missing() -> None:
    """A sum that overflows is missing from there on, in blocks as in one pass; a moving one only while it does."""
    source, directory = gauge({0: 1e308, 1: 1e308, 2: 1.0, 3: 2.0})
    assert hours(get(source, directory, "g", "rain_cum", "mm")) == {0: 1e308}
    assert get(source, directory, "g", "rain_cum", "mm", None, 2 * HOUR, None) == {}
    execution = Execution(plan(directory.sensors["g"], "rain_cum", "mm", None, directory), source)
    assert [len(execution.evaluate(hour * HOUR, hour * HOUR)[0]) for hour in range(4)] == [1, 0, 0, 0]
    moving = {"dt": {"value": 90, "unit": "min"}}
    assert hours(get(source, directory, "g", "rain_cum", "mm", moving)) == {2: 1e308, 3: 3.0}


@pytest.mark.parametrize("block", [1, 2, 100])
def test_running_counters(block: int) -> None:
    """A counter's steps count; after a reset the counter itself; the first reading has no step, a gap is bridged."""
    tips = {0: 100.0, 1: 103.0, 2: 103.0, 3: 2.0, 4: None, 30: 7.0}
    source, directory = gauge(tips, block, COUNTER=True)
    expected = {1: 3, 2: 0, 3: 2, 30: 5}
    assert hours(get(source, directory, "g", "rain", "mm")) == expected
    for hour in range(31):
        cut = hours(get(source, directory, "g", "rain", "mm", None, hour * HOUR, None))
        assert cut == {at: value for at, value in expected.items() if at >= hour}


def test_sums_of_a_running_counter() -> None:
    """Sums and intensities are made of the steps: what a counter shows at first fell at no known time."""
    source, directory = gauge({0: 100.0, 1: 103.0, 2: 103.0, 4: 2.0}, COUNTER=True)
    assert hours(get(source, directory, "g", "rain_cum", "mm")) == {1: 3, 2: 3, 4: 5}
    assert hours(get(source, directory, "g", "rain_rate", "mm_h")) == pytest.approx({2: 0.0, 4: 1.0})


def test_intensity_by_the_actual_time() -> None:
    """Rain counts by the time since the reading before it, however long ago that was; the first has none."""
    source, directory = gauge({0: 9.0, 2: 4.0, 100: 49.0})
    assert hours(get(source, directory, "g", "rain_rate", "mm_h")) == pytest.approx({2: 2.0, 100: 0.5})
    assert hours(get(source, directory, "g", "rain_rate", "mm_h", None, 50 * HOUR, None)) == pytest.approx({100: 0.5})
    assert get(source, directory, "g", "rain_rate", "mm_h", None, None, HOUR) == {}


def rods(fixed: object = None, tolerance: float = 0.0) -> tuple[MemorySource, MemoryDirectory]:
    """An extensometer with anchors at 3, 9 and 20 m; the deepest is read five seconds after the others."""
    device = {"END": fixed, "SCAN_TOLERANCE": tolerance}
    anchors = [Sensor(f"a{depth}", "EXTENSOMETER_ROD", {"DEPTH": depth}, "x", device) for depth in (9, 20, 3)]
    readings = {3: (1.0, 1.5, 2.0), 9: (2.0, 3.0, 4.5), 20: (0.5, 2.0, 4.75)}
    data: dict[tuple[str, str], dict[int, float | None]] = {
        (f"a{depth}", "disp"): {hour * HOUR + (5 * SECOND if depth == 20 else 0): v for hour, v in enumerate(values)}
        for depth, values in readings.items()
    }
    return MemorySource(data), MemoryDirectory(*anchors)


def test_anchors_by_the_deepest() -> None:
    """With the deepest anchor fixed an anchor has moved by the deepest one's change less its own, itself by nothing."""
    source, directory = rods(tolerance=5)
    assert hours(get(source, directory, "a3", "du", "mm")) == {0: 0.0, 1: 1.0, 2: 3.25}
    assert set(get(source, directory, "a20", "du", "mm").values()) == {0.0}
    source, directory = rods(tolerance=4)
    assert get(source, directory, "a3", "du", "mm") == {}


def test_anchors_by_the_collar() -> None:
    """With the collar fixed an anchor whose distance grows has moved away from it, whatever the others do."""
    source, directory = rods("TOP")
    found = get(source, directory, "a9", "du", "mm")
    assert hours(found) == {0: 0.0, 1: -1.0, 2: -2.5}
    assert str(found[0]) == "0.0"


def test_the_deepest_anchor_needs_its_zero() -> None:
    """An anchor without zero reading is named where it is the reference, and does not matter where it is not."""
    source, directory = rods(tolerance=5)
    times, values = source.arrays["a20", "disp"]
    source.arrays["a20", "disp"] = times[:1], values[:1]
    with pytest.raises(NoZeroReading, match="'a20'"):
        get(source, directory, "a3", "du", "mm", {"ZERO_DATE": date(1)})
    assert len(get(source, directory, "a3", "du", "mm", {"ZERO_DATE": date(1), "END": {"value": "TOP"}})) == 3


def test_anchors_need_an_order() -> None:
    """Two anchors without depths have no deepest one; a single one has itself."""
    one, two = (Sensor(name, "EXTENSOMETER_ROD", {}, "x") for name in "ab")
    with pytest.raises(MetricNotAvailable, match="MUX_INDEX"):
        plan(one, "du", "mm", None, MemoryDirectory(one, two))
    source = MemorySource({("a", "disp"): {0: 1.0, 1: 2.0}})
    assert get(source, MemoryDirectory(one), "a", "du", "mm") == {0: 0.0, 1: 0.0}


@given(
    st.lists(st.integers(0, 20_000), min_size=1, max_size=60, unique=True),
    st.integers(1, 10_000),
    st.integers(0, 20_000),
    st.randoms(use_true_random=False),
)
def test_moving_sums_do_not_know_where_a_window_begins(times: list[int], dt: int, start: int, random: Random) -> None:
    """Whatever the readings, the interval and the window: the same bits, and what adding up the interval gives."""
    readings = {us: random.uniform(-1.0, 1.0) * 10 ** random.randint(-9, 9) for us in sorted(times)}
    directory = MemoryDirectory(Sensor("g", "RAIN_GAUGE", {"TIP_SIZE": 1.0}))
    source, params = MemorySource({("g", "tips"): readings}), {"dt": {"value": dt * 1e-6}}
    whole = get(source, directory, "g", "rain_cum", "mm", params)
    part = get(source, directory, "g", "rain_cum", "mm", params, start, None)
    assert part == {us: value for us, value in whole.items() if us >= start}
    assert list(whole) == [us for us in readings if us - dt >= min(readings)]
    for us, value in whole.items():
        within = [reading for at, reading in readings.items() if us - dt < at <= us]
        assert value == pytest.approx(math.fsum(within), rel=1e-12, abs=1e-13 * max(map(abs, within)))
