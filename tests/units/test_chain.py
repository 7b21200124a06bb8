"""Chains: the same bits whatever the parts and chunks, and no writing where that is not allowed."""

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.units.memory import MemoryDirectory, MemorySource

from tseng_units.chain import CHUNK, Chain, Step, applied, converted, less, line, of_parts, raised
from tseng_units.evaluate import Execution
from tseng_units.plan import plan
from tseng_units.registry import conversion
from tseng_units.sensors import Sensor

Floats = NDArray[np.float64]
LENGTH = 3 * CHUNK + 5


def values() -> Floats:
    """More values than three chunks hold."""
    return np.random.default_rng(5).normal(0.0, 1e3, LENGTH)


def chained(parts: list[Floats], owned: bool) -> Chain:
    """All kinds of steps over values in parts."""
    count = sum(map(len, parts))
    steps: list[Step] = [
        applied(lambda x, y: np.sin(x) * y, [np.arange(count, dtype=np.float64)], {}),
        line(0.25, -3.0),
        raised([(slice(7, CHUNK + 2), 0.125), (slice(CHUNK + 2, LENGTH - 3), -0.5)]),
        less(1.75),
        converted(conversion("temperature", "C", "F")),
    ]
    return Chain(np.arange(count), parts, owned, steps=steps)


def by_hand(x: Floats) -> Floats:
    """The same with whole arrays."""
    x = np.asarray((np.sin(x) * np.arange(len(x)) - 0.25) * -3.0)
    x[7 : CHUNK + 2] += 0.125
    x[CHUNK + 2 : LENGTH - 3] += -0.5
    return conversion("temperature", "C", "F").apply(x - 1.75)


@pytest.mark.parametrize("cuts", [[], [1], [CHUNK - 1, CHUNK, 2 * CHUNK + 9], [5, LENGTH - 1]])
def test_bits_do_not_depend_on_parts_and_chunks(cuts: list[int]) -> None:
    """Values in one part or in several give what whole arrays give, bit for bit, and stay as they are."""
    parts = np.split(values(), cuts)
    computed, own, _ = chained(parts, False).whole()
    assert own
    assert computed.tobytes() == by_hand(values()).tobytes()
    assert np.concatenate(parts).tobytes() == values().tobytes()
    total = np.ones(LENGTH)
    chained(parts, False).add_to(total)
    assert total.tobytes() == (by_hand(values()) + 1.0).tobytes()


def test_owned_values_are_changed_in_place() -> None:
    """Where the values belong to the run no array is made."""
    x = values()
    computed, _, _ = chained([x], True).whole()
    assert computed is x
    assert computed.tobytes() == by_hand(values()).tobytes()


def test_what_is_not_finite_is_noticed() -> None:
    """A formula that made NaN somewhere is told, in whichever chunk."""
    for at in (0, CHUNK, LENGTH - 1):
        steps = [applied(lambda x: np.where(x == at, np.nan, x), [], {}), less(1.0)]  # noqa: B023 (used at once)
        chain = Chain(np.arange(LENGTH), [np.arange(LENGTH, dtype=np.float64)], False, True, steps)
        assert chain.whole()[2] is False


def test_many_small_parts_are_copied_together() -> None:
    """A few values a part would be computed a few values at a time."""
    x = np.arange(100.0)
    assert len(of_parts(np.arange(100), np.split(x, 50)).parts) == 1
    whole = of_parts(np.arange(CHUNK), [values()[:CHUNK]])
    assert (len(whole.parts), whole.owned) == (1, False)


def test_a_series_in_parts_has_no_seams() -> None:
    """Displacements of an array from a source that hands out parts are those of whole arrays; its arrays are kept."""
    count = 2 * CHUNK + 100
    times = np.arange(count, dtype=np.int64) * 1_000_000
    tilts = np.random.default_rng(6).normal(0.0, 3.0, (3, count))
    sensors = [Sensor(f"t{i}", "IPI_BIAXIAL", {"MUX_INDEX": i, "GAUGE_LENGTH": 1.0 + i}, "d") for i in range(3)]
    source = MemorySource({})
    for sensor, tilt in zip(sensors, tilts, strict=True):
        source.add(sensor.id, "tilt_x", times, tilt.copy())
    deviations = [np.sin(tilt * (np.pi / 180)) * (1.0 + i) for i, tilt in enumerate(tilts)]
    expected = sum((x - x[0] for x in deviations[1:]), deviations[0] - deviations[0][0])
    execution = Execution(plan(sensors[0], "dx", "m", None, MemoryDirectory(*sensors)), source)
    assert execution.evaluate()[1].tobytes() == np.asarray(expected).tobytes()
    assert source.arrays["t1", "tilt_x"][1].tobytes() == tilts[1].tobytes()
