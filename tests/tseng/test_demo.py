"""The demo: the simulated site against the physics it was made from, and one's own file."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tseng.demo import signals, site
from tseng.demo.__main__ import main
from tseng.demo.instruments import BAROMETER, NODE, STANDPIPE, VENTED, segment
from tseng.engine import Engine

DIPS = "/ags/SP-1/SP1/9.00/sensor"


class Shown:
    """A store the demo has filled, and what the demo printed while filling it."""

    def __init__(self, engine: Engine, text: str) -> None:
        self.engine = engine
        self.text = text


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """The whole demo, once."""
    data = tmp_path_factory.mktemp("demo") / "store"
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
        assert main(["--data", str(data)]) == 0
    with Engine.open(data, create=False) as engine:
        yield Shown(engine, "\n".join(lines))


def test_what_is_printed(demo: Shown) -> None:
    """Three answers with unit, zero reading and formula, then one line for HTTP and one for SQL."""
    for answer in (r"dx = [\d.]+ mm", r"wl_elev = [\d.-]+ m", r"dT = [\d.-]+ F"):
        assert re.search(answer, demo.text)
    assert re.search(r"zero +x_inc = [\d.]+ m at 2023-02-01T00:0\d", demo.text)
    assert 'curl -H "Authorization: ApiKey tseng_' in demo.text
    assert re.search(r'tseng sql .*"SELECT \* FROM get_data\(', demo.text)


def test_the_printed_key_reads(demo: Shown) -> None:
    """The key on the HTTP line is good, and may only read."""
    found = re.search(r"ApiKey (tseng_[\w-]+)", demo.text)
    assert found
    assert demo.engine.keys.identify(found[1]).role == "reader"


def test_the_wall_moves_as_simulated(demo: Shown) -> None:
    """The string shows the bulge it was made from: 31 (exp(-(z-5)^2/5.5^2) - exp(-4) z/16) mm at depth z [m]."""
    moved = demo.engine.get_data(segment(3), "dx", "mm")
    want = 31 * (np.exp(-(((4 - 5) / 5.5) ** 2)) - np.exp(-4) * 4 / 16)
    assert moved.value[-1000:].mean() == pytest.approx(want, abs=0.2)
    before = moved.value[moved.time < np.datetime64("2023-08-15")]
    assert abs(before.mean()) < 0.3


def test_compensation_agrees_with_hand_dips(demo: Shown) -> None:
    """Compensated level of the absolute logger and depth dipped by hand add up to the top of the pipe (1.8 m)."""
    level = demo.engine.get_data(STANDPIPE, "wl_elev", "m")
    dips = demo.engine.get_data(DIPS, "WDEP", "m")
    at_dips = np.interp(dips.time.astype(np.int64), level.time.astype(np.int64), level.value)
    powered = np.isin(dips.time, level.time)
    assert (at_dips + dips.value)[powered] == pytest.approx(1.8, abs=0.06)
    assert powered.sum() > 20


def test_the_wells_see_one_aquifer(demo: Shown) -> None:
    """The absolute and the vented logger follow each other only after compensation."""
    absolute = demo.engine.get_data(STANDPIPE, "wl_elev", "m")
    vented = demo.engine.get_data(VENTED, "wl_elev", "m")
    both, at_a, at_v = np.intersect1d(absolute.time, vented.time, return_indices=True)
    assert len(both) > 100_000
    assert np.corrcoef(absolute.value[at_a], vented.value[at_v])[0, 1] > 0.95


def test_gaps_jitter_and_late_data(demo: Shown) -> None:
    """The logger was without power for two days, clocks wander by seconds, and the late week is in its place."""
    pressure = demo.engine.get_data(BAROMETER, "P", "hPa")
    gap = pressure.time[np.argmax(np.diff(pressure.time))]
    assert str(gap)[:16] == "2023-12-21T03:50"
    assert np.diff(pressure.time).max() == np.timedelta64(55 * 60 + 40, "m")
    assert 940 < pressure.value.min() < pressure.value.max() < 1060
    tilt = demo.engine.get_data(f"{NODE}/tm-3/sensor", "tilt_x", "deg")
    seconds = tilt.time.astype("datetime64[s]").astype(np.int64) % site.STEP_S
    assert seconds.min() == 0
    assert 0 < seconds.max() <= 7
    lost_week = (tilt.time > np.datetime64("2024-07-03")) & (tilt.time < np.datetime64("2024-07-09"))
    assert lost_week.sum() == 6 * 144
    assert (np.diff(tilt.time) > np.timedelta64(0, "s")).all()


def test_the_re_zero(demo: Shown) -> None:
    """The step of the re-mounting (0.313 deg over 3 m: 16.4 mm) lies before the new zero and shows from the old one."""
    sensor = f"{NODE}/tm-2/sensor"
    since = demo.engine.get_data(sensor, "dx", "mm", start="2024-04-12")
    assert np.abs(since.value).max() < 2
    old = demo.engine.get_data(sensor, "dx", "mm", params={"ZERO_DATE": {"value": "2023-02-01"}})
    before = old.value[(old.time > np.datetime64("2024-04-08")) & (old.time < site.REMOUNTED)].mean()
    after = old.value[(old.time > site.REMOUNTED) & (old.time < np.datetime64("2024-04-12"))].mean()
    assert after - before == pytest.approx(3000 * np.radians(0.313), abs=0.3)


def test_prism_and_string_agree(demo: Shown) -> None:
    """The total station sees the wall's top go into the excavation (azimuth 135) by the 34 mm it was made to move."""
    moved = [demo.engine.get_data(f"{NODE}/prism-1/sensor", each, "mm") for each in ("de", "dn", "dh")]
    last = [series.value[-2000:].mean() for series in moved]
    assert last == pytest.approx([34 * np.sin(np.radians(135)), 34 * np.cos(np.radians(135)), -6], abs=0.6)


