"""The two fences around SQL from outside, each tried without the other."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tseng.engine import Engine
from tseng.errors import InvalidRequest
from tseng.sql import session
from tseng.sql_guard import check, harden

ROW = {"sensorId": "mine", "timestamp": "2024-01-01T00:00:00Z", "values": {"T": 1.5}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Two projects, each with one sensor and one point in a Parquet file."""
    with Engine.open(tmp_path_factory.mktemp("sql") / "a 'store'") as opened:
        opened.create_entity("sensor", "mine", "TEMPERATURE_SDE")
        opened.upload([ROW])
        other = opened.create_project("Other").id
        opened.create_entity("sensor", "theirs", "TEMPERATURE_SDE", project=other)
        opened.upload([ROW | {"sensorId": "theirs"}], project=other)
        opened.store.flush()
        yield opened


@pytest.fixture(scope="module")
def connection(engine: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
    """A shut connection that sees the default project."""
    at = engine.store.snapshot()
    with session(engine, engine.project().id, at=at) as opened:
        harden(opened, _files(engine, engine.project().id), memory=10**9)
        yield opened


def _files(engine: Engine, project: str) -> list[str]:
    return [str(engine.store.layout.segment(each.name)) for each in engine.store.snapshot().index.project(project)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM observations",
        "from observations;",
        "FROM main.observations o JOIN sensors s ON o.sensor = s.id",
        "WITH hot AS (FROM observations WHERE value > 1) SELECT count(*) FROM hot",
        "WITH observations AS (SELECT 1 AS x) FROM observations",
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n",
        "SELECT time_bucket(INTERVAL 1 hour, time) AS h, avg(value) FROM observations GROUP BY ALL ORDER BY h",
        "SELECT DISTINCT ON (sensor) *, lag(value) OVER (PARTITION BY sensor ORDER BY time) FROM observations",
        "FROM (PIVOT observations ON metric IN ('T') USING avg(value))",
        "FROM sensors UNION ALL BY NAME FROM devices ORDER BY id DESC NULLS LAST",
        "DESCRIBE observations",
        "SUMMARIZE SELECT value FROM observations",
        "VALUES (1, 2)",
        "SELECT * FROM get_data('mine', 'dT', 'F') -- with a comment",
        "SELECT convert(1, 'C', 'F'), convert_delta(1, 'C', 'F') FROM range(3), unnest([1, 2])",
        "SELECT props->>'$.NAME', (SELECT max(value) FROM observations) FROM sensors WHERE EXISTS (FROM nodes)",
    ],
)
def test_what_reads_the_views_passes_and_runs(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """SELECT in all its forms, and what DuckDB makes one of: FROM first, VALUES, DESCRIBE, SUMMARIZE."""
    check(connection, query)
    connection.execute(query).fetchall()


@pytest.mark.parametrize(
    "query",
    [
        # Files and the network.
        "SELECT * FROM read_csv('/etc/passwd')",
        "FROM '/etc/passwd'",
        "FROM \"https://example.org/x.csv\"",
        "FROM read_text('/etc/passwd')",
        "FROM read_blob('/proc/self/environ')",
        "FROM glob('/etc/*')",
        "FROM parquet_metadata('x')",
        "COPY observations TO '/tmp/x.csv'",
        "WITH x AS (COPY (SELECT 1) TO '/tmp/x.csv') FROM x",
        "EXPORT DATABASE '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        # Settings and the inside of the database.
        "SET threads = 8",
        "RESET lock_configuration",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "FROM duckdb_settings()",
        "FROM duckdb_secrets()",
        "FROM duckdb_views",
        "FROM system.main.duckdb_views",
        "FROM information_schema.tables",
        "FROM pg_catalog.pg_class",
        "FROM sqlite_master",
        "FROM sensor_rows",
        "SHOW TABLES",
        "SHOW ALL TABLES",
        "EXPLAIN SELECT 1",
        "SELECT getenv('HOME')",
        "SELECT current_setting('temp_directory')",
        "SELECT CURRENT_SETTING('temp_directory')",
        "SELECT main.getvariable('x')",
        "SELECT sleep_ms(10000)",
        # The same, hidden.
        "SELECT (SELECT count(*) FROM duckdb_settings())",
        "SELECT * FROM observations ORDER BY (SELECT max(oid) FROM pg_class)",
        "FROM observations LIMIT (SELECT count(*) FROM duckdb_views)",
        "SELECT list_transform([1], x -> (SELECT count(*) FROM pg_class))",
        "FROM query('FROM duckdb_settings()')",
        "FROM query_table('duckdb_views')",
        "FROM json_execute_serialized_sql(json_serialize_sql('FROM duckdb_settings()'))",
        "WITH pg_class AS (SELECT 1 AS x) SELECT * FROM (WITH y AS (SELECT 1) FROM y), pg_class",
        "WITH duckdb_views AS (FROM duckdb_views) FROM duckdb_views",
        # Writing.
        "INSERT INTO sensor_rows SELECT * FROM sensor_rows",
        "WITH x AS (INSERT INTO sensor_rows SELECT * FROM sensor_rows RETURNING *) FROM x",
        "WITH x AS (DELETE FROM sensor_rows RETURNING *) FROM x",
        "WITH x AS (UPDATE sensor_rows SET id = 'x' RETURNING *) FROM x",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW observations",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        # More than one, or none.
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW observations",
        "",
        "-- nothing",
        "SELECT 1\0",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
    ],
)  # fmt: skip
def test_everything_else_is_refused_by_the_first_fence(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """Before anything runs, in one line that names the field."""
    with pytest.raises(InvalidRequest) as refused:
        check(connection, query)
    assert refused.value.field == "sql"
    assert "\n" not in str(refused.value)


def test_a_syntax_error_says_where(connection: duckdb.DuckDBPyConnection) -> None:
    """The parser's own words, with line and column counted from one."""
    with pytest.raises(InvalidRequest, match=r'sql: syntax error at or near "BY" \(line 2, column 3\)'):
        check(connection, "SELECT '€'\n  BY observations")


@pytest.mark.parametrize(
    "query",
    [
        "FROM read_csv('/etc/passwd')",
        "FROM read_text('/etc/passwd')",
        "FROM glob('/etc/*')",
        "FROM 'https://example.org/x.csv'",
        "COPY observations TO '/tmp/x.csv'",
        "WITH x AS (COPY (SELECT 1) TO '/tmp/x.csv') FROM x",
        "EXPORT DATABASE '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET threads = 8",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "RESET lock_configuration",
        "PRAGMA memory_limit = '10GB'",
        "SELECT getenv('HOME')",
    ],
)
def test_the_second_fence_holds_alone(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    """The shut connection itself refuses files, network, extensions and settings."""
    with pytest.raises(duckdb.Error):
        connection.execute(query).fetchall()


def test_only_the_shown_projects_files_can_be_opened(engine: Engine, connection: duckdb.DuckDBPyConnection) -> None:
    """The second fence again: the own file opens by its path, the other project's does not."""
    other = next(project.id for project in engine.projects() if not project.is_default)
    (own,), (foreign,) = _files(engine, engine.project().id), _files(engine, other)
    quoted = (path.replace("'", "''") for path in (own, foreign))
    read_own, read_foreign = (f"SELECT sensor FROM read_parquet('{path}')" for path in quoted)
    assert connection.execute(read_own).fetchall() == [("mine",)]
    with pytest.raises(duckdb.PermissionException):
        connection.execute(read_foreign).fetchall()


def test_python_names_are_not_tables(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """DuckDB would find variables of the program by their name."""
    import pyarrow as pa

    secret = pa.table({"x": [1]})
    with pytest.raises(duckdb.CatalogException):
        connection.execute("FROM secret").fetchall()
    assert secret.num_rows == 1
