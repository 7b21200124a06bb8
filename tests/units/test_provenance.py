"""What a plan says of values that changed, masks, barometers and replacements: each number must be traceable."""

import json
from typing import Any

from tests.units.memory import MemoryDirectory

from tseng_units.plan import Plan, plan
from tseng_units.sensors import Sensor

HOUR = 3_600_000_000
ONE, TWO = "1970-01-01T01:00:00.000Z", "1970-01-01T02:00:00.000Z"


def told(planned: Plan) -> dict[str, Any]:
    """The description, as it is after a way through JSON."""
    found: dict[str, Any] = json.loads(json.dumps(planned.describe()))
    return found


def prop(description: dict[str, Any], sensor: str, name: str) -> dict[str, Any]:
    """The one entry of a prop."""
    (found,) = (each for each in description["props"] if (each["sensor"], each["name"]) == (sensor, name))
    return {key: value for key, value in found.items() if key not in ("sensor", "name")}


def piezometer(**epochs: Any) -> Sensor:
    """A vibrating wire piezometer whose props changed."""
    props = {"CAL_MODEL": "LINEAR", "G": -0.04, "R0": 9000.0, "CAL_UNIT": "kPa"}
    props |= {name: values[-1][1] for name, values in epochs.items()}
    return Sensor("v", "VW_PIEZOMETER", props, uploaded=("digits",), epochs=epochs)


def test_a_recalibration() -> None:
    """Every value is told with the time it serves, also below a difference; what never changed has no epochs."""
    sensor = piezometer(G=((0, -0.04), (HOUR, -0.041), (2 * HOUR, -0.042)), COMMENT=((0, "a"), (HOUR, "b")))
    for metric, unit in (("P_w", "psi"), ("dP_w", "psi"), ("dhead", "m")):
        found = told(plan(sensor, metric, unit, None, MemoryDirectory(sensor)))
        of = {"unit": "kPa/digit", "from": "sensor"}
        assert prop(found, "v", "G") == {
            "value": -0.042,
            **of,
            "epochs": [
                {"since": None, "until": ONE, "value": -0.04, **of},
                {"since": ONE, "until": TWO, "value": -0.041, **of},
                {"since": TWO, "until": None, "value": -0.042, **of},
            ],
        }
        assert "epochs" not in prop(found, "v", "R0")
        assert found["units"][:2] == ["digit", "kPa"]
        assert found["units"][-1] == unit


def test_another_model_from_a_date_on() -> None:
    """Props of a formula that serves for some time alone are told with that time, and so is the choice."""
    sensor = piezometer(CAL_MODEL=((0, "LINEAR"), (HOUR, "POLYNOMIAL")), A=((0, 1e-9),), B=((0, -0.04),))
    found = told(plan(sensor, "P_w", "kPa", None, MemoryDirectory(sensor)))
    assert [each["until"] for each in prop(found, "v", "G")["epochs"]] == [ONE]
    assert [each["since"] for each in prop(found, "v", "B")["epochs"]] == [ONE]
    assert [each["value"] for each in prop(found, "v", "CAL_MODEL")["epochs"]] == ["LINEAR", "POLYNOMIAL"]
    assert {"linear_calibration", "polynomial_from_field_zero"} <= {each["id"] for each in found["formulas"]}
    (switch,) = (step for step in found["steps"] if step["step"] == "epochs")
    assert switch["dates"] == [ONE]


def test_a_length_used_by_two_directions_is_told_once() -> None:
    """Two formulas that read one prop agree on its periods; segments of an array have each their own."""
    epochs = {"GAUGE_LENGTH": ((0, 2.0), (HOUR, 3.0))}
    upper = Sensor("a", "IPI_BIAXIAL", {"MUX_INDEX": 1, "GAUGE_LENGTH": 3.0}, "d", epochs=epochs)
    lower = Sensor("b", "IPI_BIAXIAL", {"MUX_INDEX": 2, "GAUGE_LENGTH": 1.0}, "d")
    found = told(plan(upper, "dn", "mm", None, MemoryDirectory(upper, lower)))
    assert [each["value"] for each in prop(found, "a", "GAUGE_LENGTH")["epochs"]] == [2.0, 3.0]
    assert prop(found, "b", "GAUGE_LENGTH") == {"value": 1.0, "unit": "m", "from": "sensor"}


