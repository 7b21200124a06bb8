"""CSV: its forms, its dialects, and what is kept out."""

import gzip
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tseng.parsing import bad, parse

from tseng.errors import InvalidRequest
from tseng.importers.ledger import KEPT
from tseng.importers.options import ColumnMap, ImportOptions, column_map
from tseng.importers.source import Source

ONE = ImportOptions(sensor="/s", metric="T", unit="C")
WIDE = ImportOptions(sensor="/s")


def write(folder: Path, text: str, name: str = "file.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_one_metric(tmp_path: Path) -> None:
    """A value column is the metric and sensor that the options name."""
    readings, ledger = parse(write(tmp_path, "timestamp,value\n2016-05-03 10:00:00,1.5\n2016-05-03 11:00,2\n"), ONE)
    assert readings == [
        ("/s", "T", "C", "2016-05-03 10:00:00.000000", 1.5),
        ("/s", "T", "C", "2016-05-03 11:00:00.000000", 2.0),
    ]
    assert ledger.rows == 2
    assert ledger.naive


def test_wide(tmp_path: Path) -> None:
    """Every other column is a metric; a unit in square brackets is its unit, blank cells are missing."""
    readings, ledger = parse(write(tmp_path, "Time,tilt_x [mrad],T\r\n2016-05-03Z,1,\r\n2016-05-04,2,3\r\n"), WIDE)
    found = [(metric, unit, time[:10], value) for _, metric, unit, time, value in readings]
    assert found[:2] == [("tilt_x", "mrad", "2016-05-04", 2.0), ("T", None, "2016-05-04", 3.0)]
    assert bad(ledger) == [(2, "2016-05-03Z")]


def test_long(tmp_path: Path) -> None:
    """Columns sensor, metric, unit, time and value, in any order, name everything."""
    text = "metric,sensor,value,time,unit\nT,/a,20.5,2016-05-03T10:00:00Z,C\nP,/b,1013.2,2016-05-03T10:00:00Z,hPa\n"
    readings, ledger = parse(write(tmp_path, text))
    assert readings == [
        ("/a", "T", "C", "2016-05-03 10:00:00.000000", 20.5),
        ("/b", "P", "hPa", "2016-05-03 10:00:00.000000", 1013.2),
    ]
    assert not ledger.naive


def test_picked_columns(tmp_path: Path) -> None:
    """With --column only those columns are taken, under the metric and unit said."""
    path = write(tmp_path, "DateTime,pw03,pw10,INC [deg]\n2009-06-03 12:00:00,2.85,3.28,0.5\n")
    columns = (column_map("pw03=P:ftH2O"), column_map("INC [deg]=tilt_x"))
    readings, _ = parse(path, ImportOptions(sensor="/s", time_column="DateTime", columns=columns))
    assert [reading[1:3] + reading[4:] for reading in readings] == [("P", "ftH2O", 2.85), ("tilt_x", "deg", 0.5)]


@pytest.mark.parametrize("text", ["pw03", "=P", "pw03=", "pw03=:ft"])
def test_column_option_of_another_form(text: str) -> None:
    """A --column that is not NAME=metric is refused with the form it should have."""
    with pytest.raises(InvalidRequest, match="NAME=metric"):
        column_map(text)


def test_bad_rows_are_named_by_line_and_the_rest_goes_in(tmp_path: Path) -> None:
    """Lines are those of the file: header, comments, blank lines and rows of the wrong width all count."""
    lines = ["# a remark", "", "time,value"]
    lines += ["2016-01-01 00:00:00,1", "", "2016-01-01 01:00:00,abc", "2016-01-01 02:00:00", "2016-01-01 03:00:00,4"]
    lines += ["yesterday,5", "", "2016-01-01 05:00:00,6,7", "2016-01-01 06:00:00,7"]
    readings, ledger = parse(write(tmp_path, "\n".join(lines)), ONE)
    assert [reading[4] for reading in readings] == [1.0, 4.0, 7.0]
    assert bad(ledger) == [(6, "abc"), (7, "2016-01-01 02:00:00"), (9, "yesterday"), (11, "2016-01-01 05:00:00,6,7")]
    assert [row.reason for row in sorted(ledger.bad, key=lambda row: row.line)] == [
        "in column value is not a number",
        "has 1 columns, not 2",
        "is not a time",
        "has 3 columns, not 2",
    ]
    assert ledger.rows == 7


def test_a_bad_cell_keeps_only_itself_out(tmp_path: Path) -> None:
    """In a wide row the other cells are good measurements and go in."""
    path = write(tmp_path, "time,a,b\n2016-01-01,1,2\n2016-01-02,x,4\n2016-01-03,5,6\n")
    readings, ledger = parse(path, WIDE)
    assert sorted(reading[4] for reading in readings) == [1, 2, 4, 5, 6]
    assert bad(ledger) == [(3, "x")]


def test_a_column_of_text_is_remarked_once(tmp_path: Path) -> None:
    """A column without any number is no metric; it is one remark and not a bad row each."""
    readings, ledger = parse(write(tmp_path, "time,a,station\n2016-01-01,1,J089\n2016-01-02,2,J089\n"), WIDE)
    assert {reading[1] for reading in readings} == {"a"}
    assert not ledger.bad
    assert ledger.notes == ["no numbers, so no observations, in station (line 2: 'J089')"]


def test_text_in_the_picked_column_is_a_fault(tmp_path: Path) -> None:
    """Where the person named the column, text in it is a bad row even if the column holds nothing else."""
    options = ImportOptions(sensor="/s", columns=(ColumnMap("a", "T"),))
    _, ledger = parse(write(tmp_path, "time,a\n2016-01-01,x\n"), options)
    assert bad(ledger) == [(2, "x")]


def test_many_bad_rows_are_counted_and_the_first_are_listed(tmp_path: Path) -> None:
    """The list of bad rows is bounded, the count is not."""
    rows = "".join(f"2016-01-01 00:00:00,x{row}\n" for row in range(KEPT + 50))
    _, ledger = parse(write(tmp_path, "time,value\n" + rows), ONE)
    assert ledger.bad_count == KEPT + 50
    assert len(ledger.bad) == KEPT
    assert ledger.bad[0].line == 2


def test_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    """A file cut by semicolons may write decimal commas."""
    readings, ledger = parse(write(tmp_path, "time;value\n2016-01-01;1,25\n2016-01-02;2.5\n"), ONE)
    assert [reading[4] for reading in readings] == [1.25, 2.5]
    assert not ledger.bad


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    """UTF-8 with or without byte order mark, and the code page of logger software."""
    path = tmp_path / "file.csv"
    path.write_bytes("time,Temp [°C]\n2016-01-01,1\n".encode(encoding))
    assert [reading[1:3] for reading in parse(path, WIDE)[0]] == [("Temp", "°C")]


def test_compressed(tmp_path: Path) -> None:
    """Gzip and a zip of one file are told by content, whatever they are called."""
    text = b"time,value\n2016-01-01,1\n"
    (tmp_path / "a.csv").write_bytes(gzip.compress(text))
    with zipfile.ZipFile(tmp_path / "b.dat", "w") as archive:
        archive.writestr("inside.csv.zip", text)
    assert [parse(tmp_path / name, ONE)[0][0][4] for name in ("a.csv", "b.dat")] == [1.0, 1.0]


def test_damaged_archives_are_refused(tmp_path: Path) -> None:
    """A gzip cut short and a zip of two files are refused by name, without a traceback of the archive library."""
    whole = gzip.compress(b"time,value\n" + b"2016-01-01,1\n" * 1000)
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-20])
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", "")
        archive.writestr("b.csv", "")
    with zipfile.ZipFile(tmp_path / "book.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    refused = {"cut.csv.gz": "cut short", "two.zip": "a.csv, b.csv", "bad.zip": "not a readable", "book.xlsx": "Excel"}
    for name, why in refused.items():
        with pytest.raises(InvalidRequest, match=why):
            parse(tmp_path / name, ONE)


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        ("", WIDE, "is empty"),
        ("\n\n# nothing\n", WIDE, "is empty"),
        ("Date,Head\n2016-01-01,1\n", WIDE, "there are: Date, Head. Name it with --time-column"),
        ("2016-01-01,1\n2016-01-02,2\n", WIDE, "the first line must name the columns"),
        ("time,value\n", ImportOptions(sensor="/s"), "--metric"),
        ("time,value\n", ImportOptions(metric="T"), "--sensor"),
        ("time,a,b\n", ImportOptions(sensor="/s", metric="T"), "--column NAME=T"),
        ("time,a,a\n", WIDE, "a more than once"),
        ("time\n2016-01-01\n", WIDE, "no value column"),
        ("time,a\n", ImportOptions(sensor="/s", columns=(ColumnMap("b", "T"),)), "no column 'b'; there are: time, a"),
        ("time,value\n2016-01-01,1\n", ImportOptions(sensor="/s", metric="T", tz="Mars/Base"), "no zone 'Mars/Base'"),
        ('"TOB1","x"\n', WIDE, "CardConvert"),
        ('"**PROJ"\n', WIDE, "AGS4"),
        ("a\0b", WIDE, "binary"),
        ("\ufeff\n", WIDE, "is empty"),
    ],
)
def test_what_is_refused_whole(tmp_path: Path, text: str, options: ImportOptions, why: str) -> None:
    """A file that cannot be understood is refused with what it holds and what to say."""
    with pytest.raises(InvalidRequest, match=why):
        parse(write(tmp_path, text), options)


