"""Instruments that were replaced: the accumulated value goes on, or the step stays."""

import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import MetricNotAvailable
from tseng_units.evaluate import Execution
from tseng_units.instants import MIN_US
from tseng_units.plan import plan
from tseng_units.sensors import Sensor

HOUR = 3_600_000_000
READINGS: dict[int, float | None] = {
    0: 10.0, HOUR: 12.0,  # the first instrument
    2 * HOUR: 100.0, 3 * HOUR: 103.0,  # the second one
    4 * HOUR: 7.0, 5 * HOUR: 8.0,  # the third one
}  # fmt: skip


def crackmeter(*events: tuple[float, object], **props: object) -> Sensor:
    """A crackmeter replaced at these hours."""
    return Sensor("c", "DISPLACEMENT", props, epochs={"REPLACEMENT": tuple((round(h * HOUR), v) for h, v in events)})


def ddisp(sensor: Sensor, **request: object) -> list[float]:
    """Its movement since the first reading, at all hours."""
    source = MemorySource({("c", "disp"): READINGS}, block=2)
    return list(get(source, MemoryDirectory(sensor), "c", "ddisp", "mm", request or None).values())


def test_a_sensor_replaced_twice() -> None:
    """Movements 0, 2; the second instrument's first reading counts as 2, so 2, 5; the third one's as 5, so 5, 6."""
    assert ddisp(crackmeter((1.5, "CARRY"), (4, "CARRY"))) == [0, 2, 2, 5, 5, 6]


def test_a_step_that_stays() -> None:
    """KEEP carries nothing: the second instrument reads 100 - 10; the third one goes on from 93."""
    assert ddisp(crackmeter((1.5, "KEEP"), (4, "CARRY"))) == [0, 2, 90, 93, 93, 94]
    assert ddisp(crackmeter((1.5, "KEEP"))) == ddisp(Sensor("c", "DISPLACEMENT")) == [0, 2, 90, 93, -3, -2]
    assert ddisp(crackmeter((1.5, None), (4, None))) == [0, 2, 90, 93, -3, -2]


def test_zero_after_a_replacement() -> None:
    """The reference is a carried reading too: with the zero at the second instrument's, all moves by one constant."""
    sensor = crackmeter((1.5, "CARRY"), (4, "CARRY"))
    assert ddisp(sensor, ZERO_DATE={"value": "1970-01-01T03:00:00Z"}) == [-5, -3, -3, 0, 0, 1]


def test_moving_differences_and_rates_do_not_see_the_step() -> None:
    """Over one hour the replaced instruments moved 2, 0, 3, 0, 1 mm, and so many times 24 mm a day."""
    sensor, source = crackmeter((2, "CARRY"), (4, "CARRY")), MemorySource({("c", "disp"): READINGS})
    dt = {"dt": {"value": 1, "unit": "h"}}
    assert ddisp(sensor, **dt) == [2, 0, 3, 0, 1]
    rate = get(source, MemoryDirectory(sensor), "c", "v_disp", "mm_d", dt)
    assert list(rate.values()) == pytest.approx([48, 0, 72, 0, 24])


def test_an_instrument_that_never_read() -> None:
    """Two replacements without a reading between them are one step, not two; before all readings there is none."""
    assert ddisp(crackmeter((1.2, "CARRY"), (1.5, "CARRY"), (4, "CARRY"))) == [0, 2, 2, 5, 5, 6]
    assert ddisp(crackmeter((1.2, "CARRY"), (1.5, "KEEP"))) == [0, 2, 90, 93, -3, -2]
    assert ddisp(crackmeter((-1, "CARRY"), (9, "CARRY"))) == [0, 2, 90, 93, -3, -2]


def test_a_first_value_without_a_date_is_no_replacement() -> None:
    """What was always so, or is no value of a date, replaces nothing."""
    always = Sensor("c", "DISPLACEMENT", {"REPLACEMENT": "CARRY"}, epochs={"REPLACEMENT": ((MIN_US, "CARRY"),)})
    assert ddisp(always) == ddisp(Sensor("c", "DISPLACEMENT", {"REPLACEMENT": "CARRY"})) == [0, 2, 90, 93, -3, -2]


