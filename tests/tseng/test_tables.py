"""What SQL answers look like as JSON, CSV, Arrow and Parquet."""

import io
import json
import math
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tseng.errors import InvalidRequest
from tseng.tables import WRITERS


def _written(query: str, format: str, rows: int = 1000) -> bytes:
    out = io.BytesIO()
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        WRITERS[format](connection.sql(query).to_arrow_reader(rows), out)
        return out.getvalue()


def _read(query: str, format: str) -> pa.Table:
    written = _written(query, format)
    return pa.ipc.open_stream(written).read_all() if format == "arrow" else pq.read_table(io.BytesIO(written))


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1.5::DOUBLE", 1.5),
        ("'nan'::DOUBLE", None),
        ("'-inf'::FLOAT", None),
        ("['nan'::DOUBLE, 1, NULL]", [None, 1, None]),
        ("['inf'::DOUBLE, 1]::DOUBLE[2]", [None, 1]),
        ("{'a': 'nan'::DOUBLE, 'b': {'c': 'inf'::DOUBLE}}", {"a": None, "b": {"c": None}}),
        ("MAP {'k': 'nan'::DOUBLE}", [["k", None]]),
        ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
        ("1.25::DECIMAL(4, 2)", 1.25),
        ("TIMESTAMPTZ '2024-03-01 12:00:00+02'", "2024-03-01T10:00:00.000Z"),
        ("TIMESTAMPTZ '2024-03-01 00:00:00.000001+00'", "2024-03-01T00:00:00.000001Z"),
        ("TIMESTAMPTZ '2024-06-01 00:00:00+00' AT TIME ZONE 'Europe/Amsterdam'", "2024-06-01T02:00:00.000"),
        ("TIMESTAMP_NS '2024-03-01 00:00:00.000000001'", "2024-03-01T00:00:00.000"),
        ("'infinity'::TIMESTAMPTZ", None),
        ("'-infinity'::TIMESTAMP", None),
        ("NULL::TIMESTAMP", None),
        ("DATE '2024-02-29'", "2024-02-29"),
        ("NULL", None),
    ],
)
def test_values_as_json(expression: str, value: Any) -> None:
    """Not a number and infinities are null at any depth; instants are UTC, wall clocks carry no Z."""
    assert json.loads(_written(f"SELECT {expression} AS x", "json")) == {"columns": ["x"], "rows": [[value]]}


def test_rows_of_several_batches_are_one_list() -> None:
    """Order and commas hold across batches; no row at all is an empty list; a name may come twice."""
    many = json.loads(_written("SELECT range AS i, -range AS i FROM range(5000)", "json", rows=2048))
    assert many == {"columns": ["i", "i"], "rows": [[i, -i] for i in range(5000)]}
    assert json.loads(_written("SELECT 1 AS x WHERE false", "json")) == {"columns": ["x"], "rows": []}


def test_csv() -> None:
    """Quotes are doubled, missing values are empty, times are ISO text."""
    query = """SELECT 'a "b", c' AS "q""x", 'nan'::DOUBLE AS n, TIMESTAMPTZ '2024-03-01 00:00:00+00' AS t, 2 AS i"""
    assert _written(query, "csv") == b'"q""x","n","t","i"\n"a ""b"", c",,"2024-03-01T00:00:00.000Z",2\n'
    with pytest.raises(pa.ArrowInvalid):
        _written("SELECT [1] AS x", "csv")


@pytest.mark.parametrize("format", ["arrow", "parquet"])
def test_arrow_and_parquet_keep_types_and_lose_what_is_no_number(format: str) -> None:
    """Times stay times; not a number is null, also in an array of fixed size, which becomes a list."""
    table = _read(
        "SELECT TIMESTAMPTZ '2024-03-01 00:00:00+00' AS t, 'nan'::DOUBLE AS n, [1, 'inf'::DOUBLE]::DOUBLE[2] AS l "
        "UNION ALL SELECT NULL, 2.5, NULL",
        format,
    )
    assert table.schema.types[:2] == [pa.timestamp("us", "UTC"), pa.float64()]
    assert table["n"].to_pylist() == [None, 2.5]
    assert table["l"].to_pylist() == [[1.0, None], None]
    assert not any(math.isnan(value) for value in table["n"].drop_null().to_pylist())
    assert _read("SELECT 1.5::DOUBLE AS x WHERE false", format).num_rows == 0


def test_a_year_of_five_digits_is_refused() -> None:
    """ISO 8601 has four."""
    with pytest.raises(InvalidRequest, match="9999"):
        _written("SELECT TIMESTAMP '12024-01-01' AS x", "json")