def test_thermistor_resistance() -> None:
    """The bead's table (Geokon 4500 manual, appendix B): 9796 Ohm at 0 C, 3000 at 25, 1081 at 50."""
    assert site.resistance(np.array([0.0, 25.0, 50.0])) == pytest.approx([9796, 3000, 1081], rel=2e-3)


def test_signals() -> None:
    """A lag keeps the mean and damps; a response answers only afterwards; a smooth step goes from 0 to 1."""
    wave = 3 + np.sin(2 * np.pi * np.arange(1440) / 144)
    slow = signals.lagged(wave, 144 / (2 * np.pi))
    assert slow.mean() == pytest.approx(3)
    assert np.ptp(slow) / 2 == pytest.approx(
        2**-0.5, rel=1e-3
    )  # at the corner frequency a first-order lag passes 1/sqrt 2
    impulse = np.zeros(100)
    impulse[40] = 1
    answer = signals.response(impulse, 10)
    assert np.abs(answer[:40]).max() < 1e-12
    assert answer[50] == pytest.approx(np.exp(-1))
    assert signals.smooth_step(np.array([-100.0, 0.0, 100.0]), 3).tolist() == [0, 0.5, 1]
    noise = signals.noise(np.random.default_rng(1), 10_000, 50, 2.5)
    assert [noise.mean(), noise.std()] == pytest.approx([0, 2.5], abs=1e-9)


def test_the_same_seed_gives_the_same_weather() -> None:
    """Every run of the demo shows the same site."""
    first, second = (site.weather(np.random.default_rng(5), site.grid()) for _ in range(2))
    assert first.air.tobytes() == second.air.tobytes()


OWN = "Date,Wall temp [C],note\n2024-03-01 00:00,20,x\n2024-03-01 01:00,25,y\n2024-03-01 02:00,z,y\n"


def test_ones_own_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A CSV nobody said anything about comes in, is listed, and a temperature column gives a difference in F."""
    (tmp_path / "wall.csv").write_text(OWN)
    assert main(["--data", str(tmp_path / "store"), "--file", str(tmp_path / "wall.csv")]) == 0
    shown = capsys.readouterr().out
    assert "column 'Date' looked like the time" in shown
    assert "line 4: 'z' in column Wall temp [C] is not a number" in shown
    assert re.search(r"/import/wall/sensor +Wall temp +C +2 ", shown)
    assert "dT = 9.000 F" in shown
    assert "curl" in shown


def test_ones_own_file_without_units(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no unit says what a column measures, the demo shows how to say it."""
    (tmp_path / "x.csv").write_text("time,value\n2024-03-01,1\n")
    assert main(["--data", str(tmp_path / "store"), "--file", str(tmp_path / "x.csv")]) == 0
    assert '--create TEMPERATURE_SDE --column "NAME=T:C"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "why"),
    [("a,b\n1,2\n", "names no time column: a, b"), ("", "is empty"), ("time,a\n", "No readings came in")],
)
def test_files_that_hold_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, why: str) -> None:
    """A file that cannot be used gives one plain line and no traceback."""
    (tmp_path / "x.csv").write_text(text)
    status = main(["--data", str(tmp_path / "store"), "--file", str(tmp_path / "x.csv")])
    printed = capsys.readouterr()
    assert why in printed.err + printed.out
    assert status == int(why != "No readings came in")
