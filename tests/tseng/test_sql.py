"""SQL over the store, in this process: views, functions, one snapshot."""

import json
import math
from pathlib import Path

import pytest

from tseng.engine import Engine
from tseng.sql import session

SENSOR = "/site/t1/sensor"


def _reading(hour: int, value: float) -> dict[str, object]:
    return {"sensorId": SENSOR, "timestamp": f"2024-03-01T{hour:02}:00:00Z", "values": {"T": value}}


@pytest.fixture
def site(engine: Engine) -> Engine:
    """An engine with one thermometer and three readings."""
    engine.create_entity("sensor", SENSOR, "TEMPERATURE_SDE", {"NAME": "north"})
    engine.upload([_reading(0, 10.0), _reading(1, 11.5), _reading(2, 9.25)])
    return engine


def test_convert_is_absolute_and_convert_delta_is_not(site: Engine) -> None:
    """0 C is 32 F, and a difference of 1 C is 1.8 F; NULL stays NULL, and what overflows is NULL."""
    query = (
        "SELECT convert(0, 'C', 'F'), convert_delta(1, 'C', 'F'), convert(NULL, 'C', 'F'), convert(1e308, 'km', 'mm')"
    )
    assert site.sql(query).fetchall() == [(32.0, 1.8, None, None)]


def test_units_may_differ_from_row_to_row(site: Engine) -> None:
    """Each row is converted by its own pair of units."""
    query = "SELECT convert(v, f, t) FROM (VALUES (1, 'm', 'mm'), (1, 'ft', 'm'), (100, 'C', 'K')) AS x(v, f, t)"
    assert [value for (value,) in site.sql(query).fetchall()] == pytest.approx([1000, 0.3048, 373.15])


def test_get_data_takes_parameters_as_json(site: Engine) -> None:
    """The same read as everywhere else, with and without parameters, and with NULL for none."""
    params = json.dumps({"ZERO_DATE": {"value": "2024-03-01T01:00:00Z"}})
    rows = site.sql(f"SELECT value FROM get_data('{SENSOR}', 'dT', 'C', '{params}') ORDER BY time").fetchall()
    assert rows == [(-1.5,), (0.0,), (-2.25,)]
    assert len(site.sql(f"SELECT * FROM get_data('{SENSOR}', 'dT', 'C', NULL)").fetchall()) == 3


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (f"'{SENSOR}', 'T', 'm'", "m"),
        ("'/nowhere', 'T', 'C'", "/nowhere"),
        ("NULL, 'T', 'C'", "sensor"),
        (f"'{SENSOR}', 'T', 'C', 'soon'", "soon"),
    ],
)
def test_a_refusal_says_why(site: Engine, arguments: str, says: str) -> None:
    """What get_data refuses, SQL refuses in the same words."""
    with pytest.raises(Exception, match=says):
        site.sql(f"SELECT * FROM get_data({arguments})").fetchall()


def test_a_session_stays_at_its_moment(site: Engine) -> None:
    """Views and get_data agree even when readings arrive between the making of a query and its running."""
    query = f"SELECT (SELECT count(*) FROM observations), (SELECT count(*) FROM get_data('{SENSOR}', 'T', 'C'))"
    with session(site) as connection:
        relation = connection.sql(query)
        site.upload([_reading(3, 1.0)])
        assert relation.fetchall() == [(3, 3)]
    assert site.sql(query).fetchall() == [(4, 4)]


def test_views_of_the_catalogue_and_the_sensors(site: Engine) -> None:
    """Units by dimension, metrics by id, and a sensor's props as JSON."""
    assert site.sql("SELECT notation FROM units WHERE dimension = 'pressure' AND id = 'kgf_cm2'").fetchall() == [
        ("kgf/cm²",)
    ]
    assert site.sql("SELECT default_unit FROM metrics WHERE id = 'dx'").fetchall() == [("m",)]
    assert site.sql("SELECT props ->> 'NAME' FROM sensors").fetchall() == [("north",)]


def test_a_query_larger_than_memory_leaves_the_working_folder_alone(
    site: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What spills to disk spills elsewhere."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    with session(site) as connection:
        connection.execute("SET memory_limit = '60MB'")
        top = connection.execute(
            "SELECT max(h) FROM (SELECT hash(i) AS h FROM range(6000000) r(i) ORDER BY h)"
        ).fetchone()
    assert top is not None
    assert math.isfinite(top[0])
    assert not list(here.iterdir())
