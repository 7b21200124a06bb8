"""Solinst XLE: channels, encodings, and what a level becomes."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.tseng.parsing import bad, parse

from tseng.errors import InvalidRequest
from tseng.importers.options import ColumnMap, ImportOptions
from tseng.importers.xle import adapt

LOGS = [("2016/05/03", "10:00:00", "0", "6.8728", "13.227"), ("2016/05/03", "11:00:00", "250", "6.8722", "13.1")]


def document(logs: Sequence[tuple[str, ...]], declaration: str = '<?xml version="1.0" ?>') -> str:
    """An export of a level logger with these readings."""
    rows = "".join(
        f"<Log id='{i}'>\n<Date>{d}</Date><Time>{t}</Time><ms>{ms}</ms><ch1>{a}</ch1><ch2>{b}</ch2></Log>\n"
        for i, (d, t, ms, a, b) in enumerate(logs)
    )
    return (
        f"{declaration}\n<Body_xle><Instrument_info><Serial_number>2038654</Serial_number></Instrument_info>\n"
        f"<Instrument_info_data_header><Num_log>{len(LOGS)}</Num_log></Instrument_info_data_header>\n"
        "<Ch1_data_header><Identification>LEVEL</Identification><Unit>ft</Unit></Ch1_data_header>\n"
        "<Ch2_data_header><Identification>TEMPERATURE</Identification><Unit>°C</Unit></Ch2_data_header>\n"
        f"<Data>\n{rows}</Data></Body_xle>\n"
    )


def write(folder: Path, text: str, encoding: str = "cp1252") -> Path:
    """A file with this text."""
    path = folder / "log.xle"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("cp1252", ""), ("utf-8", ""), ("iso-8859-1", ' encoding="ISO-8859-1"'), ("utf-8-sig", "")],
)
def test_channels_and_units_in_any_encoding(tmp_path: Path, encoding: str, declared: str) -> None:
    """The degree sign is read whether or not the declaration says how it was written; ms are milliseconds."""
    readings, ledger = parse(write(tmp_path, document(LOGS, f'<?xml version="1.0"{declared} ?>'), encoding))
    assert readings == [
        ("/solinst/2038654/sensor", "LEVEL", "ft", "2016-05-03 10:00:00.000000", 6.8728),
        ("/solinst/2038654/sensor", "LEVEL", "ft", "2016-05-03 11:00:00.250000", 6.8722),
        ("/solinst/2038654/sensor", "TEMPERATURE", "°C", "2016-05-03 10:00:00.000000", 13.227),
        ("/solinst/2038654/sensor", "TEMPERATURE", "°C", "2016-05-03 11:00:00.250000", 13.1),
    ]
    assert ledger.rows == 2


@pytest.mark.parametrize(
    ("channel", "unit", "offered", "want"),
    [
        ("LEVEL", "ft", ("P_raw", "T"), ("P_raw", "ftH2O")),
        ("LEVEL", "m", ("P_raw", "T"), ("P_raw", "mH2O")),
        ("Level", "cm", ("P_raw", "T"), ("P_raw", "cmH2O")),
        ("LEVEL", "kPa", ("P_raw", "T"), ("P_raw", "kPa")),
        ("PRESSURE", "psi", ("P", "T"), ("P", "psi")),
        ("TEMPERATURE", "°C", ("P_raw", "T"), ("T", "°C")),
        ("LEVEL", "ft", (), ("LEVEL", "ft")),
        ("CONDUCTIVITY", "uS/cm", ("P_raw", "T"), ("CONDUCTIVITY", "uS/cm")),
    ],
)
def test_what_a_channel_becomes(channel: str, unit: str, offered: tuple[str, ...], want: tuple[str, str]) -> None:
    """Where a sensor stores pressure, a level is that pressure of water; a generic sensor takes it as named."""
    assert adapt(channel, unit, offered) == want


def test_bad_cells_by_line(tmp_path: Path) -> None:
    """A reading that is no number or has no time is named by the line of its Log element."""
    logs = [LOGS[0], ("2016/05/03", "11:00:00", "0", "x", "1"), ("2016/05/33", "12:00:00", "0", "1", "2")]
    readings, ledger = parse(write(tmp_path, document(logs)))
    assert bad(ledger) == [(9, "x"), (11, "2016/05/33 12:00:00.000")]
    assert [reading[4] for reading in readings] == [6.8728, 13.227, 1.0]
    assert "the header says 2 readings, the file holds 3" in ledger.notes


def test_a_file_cut_short_gives_what_precedes_the_cut(tmp_path: Path) -> None:
    """Readings before the cut go in; the cut is a bad row."""
    text = document(LOGS)
    readings, ledger = parse(write(tmp_path, text[: text.index("<Log id='1'>") + 30]))
    assert [reading[4] for reading in readings] == [6.8728, 13.227]
    assert [row.reason for row in ledger.bad] == ["ends the readable part of the file"]


def test_picked_channels(tmp_path: Path) -> None:
    """With --column only those channels are taken."""
    options = ImportOptions(sensor="/w", columns=(ColumnMap("TEMPERATURE", "T"),))
    assert {reading[:3] for reading in parse(write(tmp_path, document(LOGS)), options)[0]} == {("/w", "T", "°C")}


@pytest.mark.parametrize("text", ["<?xml version='1.0'?><a", document([]), "<?xml version='1.0'?><gpx></gpx>"])
def test_other_xml_is_refused(tmp_path: Path, text: str) -> None:
    """XML that is no export, or one without readings, is refused by name."""
    with pytest.raises(InvalidRequest, match=r"log\.xle"):
        parse(write(tmp_path, text))
