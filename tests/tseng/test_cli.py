"""The command line: what it prints, where, and its exit codes (interface section 1)."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.tseng.commands import Run

from tseng.engine import Engine

SENSOR = "/site/t1/sensor"
CSV = "time,T\n2024-03-01T00:00:00Z,10.0\n2024-03-01T01:00:00Z,11.5\n2024-03-01T02:00:00Z,9.25\n"


@pytest.fixture
def site(run: Run, tmp_path: Path) -> Run:
    """The same, with one thermometer's file imported."""
    (tmp_path / "t.csv").write_text(CSV)
    assert run("import", "t.csv", "--sensor", SENSOR, "--create", "TEMPERATURE_SDE").code == 0
    return run


def test_get_prints_a_derived_metric_in_the_unit_asked_for(site: Run) -> None:
    """A temperature difference in F since a zero date, as a table on stdout."""
    ran = site("get", SENSOR, "dT", "F", "--param", "ZERO_DATE=2024-03-01T00:00:00Z")
    assert ran.code == 0
    assert ran.out.decode().splitlines() == [
        f"# {SENSOR}",
        "# dT [F]",
        "2024-03-01T00:00:00.000Z  0",
        "2024-03-01T01:00:00.000Z  2.7",
        "2024-03-01T02:00:00.000Z  -1.35",
    ]


def test_get_writes_every_format(site: Run) -> None:
    """The same two points, as JSON, CSV, Arrow and Parquet."""
    ask = ("get", SENSOR, "dT", "C", "--param", "dt=1,h", "--format")
    expected = {"2024-03-01T01:00:00.000Z": 1.5, "2024-03-01T02:00:00.000Z": -2.25}
    assert json.loads(site(*ask, "json").out)["data"] == expected
    assert site(*ask, "csv").out.decode() == "time,value\n" + "".join(f"{t},{v}\n" for t, v in expected.items())
    assert pa.ipc.open_stream(site(*ask, "arrow").out).read_all()["value"].to_pylist() == [1.5, -2.25]
    assert pq.read_table(io.BytesIO(site(*ask, "parquet").out))["value"].to_pylist() == [1.5, -2.25]


def test_get_says_where_the_numbers_come_from(site: Run) -> None:
    """`--provenance` writes the zero reading as JSON on stderr and leaves stdout alone."""
    ran = site("get", SENSOR, "dT", "C", "--provenance", "--format", "csv")
    assert json.loads(ran.err)["zeroReadings"][0]["value"] == 10.0
    assert ran.out.startswith(b"time,value\n")


def test_sql_sees_the_same_points(site: Run) -> None:
    """Views and functions answer in the format asked for."""
    ran = site("sql", f"SELECT value FROM get_data('{SENSOR}', 'dT', 'F') ORDER BY time", "--format", "csv")
    assert ran.out.decode().split() == ['"value"', "0", "2.7", "-1.35"]
    counted = site("sql", "SELECT sensor, metric, count(*) AS n FROM observations GROUP BY ALL", "--format", "json")
    assert json.loads(counted.out) == {"sensor": SENSOR, "metric": "T", "n": 3}
    assert b"11.5" in site("sql", "SELECT max(value) AS top FROM observations").out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("get", "/nowhere", "T", "C"), "there is no sensor '/nowhere'"),
        (("get", SENSOR, "T", "m"), "'m'"),
        (("get", SENSOR, "T", "C", "--start", "2024-03-02", "--end", "2024-03-01"), "lies before"),
        (("get", SENSOR, "dT", "C", "--param", "ZERO_DATE=2025-01-01"), SENSOR),
        (("sql", "SELECT nothing FROM nowhere"), "nowhere"),
        (("import", "absent.csv"), "absent.csv"),
        (("keys", "revoke", "77"), "77"),
    ],
)
def test_a_failure_is_one_line_on_stderr_and_exit_1(site: Run, words: tuple[str, ...], says: str) -> None:
    """No traceback, nothing on stdout, and the line names what was wrong."""
    ran = site(*words)
    assert ran.code == 1
    assert ran.out == b""
    assert says in ran.err
    assert ran.err.startswith("tseng: ")
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("get", SENSOR),
        ("get", SENSOR, "T", "C", "--format", "xml"),
        ("get", SENSOR, "T", "C", "--param", "ZERO_DATE"),
        ("fly",),
        ("import",),
        ("serve", "--port", "99999"),
        ("keys", "create", "x", "--role", "king"),
        ("keys", "create", ""),
    ],
)
def test_wrong_use_is_exit_2(site: Run, words: tuple[str, ...]) -> None:
    """A missing argument, an unknown command or a value outside the choices."""
    ran = site(*words)
    assert ran.code == 2
    assert ran.err.startswith("tseng: ")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("words", [(), ("keys",)])