def test_rows_without_names(tmp_path: Path) -> None:
    """A long row that names no sensor or no metric is a bad row."""
    text = "sensor,metric,time,value\n/a,T,2016-01-01,1\n,T,2016-01-01,2\n/a,,2016-01-01,3\n"
    readings, ledger = parse(write(tmp_path, text))
    assert [reading[4] for reading in readings] == [1.0]
    assert sorted((row.line, row.reason) for row in ledger.bad) == [(3, "names no sensor"), (4, "names no metric")]


def test_local_times(tmp_path: Path) -> None:
    """Times in a zone become UTC; the hour that does not exist and the one that comes twice are named by line."""
    stamps = ["2016-03-27 01:30", "2016-03-27 02:30", "2016-10-30 02:30", "2016-10-30 03:30"]
    path = write(tmp_path, "time,value\n" + "".join(f"{stamp},1\n" for stamp in stamps))
    readings, ledger = parse(path, ImportOptions(sensor="/s", metric="T", tz="Europe/Amsterdam"))
    assert [reading[3][:16] for reading in readings] == ["2016-03-27 00:30", "2016-10-30 02:30"]
    assert [line for line, _ in bad(ledger)] == [3, 4]


def test_a_named_format_in_a_file(tmp_path: Path) -> None:
    """Days that do not exist are named by line; an offset read by %z is not shifted by --tz, nor counts as none."""
    stamps = ["31/02/2024 10:00", "29/02/2023 10:00", "29/02/2024 10:00", "32/01/2024 10:00"]
    path = write(tmp_path, "time,value\n" + "".join(f"{stamp},1\n" for stamp in stamps))
    readings, ledger = parse(path, ImportOptions(sensor="/s", metric="T", time_format="%d/%m/%Y %H:%M"))
    assert [reading[3][:16] for reading in readings] == ["2024-02-29 10:00"]
    assert bad(ledger) == [(2, stamps[0]), (3, stamps[1]), (5, stamps[3])]
    path = write(tmp_path, "time,value\n01/02/2024 10:00 +0530,1\n")
    options = ImportOptions(sensor="/s", metric="T", time_format="%d/%m/%Y %H:%M %z", tz="Europe/Amsterdam")
    readings, ledger = parse(path, options)
    assert readings[0][3] == "2024-02-01 04:30:00.000000"
    assert not ledger.naive


