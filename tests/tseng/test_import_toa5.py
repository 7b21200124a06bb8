"""Campbell TOA5: header, units, sentinels, text in numeric columns."""

from pathlib import Path

import pytest
from tests.tseng.parsing import bad, parse

from tseng.errors import InvalidRequest
from tseng.importers.options import ColumnMap, ImportOptions

HEADER = (
    '"TOA5","Dam_East","CR1000X","1234","CR1000X.Std.05","CPU:dam.CR1X","4711","Hourly"\r\n'
    '"TIMESTAMP","RECORD","AirT_Avg","Load(1)","GPS","Alt"\r\n'
    '"TS","RN","C","","","m"\r\n'
    '"","","Avg","Smp","Smp","Smp"\r\n'
)


def write(folder: Path, *rows: str) -> Path:
    """A TOA5 file with these data lines."""
    path = folder / "hourly.dat"
    path.write_bytes((HEADER + "".join(f"{row}\r\n" for row in rows)).encode())
    return path


def test_columns_become_metrics_of_one_sensor(tmp_path: Path) -> None:
    """Station and table name the sensor; units are those of the header, blank ones blank; RECORD is no metric."""
    readings, ledger = parse(write(tmp_path, '"2024-03-01 00:00:00",7,1.5,20,"GT1.60","858.5"'))
    assert readings == [
        ("/toa5/Dam_East/Hourly/sensor", "AirT_Avg", "C", "2024-03-01 00:00:00.000000", 1.5),
        ("/toa5/Dam_East/Hourly/sensor", "Load(1)", "", "2024-03-01 00:00:00.000000", 20.0),
        ("/toa5/Dam_East/Hourly/sensor", "Alt", "m", "2024-03-01 00:00:00.000000", 858.5),
    ]
    assert "no numbers, so no observations, in GPS (line 5: 'GT1.60')" in ledger.notes
    assert not ledger.bad


def test_words_and_numbers_for_no_value(tmp_path: Path) -> None:
    """NAN and INF are missing; the sentinel numbers are missing and counted by column; 7999 is a reading."""
    rows = ['"2024-03-01 00:00:00",7,NAN,-999,"G",7999', '"2024-03-01 01:00:00",8,"NAN",-7999,"G",INF']
    readings, ledger = parse(write(tmp_path, *rows))
    assert [(reading[1], reading[4]) for reading in readings] == [("Alt", 7999.0)]
    assert ledger.missing == 3
    assert dict(ledger.sentinels) == {"Load(1)": 2}
    assert "2 sentinel values in Load(1) taken as missing" in ledger.notes


def test_sentinels_of_the_person(tmp_path: Path) -> None:
    """Sentinels that are named replace the usual ones; an empty list, or NaN, turns them off."""
    path = write(tmp_path, '"2024-03-01 00:00:00",7,-999,99,"G",1')
    sentinels = [(99.0,), (), (float("nan"),), None]
    taken = [[reading[4] for reading in parse(path, ImportOptions(sentinel=each))[0]] for each in sentinels]
    assert taken == [[-999.0, 1.0], [-999.0, 99.0, 1.0], [-999.0, 99.0, 1.0], [99.0, 1.0]]


def test_breaks_in_the_record_numbers_are_remarked(tmp_path: Path) -> None:
    """A record that does not follow its neighbour is a hole in the table, and worth a remark."""
    rows = [f'"2024-03-01 0{hour}:00:00",{record},1,2,"G",3' for hour, record in enumerate([7, 8, 11, 12])]
    assert "records 7 to 12 with 1 breaks" in parse(write(tmp_path, *rows))[1].notes
    assert "records 7 to 8 without a break" in parse(write(tmp_path, *rows[:2]))[1].notes


def test_bad_rows_by_line(tmp_path: Path) -> None:
    """A line cut short, a bad stamp and text among numbers are named by line; the rest goes in."""
    rows = [
        '"2024-03-01 00:00:00",7,1,2,"G",3',
        '"2024-03-01 01:00:00",8,x,2,"G",3',
        '"2024-03-01 24:10:00",9,1,2,"G",3',
    ]
    readings, ledger = parse(write(tmp_path, *rows, '"2024-03-01 03:00:00",10,1'))
    assert bad(ledger) == [(6, "x"), (7, "2024-03-01 24:10:00"), (8, '"2024-03-01 03:00:00",10,1')]
    assert len(readings) == 5


def test_picked_columns(tmp_path: Path) -> None:
    """Picked columns go to the sensor and metrics named, in the header's unit unless another is said."""
    options = ImportOptions(sensor="/dam/t1", columns=(ColumnMap("AirT_Avg", "T"), ColumnMap("Load(1)", "load", "kN")))
    readings, _ = parse(write(tmp_path, '"2024-03-01 00:00:00",7,1.5,20,"G",3'), options)
    assert [reading[:3] for reading in readings] == [("/dam/t1", "T", "C"), ("/dam/t1", "load", "kN")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEADER[:100], "four header lines"),
        (HEADER.replace('"C",', ""), "6 names, 5 units, 6 processes"),
    ],
)
def test_broken_headers_are_refused(tmp_path: Path, text: str, why: str) -> None:
    """A header that is cut or whose lines differ in length is refused: units would shift."""
    path = tmp_path / "broken.dat"
    path.write_bytes(text.encode())
    with pytest.raises(InvalidRequest, match=why):
        parse(path)


def test_unknown_picked_column_is_refused(tmp_path: Path) -> None:
    """A picked column that is not there is refused with those that are."""
    with pytest.raises(InvalidRequest, match="there are: TIMESTAMP, RECORD, AirT_Avg"):
        parse(write(tmp_path), ImportOptions(columns=(ColumnMap("AirT", "T"),)))
