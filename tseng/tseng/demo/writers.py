"""Columns to files, in the forms loggers and gateways give them out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tseng.demo.signals import Array

Times = NDArray[np.datetime64]


def _stamps(time: Times, pattern: str) -> pa.Array:
    """Times as text to the second."""
    return pc.strftime(pa.array(time.astype("datetime64[s]")), format=pattern)


def write_csv(path: Path, table: pa.Table) -> None:
    """A CSV file with a header; dictionary columns as their words."""
    plain = [column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column for column in table.columns]
    arrow_csv.write_csv(pa.table(plain, names=table.column_names), path)


def write_wide(path: Path, time: Times, columns: Mapping[str, Array], digits: int) -> None:
    """One time column, one column per metric; times in UTC with their Z, as wireless gateways write them."""
    stamps = pa.array(time.astype("datetime64[s]").astype(np.int64)).cast(pa.timestamp("s", "UTC"))
    write_csv(path, pa.table({"time": stamps} | {name: np.round(values, digits) for name, values in columns.items()}))


def _repeated(words: Sequence[str], each: int) -> pa.DictionaryArray:
    """Every word `each` times, one after another."""
    codes = np.repeat(np.arange(len(words), dtype=np.int32), each)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(words), pa.string()))


def long_table(sensor: str, time: Times, columns: Mapping[str, tuple[Array, int]]) -> pa.Table:
    """Put the metrics of one sensor below each other, each with its digits: columns sensor, metric, time, value."""
    count = len(time)
    value = np.concatenate([np.round(values, digits) for values, digits in columns.values()])
    stamps = pa.array(np.tile(time.astype(np.int64), len(columns))).cast(pa.timestamp("us", "UTC"))
    return pa.table(
        {
            "sensor": _repeated([sensor], count * len(columns)),
            "metric": _repeated(list(columns), count),
            "time": stamps,
            "value": value,
        }
    )


def write_parquet(path: Path, tables: Sequence[pa.Table]) -> None:
    """One Parquet file of several long tables."""
    pq.write_table(pa.concat_tables(tables).unify_dictionaries(), path, compression="zstd")


def write_toa5(path: Path, names: Mapping[str, tuple[str, str]], time: Times, values: Mapping[str, Array]) -> None:
    """A Campbell table: names with (unit, process); NaN is written as the logger does."""
    columns = ["TIMESTAMP", "RECORD", *names]
    header = [
        ["TOA5", "QuayWall", "CR1000X", "20417", "CR1000X.Std.07.02", "CPU:quay.CR1X", "31337", "TenMin"],
        columns,
        ["TS", "RN", *(unit for unit, _ in names.values())],
        ["", "", *(process for _, process in names.values())],
    ]
    record = pa.array(np.arange(len(time)))
    table = pa.table({"t": _stamps(time, "%Y-%m-%d %H:%M:%S"), "r": record} | dict(values))
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(table, sink, arrow_csv.WriteOptions(include_header=False))
    rows = sink.getvalue().to_pybytes().replace(b"nan", b'"NAN"')
    quoted = "".join(",".join(f'"{cell}"' for cell in line) + "\r\n" for line in header)
    path.write_bytes(quoted.encode() + rows.replace(b"\n", b"\r\n"))


_XLE = """<?xml version="1.0" ?>
<Body_xle>
    <Instrument_info>
        <Instrument_type>LT_EDGE</Instrument_type>
        <Model_number>M20</Model_number>
        <Serial_number>{serial}</Serial_number>
    </Instrument_info>
    <Instrument_info_data_header>
        <Project_ID>quay wall</Project_ID>
        <Location>{location}</Location>
        <Num_log>{count}</Num_log>
    </Instrument_info_data_header>
    <Ch1_data_header><Identification>LEVEL</Identification><Unit>m</Unit></Ch1_data_header>
    <Ch2_data_header><Identification>TEMPERATURE</Identification><Unit>\N{DEGREE SIGN}C</Unit></Ch2_data_header>
    <Data>
"""


def write_xle(path: Path, serial: str, location: str, time: Times, level: Array, temperature: Array) -> None:
    """A Solinst export, in the code page of that software: level in metres of water, temperature in C."""
    days, clocks = _stamps(time, "%Y/%m/%d").to_pylist(), _stamps(time, "%H:%M:%S").to_pylist()
    logs = [
        f'<Log id="{i}"><Date>{day}</Date><Time>{clock}</Time><ms>0</ms><ch1>{a:.4f}</ch1><ch2>{b:.3f}</ch2></Log>\n'
        for i, (day, clock, a, b) in enumerate(zip(days, clocks, level.tolist(), temperature.tolist(), strict=True), 1)
    ]
    head = _XLE.format(serial=serial, location=location, count=len(logs))
    path.write_bytes((head + "".join(logs) + "    </Data>\n</Body_xle>\n").encode("cp1252"))


def write_ags4(path: Path, hole: str, time: Times, depth: Sequence[str]) -> None:
    """Hand dips of one borehole as AGS4 monitoring data; a depth may be the word DRY."""
    heading = ["LOCA_ID", "MONG_ID", "MONG_DIS", "MOND_DTIM", "MOND_TYPE", "MOND_RDNG", "MOND_UNIT"]
    lines = [
        ["GROUP", "MONG"],
        ["HEADING", *heading[:3]],
        ["UNIT", "", "", "m"],
        ["TYPE", "ID", "X", "2DP"],
        ["DATA", hole, "SP1", "9.00"],
        [],
        ["GROUP", "MOND"],
        ["HEADING", *heading],
        ["UNIT", "", "", "m", "yyyy-mm-ddThh:mm", "", "", ""],
        ["TYPE", "ID", "X", "2DP", "DT", "PA", "XN", "PU"],
        *(
            ["DATA", hole, "SP1", "9.00", stamp, "WDEP", reading, "m"]
            for stamp, reading in zip(_stamps(time, "%Y-%m-%dT%H:%M").to_pylist(), depth, strict=True)
        ),
    ]
    path.write_bytes("".join(",".join(f'"{cell}"' for cell in line) + "\r\n" for line in lines).encode())
