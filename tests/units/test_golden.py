"""Every worked case, at its own tolerance, against a source in memory."""

import pytest
from tests import golden
from tests.golden import Case
from tests.units.memory import MemoryDirectory, MemorySource

from tseng_units.errors import UnitsError
from tseng_units.evaluate import Execution
from tseng_units.plan import plan
from tseng_units.registry import convert
from tseng_units.sensors import Sensor, metrics

ABOVE_THIS_PACKAGE = {"UNKNOWN_SENSOR", "INVALID_TIME_RANGE"}
"""Categories that are decided before a plan is made: which sensor, which window."""


def sensors_of(case: Case) -> MemoryDirectory:
    """The sensors of a case; a metric counts as uploaded when the case has a column for it."""
    return MemoryDirectory(
        *(
            Sensor(
                id=sensor["id"],
                type=sensor["type"],
                props=sensor["props"],
                device=sensor.get("device"),
                device_props=golden.device_props(case, sensor),
                uploaded=tuple(sensor["obs"]["v"]),
            )
            for sensor in case["sensors"]
        )
    )


def source_of(case: Case) -> MemorySource:
    """The observations of a case, later rows over earlier ones."""
    data: dict[tuple[str, str], dict[int, float | None]] = {}
    for sensor in case["sensors"]:
        for us, values in golden.rows(sensor):
            for metric, value in values.items():
                data.setdefault((sensor["id"], metric), {})[us] = value
    return MemorySource(data)


@pytest.mark.parametrize("case", golden.ready("unit"), ids=golden.name_of)
def test_unit_case(case: Case | None) -> None:
    """A unit case converts to the expected values or raises the expected category."""
    case = golden.require(case)
    arguments = (case["values"], case["from"], case["to"], case["dimension"])
    if "error" in case["expect"]:
        with pytest.raises(UnitsError) as raised:
            convert(*arguments)
        assert raised.value.category == case["expect"]["error"]
    else:
        golden.assert_values(case, convert(*arguments).tolist(), case["expect"]["values"])


@pytest.mark.parametrize("case", golden.ready("catalogue"), ids=golden.name_of)
def test_catalogue_case(case: Case | None) -> None:
    """A catalogue case lists exactly the expected metrics, each once."""
    case = golden.require(case)
    directory = sensors_of(case)
    listed = [offered.id for offered in metrics(directory.sensors[case["sensor"]], directory)]
    assert sorted(listed) == sorted(case["expect"]["metrics"])


@pytest.mark.parametrize("case", golden.ready("metric"), ids=golden.name_of)
def test_metric_case(case: Case | None) -> None:
    """A metric case gives exactly the expected timestamps and values, or the expected category."""
    case = golden.require(case)
    if case["expect"].get("error") in ABOVE_THIS_PACKAGE:
        return
    directory, request = sensors_of(case), case["request"]
    arguments = (directory.sensors[request["sensor"]], request["metric"], request["unit"], request["params"])
    if "error" in case["expect"]:
        with pytest.raises(UnitsError) as raised:
            Execution(plan(*arguments, directory), source_of(case)).evaluate(*golden.window(case))
        assert raised.value.category == case["expect"]["error"]
        return
    times, values = Execution(plan(*arguments, directory), source_of(case)).evaluate(*golden.window(case))
    golden.assert_data(case, times.tolist(), values.tolist())