def test_times_beyond_the_calendar_are_bad_rows(tmp_path: Path) -> None:
    """In UTC the years are 1 to 9999: what lies outside is named by line, its neighbours go in."""
    stamps = ["0001-01-01 00:00", "2024-01-01 00:00", "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59Z"]
    path = write(tmp_path, "time,value\n" + "".join(f"{stamp},1\n" for stamp in stamps))
    readings, ledger = parse(path, ImportOptions(sensor="/s", metric="T", tz="Europe/Amsterdam"))
    assert [reading[3] for reading in readings] == ["2023-12-31 23:00:00.000000", "9999-12-31 23:59:59.000000"]
    assert bad(ledger) == [(2, stamps[0]), (4, stamps[2])]


def test_blocks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut into pieces of a few lines, a file gives the readings and the lines it gives in one piece."""
    rows = [f"2016-01-01 00:{i % 60:02}:00{'Z' if i > 150 else ''},{'x' if i % 7 == 3 else i}" for i in range(200)]
    rows[40], rows[120] = "", "2016-01-01,1,2"
    path = write(tmp_path, "time,value\n" + "\r\n".join(rows))
    whole, ledger = parse(path, ONE)
    blocks = Source.blocks
    monkeypatch.setattr(Source, "blocks", lambda self: blocks(self, 64))
    pieces, ledger_of_pieces = parse(path, ONE)
    assert pieces == whole
    assert bad(ledger_of_pieces) == bad(ledger)
    assert len(whole) == 200 - 2 - sum(1 for i in range(200) if i % 7 == 3 and i not in (40, 120))


def test_a_line_without_end_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is one endless line is refused instead of being read into memory."""
    blocks = Source.blocks
    monkeypatch.setattr(Source, "blocks", lambda self: blocks(self, 64))
    with pytest.raises(InvalidRequest, match="no table of text"):
        parse(write(tmp_path, "time,value" * 100), ONE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.text(alphabet="0123456789-:T ,.;\"'\n\rZ+xé\t", max_size=300))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    """Whatever follows a header, the parser ends: every row is a reading, missing or named."""
    path = write(tmp_path, "time,value\n" + text)
    readings, ledger = parse(path, ONE)
    assert len(readings) + ledger.missing + ledger.bad_count == ledger.rows
    assert all(row.line >= 2 for row in ledger.bad)