def test_a_dated_azimuth_over_a_dated_length() -> None:
    """A difference reaches back to readings of any time: its base's periods are told whole, whatever lies above."""
    epochs = {"GAUGE_LENGTH": ((0, 2.0), (HOUR, 3.0)), "AZIMUTH_XY": ((0, 0.0), (2 * HOUR, 90.0))}
    sensor = Sensor("a", "TILT_BIAXIAL", {"GAUGE_LENGTH": 3.0, "AZIMUTH_XY": 90.0}, epochs=epochs)
    found = told(plan(sensor, "dn", "mm", None, MemoryDirectory(sensor)))
    assert [each["since"] for each in prop(found, "a", "GAUGE_LENGTH")["epochs"]] == [None, ONE]
    assert [each["since"] for each in prop(found, "a", "AZIMUTH_XY")["epochs"]] == [None, TWO]
    assert found["parameters"]["AZIMUTH_XY"]["value"] == 90.0
    asked = told(plan(sensor, "dn", "mm", {"AZIMUTH_XY": {"value": 5}}, MemoryDirectory(sensor)))
    assert asked["parameters"]["AZIMUTH_XY"] == {"value": 5.0, "unit": "deg", "from": "request"}
    assert not [each for each in asked["props"] if each["name"] == "AZIMUTH_XY"]


def test_masks_and_barometers() -> None:
    """Masks are told with the metrics they hide here and why; barometers with the time for which each was used."""
    masks = [{"start": ONE, "reason": "pumped"}, {"metrics": ["T"]}]
    epochs = {"BARO_SENSOR": ((0, "old"), (HOUR, "new"))}
    props = {"BARO_SENSOR": "new", "MASKS": masks}
    water = Sensor("w", "WATER_LEVEL_ABS", props, "d", {"MASKS": [{"end": ONE}]}, epochs=epochs)
    directory = MemoryDirectory(water, Sensor("old", "BAROMETER"), Sensor("new", "BAROMETER"))
    found = told(plan(water, "P_w", "kPa", None, directory))
    mask = {"sensor": "w", "metrics": ["P_raw"]}
    assert found["masks"] == [
        {**mask, "start": None, "end": ONE, "reason": "", "from": "device"},
        {**mask, "start": ONE, "end": None, "reason": "pumped", "from": "sensor"},
    ]
    assert found["partners"] == [
        {"sensor": "w", "partner": "new", "metric": "P"},
        {"sensor": "w", "partner": "old", "metric": "P"},
    ]
    assert [each["until"] for each in prop(found, "w", "BARO_SENSOR")["epochs"]] == [ONE, None]
    raw = told(plan(water, "P_raw", "kPa", None, directory))
    assert len(raw["masks"]) == 2


def test_a_replacement_is_a_step() -> None:
    """The step that goes on over replacements names their dates."""
    sensor = Sensor("c", "DISPLACEMENT", epochs={"REPLACEMENT": ((HOUR, "CARRY"), (2 * HOUR, "KEEP"))})
    found = told(plan(sensor, "ddisp", "mm", None, MemoryDirectory(sensor)))
    assert [step for step in found["steps"] if step["step"] == "carry"] == [
        {"step": "carry", "sensor": "c", "quantity": "disp", "replaced": [ONE], "unit": "mm"}
    ]


def test_units_of_a_calibration_that_changed() -> None:
    """A sheet in psi after one in kPa: the chain is that of now, and earlier readings are converted to its unit."""
    sensor = piezometer(CAL_UNIT=((0, "kPa"), (HOUR, "psi")))
    found = told(plan(sensor, "P_w", "mH2O", None, MemoryDirectory(sensor)))
    assert [each["value"] for each in prop(found, "v", "CAL_UNIT")["epochs"]] == ["kPa", "psi"]
    assert found["units"] == ["digit", "psi", "mH2O"]
    assert {"step": "convert", "from": "kPa", "to": "psi", "dimension": "pressure"} in found["steps"]
