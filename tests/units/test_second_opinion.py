"""What others say to the same numbers: plain Python for every metric, PROJ for positions, MetPy for dew points."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metpy.calc import dewpoint_from_relative_humidity
from metpy.units import units
from pyproj import Transformer
from tests.units.memory import get
from tests.units.oracle_geometry import Oracle
from tests.units.site import DIRECTORY, MOMENTS, SENSORS, read_with, readings, source_of

from tseng_units.errors import NoZeroReading
from tseng_units.formulas.atmosphere import dew_point
from tseng_units.formulas.geodesy import local_east, local_north, local_up
from tseng_units.instants import format_instant
from tseng_units.sensors import metrics

COMPARED = [sensor.id for sensor in SENSORS if not sensor.epochs and sensor.id != "generic"]


def answers(name: str, rows: Any, metric: str, unit: str, zero: int | None, dt: int | None) -> tuple[Any, Any]:
    """Our answer and the oracle's; of an error its category."""
    params: dict[str, Any] = {} if dt is None else {"dt": {"value": dt}}
    params |= {} if zero is None else {"ZERO_DATE": {"value": format_instant(zero)}}
    ours = partial(get, source_of(rows), DIRECTORY, name, metric, unit, params)
    return _tried(ours), _tried(partial(Oracle(DIRECTORY, rows, zero, dt).of, name, metric))


def _tried(ask: Callable[[], dict[int, float]]) -> dict[int, float] | str:
    try:
        return ask()
    except NoZeroReading as problem:
        return problem.category


@pytest.mark.parametrize("name", COMPARED)
@settings(max_examples=12)
@given(st.data(), st.none() | MOMENTS, st.sampled_from([None, None, 600, 1200]))
def test_plain_python(name: str, data: st.DataObject, zero: int | None, dt: int | None) -> None:
    """Every metric computed point by point from its definition has the same points and values."""
    sensor = DIRECTORY.sensors[name]
    rows = data.draw(readings(read_with(sensor)))
    for metric in metrics(sensor, DIRECTORY):
        interval = 600 if dt is None and ("dt", True) in metric.params else dt
        ours, theirs = answers(name, rows, metric.id, metric.default_unit, zero, interval)
        assert type(ours) is type(theirs), metric.id
        if isinstance(ours, str):
            continue
        assert list(ours) == list(theirs), metric.id
        # the oracle's geocentric coordinates resolve nanometres, which are 1e-4 mm/d over ten minutes
        room = 1e-3 if metric.dimension == "velocity" and name == "gnss" else 1e-8
        assert list(ours.values()) == pytest.approx(list(theirs.values()), rel=1e-9, abs=room), metric.id


@settings(max_examples=200)
@given(
    st.tuples(st.floats(-89.0, 89.0), st.floats(-179.0, 179.0), st.floats(-100.0, 5000.0)),
    st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), st.floats(-200.0, 200.0)),
)
def test_proj_on_local_coordinates(place: tuple[float, float, float], step: tuple[float, float, float]) -> None:
    """PROJ's geocentric and topocentric conversions give the same metres, to the nanometres that they can resolve."""
    lat, lon, h = place
    steps = f"+step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=WGS84 +step +proj=topocentric \
        +ellps=WGS84 +lon_0={lon!r} +lat_0={lat!r} +h_0={h!r}"
    at = tuple(a + b for a, b in zip(place, step, strict=True))
    expected = Transformer.from_pipeline(f"+proj=pipeline {steps}").transform(at[1], at[0], at[2])
    arrays = [np.array([value]) for value in at]
    found = [f(*arrays, ref_lat=lat, ref_lon=lon, ref_h=h)[0] for f in (local_east, local_north, local_up)]
    assert found == pytest.approx(list(expected), abs=1e-8)


def test_metpy_on_dew_points() -> None:
    """MetPy inverts another equation of saturation (Bolton's), which differs from WMO's by less than 0.1 C."""
    celsius, percent = (each.ravel() for each in np.meshgrid(np.arange(-40.0, 36.0, 5.0), np.arange(5.0, 101.0, 5.0)))
    theirs = dewpoint_from_relative_humidity(units.Quantity(celsius, "degC"), units.Quantity(percent, "percent"))
    assert dew_point(celsius, percent) == pytest.approx(theirs.to("degC").magnitude, abs=0.1)
