"""Metrics of installed packages: found by entry point, used like any other, and harmless when broken."""

import logging
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points

import numpy as np
import pytest
from tests.units.memory import MemoryDirectory, MemorySource, get

from tseng_units.errors import InvalidDefinition, PluginFailed
from tseng_units.formulas.declare import Floats, Prop, formula, linear
from tseng_units.plan import plan
from tseng_units.plugins import GROUP, Plugins, load, metric
from tseng_units.sensors import Sensor

GOOD = '''
import numpy as np
from tseng_units.formulas.declare import Prop, formula
from tseng_units.plugins import metric

@formula("digit", "C", unit="mm", props=(Prop("G", "mm/digit"),))
def creep(digits, temperature, *, g):
    """Creep by table 3: G times the reading above 15 C, else nothing.

    Source: report 9, table 3.
    """
    return np.where(temperature > 15, digits * g, 0.0)

METRICS = [metric(creep, "creep", inputs=["digits", "T"], types=["CRACKMETER_VW"], version=4)]

def more():
    yield metric(creep, "creep_change", inputs=["digits", "T"], unit="um", name="creep change", delta=True)
'''
MODULES = {
    "creep_metrics": GOOD,
    "creep_broken": "import a_module_that_is_not_there",
    "creep_quits": "raise SystemExit('no licence')",
    "creep_odd": "METRICS = [1]",
    "creep_taken": GOOD.replace('"creep"', '"dx"'),
    "creep_twice": GOOD,
}
POINTS = """[tseng.metrics]
alpha = creep_metrics:METRICS
beta = creep_broken:METRICS
delta = creep_metrics:more
epsilon = creep_quits:METRICS
eta = creep_metrics:NOTHING
gamma = creep_odd:METRICS
theta = creep_taken:METRICS
zeta = creep_twice:METRICS
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plugins]:
    """What is loaded of a package that looks as pip leaves one."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    info = folder / "creep_metrics-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: creep-metrics\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(POINTS)
    sys.path.insert(0, str(folder))
    try:
        yield load(entry_points(group=GROUP))
    finally:
        sys.path.remove(str(folder))
        for name in MODULES:
            sys.modules.pop(name, None)


def test_plugins_are_found_by_entry_point(found: Plugins) -> None:
    """A list of metrics and a function that gives some; each knows which package it is of."""
    assert sorted(found.definitions) == ["creep", "creep_change"]
    creep = found.definitions["creep"]
    assert (creep.origin, creep.metric.version, creep.metric.default_unit) == ("plugin creep-metrics 1.2", 4, "mm")
    assert creep.types == ("CRACKMETER_VW",)


def test_broken_ones_are_named_and_stop_nothing(found: Plugins) -> None:
    """An import that fails, a module that quits, a wrong attribute or value, an id that is taken."""
    said = {name: problem.removeprefix("plugin creep-metrics 1.2 ") for name, problem in found.problems.items()}
    assert sorted(said) == ["beta", "epsilon", "eta", "gamma", "theta", "zeta"]
    assert said["beta"].startswith("(creep_broken:METRICS): ModuleNotFoundError: No module named 'a_module_that")
    assert said["epsilon"] == "(creep_quits:METRICS): SystemExit: no licence"
    assert "NOTHING" in said["eta"]
    assert "1 is not what tseng_units.plugins.metric makes" in said["gamma"]
    assert "the catalogue has a metric or rule of this id" in said["theta"]
    assert said["zeta"].endswith("plugin creep-metrics 1.2 has a metric 'creep' too")


def test_broken_ones_are_logged(found: Plugins, caplog: pytest.LogCaptureFixture) -> None:
    """By package, entry point and reason."""
    with caplog.at_level(logging.WARNING, logger="tseng"):
        load(point for point in entry_points(group=GROUP) if point.name == "beta")
    assert "broken plugin creep-metrics 1.2 (creep_broken:METRICS): ModuleNotFoundError" in caplog.text


