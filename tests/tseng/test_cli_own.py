"""`tseng metrics` and `tseng units`: what they print, and their exit codes."""

from pathlib import Path

import pytest
from tests.tseng.commands import Run

from tseng_units.plugins import Plugins

SENSOR = "/site/t1/sensor"
METRICS = """
[metrics.warmth]
unit = "C"
expression = "T - FREEZING"
constants.FREEZING = { value = 0.0, unit = "C" }
"""


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Run:
    """Commands on a store with one thermometer, at 10 C."""
    (tmp_path / "t.csv").write_text("time,T\n2024-03-01T00:00:00Z,10.0\n")
    assert run("import", "t.csv", "--sensor", SENSOR, "--create", "TEMPERATURE_SDE").code == 0
    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one definition."""
    path = tmp_path / "metrics.toml"
    path.write_text(METRICS)
    return path


def test_metrics_are_added_listed_read_and_removed(site: Run, file: Path) -> None:
    """Adding prints id and version, the list names unit and expression, a read gives values as intervals."""
    assert site("metrics", "add", str(file)).out == b"warmth version 1\n"
    assert site("metrics", "list").out.decode().splitlines() == [
        "id      version  unit  defined by  expression",
        "warmth  1        C     project     T - FREEZING",
    ]
    ran = site("get", SENSOR, "warmth", "F", "--format", "csv")
    assert ran.out.decode() == "time,value\n2024-03-01T00:00:00.000Z,18\n"
    file.write_text(METRICS.replace("T - FREEZING", "FREEZING - T"))
    assert site("metrics", "add", str(file)).out == b"warmth version 2\n"
    assert site("metrics", "remove", "warmth").code == 0
    assert site("metrics", "list").out.decode().splitlines() == ["id  version  unit  defined by  expression"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (METRICS.replace("-", "+"), "metric 'warmth': in `T + FREEZING`: temperature and temperature cannot be added"),
        ("[metrics.warmth", "metrics.toml: "),
        ("[sensors.warmth]", "the file holds tables [metrics.ID] alone, and there is 'sensors' beside it"),
        ("", "the file holds tables [metrics.ID] alone, and there is none"),
        ("[metrics]", "must be an object of definitions"),
    ],
)
def test_what_cannot_be_added_is_one_line(site: Run, file: Path, text: str, says: str) -> None:
    """Exit 1, nothing on stdout, the term or the place on stderr."""
    file.write_text(text)
    ran = site("metrics", "add", str(file))
    assert (ran.code, ran.out) == (1, b"")
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_broken_plugin_is_named_beside_the_list(site: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, with what it raised; the list itself is whole."""
    broken = Plugins({}, {"frost": "plugin frost-metrics 1.0 (frost_metrics:METRICS): ImportError: no"})
    monkeypatch.setattr("tseng.defining.plugins", lambda: broken)
    ran = site("metrics", "list")
    assert (ran.code, len(ran.out.splitlines())) == (0, 1)
    assert ran.err == f"tseng: frost is not in use: {broken.problems['frost']}\n"


def test_units_are_mapped_listed_and_unmapped(run: Run, tmp_path: Path) -> None:
    """A column in a unit of the file's own: 23.4 hundredths of a volt are 234 mV while the map is there."""
    (tmp_path / "b.csv").write_text("time,value\n2024-03-01T00:00:00Z,23.4\n")
    words = ("import", "b.csv", "--sensor", "/b", "--metric", "bridge", "--unit", "Vx10^-2", "--create", "DYNAMIC")
    assert run(*words).code == 0
    ask = ("get", "/b", "bridge", "mV", "--format", "csv")
    assert run(*ask).code == 1
    assert run("units", "map", "Vx10^-2", "mV", "--scale", "10").code == 0
    assert run("units", "list").out.decode().splitlines() == [
        "text     unit  scale  offset  dimension",
        "Vx10^-2  mV    10.0   0.0     voltage",
    ]
    assert run(*ask).out.decode() == "time,value\n2024-03-01T00:00:00.000Z,234\n"
    assert run("get", "/b", "bridge", "Vx10^-2", "--format", "csv").out.endswith(b",23.4\n")
    assert run("units", "unmap", "Vx10^-2").code == 0
    assert run(*ask).code == 1
    assert "maps no unit" in run("units", "unmap", "Vx10^-2").err
    refused = run("units", "map", "Vx10^-2", "millivolts")
    assert (refused.code, "'millivolts' is no unit" in refused.err) == (1, True)
