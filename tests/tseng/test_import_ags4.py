"""AGS4: the readings of group MOND."""

from pathlib import Path

import pytest
from tests.tseng.parsing import bad, parse

from tseng.errors import InvalidRequest
from tseng.importers.options import ImportOptions

LINES = [
    '"GROUP","PROJ"',
    '"HEADING","PROJ_ID","PROJ_NAME"',
    '"DATA","1","A ""quoted"" site, 2,50 m"',
    "",
    '"GROUP","MOND"',
    '"HEADING","LOCA_ID","MONG_ID","MONG_DIS","MOND_DTIM","MOND_TYPE","MOND_RDNG","MOND_UNIT"',
    '"UNIT","","","m","yyyy-mm-ddThh:mm","","",""',
    '"TYPE","ID","X","2DP","DT","PA","XN","PU"',
    '"DATA","BH01","P1","3.00","2018-05-11T12:00","WDEP","0.87","m"',
    '"DATA","BH01","P1","3.00","2018-05-11T12:00:05","BAR","1001","mBars"',
    '"DATA","BH02","P1","3.00","2018-06-21T12:00","WDEP","DRY","m"',
    '"DATA","BH/3","","","2018-06-21","WDEP","","m"',
    '"DATA","BH/3","","","2018-06-22","WDEP","2.5","m"',
    '"DATA","BH/3","","","2018-06-23","WDEP"',
    "",
    '"GROUP","MONG"',
    '"HEADING","LOCA_ID","MONG_ID","MONG_DIS"',
    '"DATA","BH01","P1","3.00"',
    '"DATA","BH02","P1","3.00"',
]


def write(folder: Path, lines: list[str], end: str = "\r\n") -> Path:
    """An AGS4 file with these lines."""
    path = folder / "site.ags"
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_readings_by_installation(tmp_path: Path, end: str) -> None:
    """Location, instrument and depth (blank ones left out) make the sensor, the type its metric, MOND_UNIT the unit."""
    readings, ledger = parse(write(tmp_path, LINES, end))
    assert readings == [
        ("/ags/BH01/P1/3.00/sensor", "WDEP", "m", "2018-05-11 12:00:00.000000", 0.87),
        ("/ags/BH01/P1/3.00/sensor", "BAR", "mBars", "2018-05-11 12:00:05.000000", 1001.0),
        ("/ags/BH%2F3/sensor", "WDEP", "m", "2018-06-22 00:00:00.000000", 2.5),
    ]
    assert bad(ledger) == [(11, "DRY"), (14, LINES[13])]
    assert (ledger.rows, ledger.missing) == (6, 1)
    assert "2 installations (MONG), 3 of them with readings" in ledger.notes
    assert "readings of BH/3 have no installation in MONG" in ledger.notes


def test_pieces_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings collected in small tables are the same readings, with the same lines."""
    path = write(tmp_path, LINES)
    whole, ledger = parse(path)
    monkeypatch.setattr("tseng.importers.ags4._ROWS", 2)
    pieces, ledger_of_pieces = parse(path)
    assert (pieces, bad(ledger_of_pieces)) == (whole, bad(ledger))


def test_one_sensor_for_all(tmp_path: Path) -> None:
    """With --sensor every reading goes to that sensor."""
    assert {reading[0] for reading in parse(write(tmp_path, LINES), ImportOptions(sensor="/s"))[0]} == {"/s"}


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (LINES[:4], "no monitoring readings"),
        ([line.replace('"MOND_DTIM"', '"MOND_TIME"') for line in LINES], "no heading MOND_DTIM"),
    ],
)
def test_files_without_readings_are_refused(tmp_path: Path, lines: list[str], why: str) -> None:
    """A file without MOND readings, or without a heading they need, is refused by name."""
    with pytest.raises(InvalidRequest, match=why):
        parse(write(tmp_path, lines))