def test_a_plugins_metric_is_read_like_any_other(found: Plugins) -> None:
    """8,000 digits of 0.01 mm at 20 C are 80 mm, at 10 C nothing; the change since the first is 80,000 um."""
    sensor = Sensor("c", "CRACKMETER_VW", {"G": 0.01}, uploaded=("digits", "T"), definitions=found.definitions)
    source = MemorySource({("c", "digits"): {0: 8000.0, 1: 8000.0}, ("c", "T"): {0: 10.0, 1: 20.0}})
    directory = MemoryDirectory(sensor)
    assert get(source, directory, "c", "creep", "mm") == pytest.approx({0: 0.0, 1: 80.0}, rel=1e-12)
    assert get(source, directory, "c", "creep_change", "um") == pytest.approx({0: 0.0, 1: 80_000.0}, rel=1e-12)
    told = plan(sensor, "creep", "mm", None, directory).describe()
    assert told["metric"] == {
        "id": "creep",
        "version": 4,
        "definedBy": "plugin creep-metrics 1.2",
        "definition": {"function": "creep_metrics.creep", "unit": "mm", "inputs": ["digits", "T"]},
    }
    assert told["formulas"] == [
        {"id": "creep", "equation": "Creep by table 3: G times the reading above 15 C, else nothing.",
         "source": "report 9, table 3."}
    ]  # fmt: skip


@formula("mm", unit="mm")
def raising(length: Floats) -> Floats:
    """Fail."""
    raise ZeroDivisionError("no luck")


@formula("mm", unit="mm")
def too_short(length: Floats) -> Floats:
    """Give one value for all rows."""
    return length[:1]


@linear("mm", unit="mm", props=(Prop("BY", "mm", 3.0),))
def shifted(*, by: float) -> tuple[float, float]:
    """Displacement less BY, doubled."""
    return by, 2.0


@formula("mm", unit="CAL_UNIT")
def any_unit(value: Floats) -> Floats:
    """Take what comes."""
    return value * np.float64(2)


def of(function: object, **arguments: object) -> Sensor:
    """A sensor with a metric of this function of its displacement."""
    made = metric(function, "x1", inputs=["disp"], **arguments)  # type: ignore[arg-type]
    return Sensor("c", "DISPLACEMENT", uploaded=("disp",), definitions={"x1": made})


@pytest.mark.parametrize(
    ("function", "says"),
    [(raising, "ZeroDivisionError: no luck"), (too_short, r"shape \(1,\) for rows of shape \(2,\)")],
)
def test_a_function_that_fails_is_named(function: object, says: str) -> None:
    """The metric, and what was raised or returned."""
    sensor = of(function)
    source = MemorySource({("c", "disp"): {0: 1.0, 1: 2.0}})
    with pytest.raises(PluginFailed, match=f"metric 'x1' of a plugin failed: .*{says}"):
        get(source, MemoryDirectory(sensor), "c", "x1", "mm")


def test_straight_lines_and_units(found: Plugins) -> None:
    """A declared line works too; the default unit is the function's, or one that is named."""
    source = MemorySource({("c", "disp"): {0: 10.0}})
    sensor = of(shifted, unit="um", types=["DISPLACEMENT"])
    assert sensor.definitions["x1"].metric.default_unit == "um"
    assert get(source, MemoryDirectory(sensor), "c", "x1", "mm") == pytest.approx({0: 14.0}, rel=1e-12)


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (np.sin, {}, "sin is not declared by `formula` or `linear`"),
        (any_unit, {}, "any_unit is not declared by `formula` or `linear` with units of its own"),
        (shifted, {"unit": "kPa"}, "'kPa' is no unit of length; allowed: "),
        (shifted, {"inputs": ["disp", "T"]}, "shifted takes 1 inputs, not 2"),
        (shifted, {"inputs": ["T"]}, "takes T in 'mm', and T is of temperature"),
    ],
)
def test_what_does_not_fit_is_refused(function: object, arguments: dict[str, object], says: str) -> None:
    """While the plugin is loaded, so that it is listed as broken."""
    with pytest.raises(InvalidDefinition) as raised:
        metric(function, "x1", **{"inputs": ["disp"], **arguments})  # type: ignore[arg-type]
    assert says in str(raised.value)