def test_replacements_of_the_device() -> None:
    """A replaced device replaces its sensors; at one instant the sensor's own word counts."""
    epochs = {"REPLACEMENT": ((2 * HOUR, "CARRY"), (4 * HOUR, "CARRY"))}
    assert ddisp(Sensor("c", "DISPLACEMENT", device_epochs=epochs)) == [0, 2, 2, 5, 5, 6]
    kept = {"REPLACEMENT": ((4 * HOUR, "KEEP"),)}
    assert ddisp(Sensor("c", "DISPLACEMENT", epochs=kept, device_epochs=epochs)) == [0, 2, 2, 5, -91, -90]


def test_the_base_itself_is_not_carried() -> None:
    """What an instrument read stays what it read: only differences go on."""
    source = MemorySource({("c", "disp"): READINGS})
    assert get(source, MemoryDirectory(crackmeter((2, "CARRY"))), "c", "disp", "mm") == READINGS


def test_a_replaced_segment() -> None:
    """Each segment carries by itself: 30 degrees of 1 m is 0.5 m, and the new segment's 90 degrees is taken as that."""
    lower = Sensor("b", "IPI_BIAXIAL", {"MUX_INDEX": 2, "GAUGE_LENGTH": 1.0}, "d")
    upper = Sensor(
        "a", "IPI_BIAXIAL", {"MUX_INDEX": 1, "GAUGE_LENGTH": 1.0}, "d",
        epochs={"REPLACEMENT": ((2 * HOUR, "CARRY"),)},
    )  # fmt: skip
    source = MemorySource({
        ("a", "tilt_x"): {0: 0.0, HOUR: 30.0, 2 * HOUR: 90.0, 3 * HOUR: 30.0},
        ("b", "tilt_x"): {0: 0.0, HOUR: 0.0, 2 * HOUR: 0.0, 3 * HOUR: 30.0},
    })  # fmt: skip
    got = get(source, MemoryDirectory(upper, lower), "a", "dx", "m")
    assert list(got.values()) == pytest.approx([0.0, 0.5, 0.5, 0.5])
    assert list(get(source, MemoryDirectory(upper, lower), "a", "x", "m").values()) == pytest.approx([0, 0.5, 1.0, 1.0])


def test_an_unknown_word_is_refused() -> None:
    """Anything but CARRY and KEEP makes differences unavailable and says what is allowed; readings are there."""
    sensor = crackmeter((2, "carry"))
    with pytest.raises(MetricNotAvailable, match=r"REPLACEMENT.*'carry' is none of CARRY, KEEP"):
        plan(sensor, "ddisp", "mm", None, MemoryDirectory(sensor))
    assert plan(sensor, "disp", "mm", None, MemoryDirectory(sensor))


def test_offsets_are_told() -> None:
    """Sensor, metric, time, offset, unit and the two readings of each replacement, also where there is no reading."""
    sensor = crackmeter((2, "CARRY"), (9, "CARRY"))
    execution = Execution(
        plan(sensor, "ddisp", "in", None, MemoryDirectory(sensor)), MemorySource({("c", "disp"): READINGS})
    )
    about = {"sensor": "c", "metric": "disp", "unit": "mm"}
    assert execution.carried == [
        {
            **about,
            "time": "1970-01-01T02:00:00.000Z",
            "offset": -88.0,
            "before": {"time": "1970-01-01T01:00:00.000Z", "value": 12.0},
            "after": {"time": "1970-01-01T02:00:00.000Z", "value": 100.0},
        },
        {
            **about,
            "time": "1970-01-01T09:00:00.000Z",
            "offset": 0.0,
            "before": {"time": "1970-01-01T05:00:00.000Z", "value": 8.0},
            "after": None,
        },
    ]
    assert execution.zeros[0]["metric"] == "disp"


def test_what_overflows_is_missing() -> None:
    """An offset beyond the range of float64 leaves nothing from then on, and no infinity."""
    source = MemorySource({("c", "disp"): {0: 1.7e308, HOUR: -1.7e308}})
    assert get(source, MemoryDirectory(crackmeter((1, "CARRY"))), "c", "ddisp", "mm") == {0: 0.0}