def test_half_a_command_shows_its_help(run: Run, words: tuple[str, ...]) -> None:
    """The help says what may follow; there is no more to it, and the exit code is that of wrong use."""
    ran = run(*words)
    assert ran.code == 2
    assert b"Usage" in ran.out
    assert ran.err == ""


def test_a_file_is_no_store(run: Run, tmp_path: Path) -> None:
    """The line names the path."""
    (tmp_path / "store").write_text("")
    ran = run("init")
    assert ran.code == 1
    assert str(tmp_path / "store") in ran.err
    assert "Errno" not in ran.err


def test_a_command_that_reads_makes_no_store(run: Run, tmp_path: Path) -> None:
    """Asking a folder that holds no store is an error, and leaves no folder behind."""
    ran = run("get", SENSOR, "T", "C")
    assert ran.code == 1
    assert "store" in ran.err
    assert not (tmp_path / "store").exists()


def test_init_prints_one_key_once(run: Run, tmp_path: Path) -> None:
    """The key alone stands on stdout and opens everything; a second init prints none and fails."""
    first = run("init")
    assert first.code == 0
    key = first.out.decode().strip()
    with Engine.open(tmp_path / "store") as engine:
        assert engine.keys.identify(key).role == "admin"
    again = run("init")
    assert again.code == 1
    assert again.out == b""


def test_keys_are_made_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    """`keys list` shows names and roles and never the key; a revoked key is worthless."""
    run("init")
    key = run("keys", "create", "logger 7", "--role", "writer").out.decode().strip()
    listed = run("keys", "list").out.decode()
    assert key not in listed
    line = next(line for line in listed.splitlines() if "logger 7" in line)
    assert "writer" in line
    assert "default" in line
    assert run("keys", "revoke", line.split()[0]).code == 0
    assert not line.endswith(run("keys", "list").out.decode().splitlines()[-1][-3:])


def test_clients_create_prints_json(run: Run) -> None:
    """Id and secret as JSON on stdout; a scope without a right is refused."""
    run("init")
    made = json.loads(run("clients", "create", "integrator", "--scope", "sensor-data:read itwins:read").out)
    assert set(made) == {"client_id", "client_secret"}
    assert run("clients", "create", "integrator", "--scope", "nothing").code == 1


def test_clients_are_listed_rotated_and_revoked(run: Run, tmp_path: Path) -> None:
    """A new secret comes as JSON, once; the list shows no secret, and until when the old one is good."""
    run("init")
    made = json.loads(run("clients", "create", "integrator", "--scope", "sensor-data:read itwins:read").out)
    client = made["client_id"]
    turned = json.loads(run("clients", "rotate", client).out)
    assert (turned["client_id"], set(turned)) == (client, {"client_id", "client_secret", "old_secret_until"})
    with Engine.open(tmp_path / "store") as engine:
        assert [engine.keys.client(client, each["client_secret"]).id for each in (made, turned)] == [client] * 2
    listed = run("clients", "list").out.decode()
    (line,) = (line for line in listed.splitlines() if client in line)
    assert turned["old_secret_until"] in line
    assert line.endswith("-")
    assert made["client_secret"] not in listed
    assert turned["client_secret"] not in listed
    assert run("clients", "revoke", client).code == 0
    assert not run("clients", "list").out.decode().rstrip().endswith("-")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rotate", "nobody"), "there is no client 'nobody'"),
        (("revoke", "nobody"), "there is no client 'nobody'"),
        (("rotate", "nobody", "--keep", "a day"), "'a day' is not a whole number"),
        (("rotate", "nobody", "--keep", "91d"), "keep: '91d' is more than 90d"),
    ],
)
def test_what_cannot_be_rotated(run: Run, words: tuple[str, ...], says: str) -> None:
    """One line that names the client or the duration."""
    run("init")
    ran = run("clients", *words)
    assert (ran.code, ran.out) == (1, b"")
    assert says in ran.err


def test_care_of_the_store(site: Run, tmp_path: Path) -> None:
    """flush, compact, verify, info, backup and restore, and the same answer from the restored store."""
    before = site("get", SENSOR, "T", "C").out
    for words in (("flush",), ("compact",), ("verify",), ("info",), ("backup", str(tmp_path / "copy"))):
        assert site(*words).code == 0, words
    assert site("restore", str(tmp_path / "copy"), "--data", str(tmp_path / "again")).code == 0
    assert site("get", SENSOR, "T", "C", "--data", str(tmp_path / "again")).out == before
    assert site("restore", str(tmp_path / "copy"), "--data", str(tmp_path / "again")).code == 1


def test_verify_names_a_damaged_file(site: Run, tmp_path: Path) -> None:
    """One flipped byte in a Parquet file: exit 1, and stderr names the file."""
    site("flush")
    (segment,) = (tmp_path / "store").rglob("*.parquet")
    spoiled = bytearray(segment.read_bytes())
    spoiled[len(spoiled) // 2] ^= 1
    segment.chmod(0o644)
    segment.write_bytes(spoiled)
    ran = site("verify")
    assert ran.code == 1
    assert segment.name in ran.err


def test_verify_names_a_damaged_document(site: Run, tmp_path: Path) -> None:
    """It is among the files that verify counts; one flipped byte: exit 1, and stderr names it."""
    sound = site("verify").out
    with Engine.open(tmp_path / "store") as engine:
        made = engine.keep_document("a.txt", "text/plain", b"a")
    assert int(site("verify").out.split()[0]) == int(sound.split()[0]) + 1
    (tmp_path / "store" / "_documents" / made.project / made.id).write_bytes(b"b")
    ran = site("verify")
    assert (ran.code, made.id in ran.err) == (1, True)


def test_import_names_bad_rows_and_keeps_the_good_ones(run: Run, tmp_path: Path) -> None:
    """Line 3 does not parse: it is named, the others are stored, exit 1; a second import changes nothing."""
    (tmp_path / "t.csv").write_text(CSV.replace("11.5", "warm"))
    for _ in range(2):
        ran = run("import", "t.csv", "--sensor", SENSOR, "--create", "TEMPERATURE_SDE")
        assert ran.code == 1
        assert "t.csv:3:" in ran.err
    counted = run("sql", "SELECT count(*) AS n FROM observations", "--format", "json")
    assert json.loads(counted.out) == {"n": 2}


def test_import_of_an_unknown_sensor_says_how(run: Run, tmp_path: Path) -> None:
    """Without `--create` a missing sensor is an error that names the option."""
    (tmp_path / "t.csv").write_text(CSV)
    ran = run("import", "t.csv", "--sensor", SENSOR)
    assert ran.code == 1
    assert "--create" in ran.err


def test_a_reader_that_goes_away_is_no_error(site: Run, tmp_path: Path) -> None:
    """`tseng get ... | true` ends without a traceback."""
    command = f"{sys.executable} -m tseng get {SENSOR} T C --data {tmp_path / 'store'} | true"
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in ran.stderr


def test_help_names_every_command(run: Run) -> None:
    """All commands of the interface are there."""
    out = run("--help").out.decode()
    for command in (
        "serve", "init", "keys", "clients", "import", "get", "sql", "metrics", "units",
        "flush", "compact", "verify", "backup", "restore", "info",
    ):  # fmt: skip
        assert command in out
