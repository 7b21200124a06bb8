"""Provenance in the answers, and computing them again: whatever happened to the store since, the bits are the same."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.api.changing import BARO, CRACK, READS, THEN, TILTS, change_everything, furnish, upload
from tests.api.site import Site
from tests.tseng.commands import Run, in_process

import tseng
from tseng.answers import answers
from tseng.engine import Engine
from tseng.errors import InvalidRequest
from tseng.requests import Request


@dataclass(frozen=True)
class Answered:
    """The server, and the files that it and the command line answered with before everything changed."""

    site: Site
    folder: Path
    files: dict[str, Path]


@pytest.fixture(scope="module")
def answered(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """Every read of `READS` over HTTP in each format, in one request to many, by JSON-RPC and by the command."""
    furnish(site.engine)
    folder, files = tmp_path_factory.mktemp("answers"), dict[str, bytes]()
    for name, body in READS.items():
        for format in ("json", "columns", "arrow", "parquet"):
            told = site.http().post(f"/api/data?format={format}", json=body | {"provenance": True})
            files[f"{name}-{format}"] = told.raise_for_status().content
        told = site.frame({"jsonrpc": "2.0", "id": 1, "method": "getData", "params": body | {"provenance": True}})
        files[f"{name}-rpc"] = told.content
    many = {"requests": [body | {"provenance": True} for body in READS.values()]}
    files["many"] = site.http().post("/api/data", json=many).content
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return Answered(site, folder, {name: folder / name for name in files})


@pytest.fixture
def run(answered: Answered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> Run:
    """Commands on the server's store, in its folder's neighbourhood."""
    command = in_process(tmp_path, monkeypatch, capfdbinary)
    monkeypatch.setenv("TSENG_DATA", str(answered.site.engine.settings.data))
    return command


@pytest.fixture
def changed(answered: Answered) -> Answered:
    """The same once everything has changed; whatever test comes first makes it so."""
    if answered.site.engine.metrics_defined()[0].version == 1:
        change_everything(answered.site.engine)
    return answered


def _document(content: bytes) -> Any:
    return json.loads(content)["provenance"]


def test_provenance_comes_only_when_it_is_asked_for(answered: Answered) -> None:
    """Without it the bytes are what they always were; false is as good as absent, other words are refused."""
    query = READS["last"] | {"limit": "last"}
    plain = answered.site.get("/api/data", **query)
    assert "provenance" not in plain.json()
    assert answered.site.get("/api/data", **query, provenance="false").content == plain.content
    assert answered.site.get("/api/data", **query, provenance="yes").json()["error"]["field"] == "provenance"
    told = answered.site.get("/api/data", **query, provenance="true").json()
    assert list(told) == ["sensor", "metric", "unit", "data", "provenance"]
    assert {**told, "provenance": None} == {**plain.json(), "provenance": None}


@pytest.mark.parametrize("format", ["json", "columns", "arrow", "parquet"])
def test_the_command_writes_what_http_sends(answered: Answered, run: Run, format: str) -> None:
    """`--provenance` puts the document into the answer, where it has the same keys and, but for the time, values."""
    out = run("get", TILTS[0], "dx", "mm", "--param", f"ZERO_DATE={THEN}", "--provenance", "--format", format).out
    (answered.folder / "by-command").write_bytes(out)
    ours, theirs = (
        answers(path)[0].provenance for path in (answered.folder / "by-command", answered.files[f"array-{format}"])
    )
    assert ours is not None
    assert theirs is not None
    assert {**ours, "snapshot": 0} == {**theirs, "snapshot": 0}
    assert {**ours["snapshot"], "time": 0} == {**theirs["snapshot"], "time": 0}


@pytest.mark.parametrize("path", ["/api/data?format=csv", "/api/data/summary"])
def test_where_there_is_no_place_for_it(answered: Answered, path: str) -> None:
    """CSV and the summary refuse, and CSV says which formats have a place."""
    refused = answered.site.get(
        path, **READS["barometer"], **{"format": "csv"} if "csv" in path else {}, provenance="true"
    )
    assert (refused.status_code, refused.json()["error"]["field"]) == (400, "provenance")


def test_the_client_brings_the_provenance(answered: Answered) -> None:
    """As the embedded engine has it, but for the time; without asking it is empty."""
    asked = {name: READS["array"][name] for name in ("sensor", "metric", "unit", "params")}
    here = json.loads(json.dumps(dict(answered.site.engine.get_data(**asked).provenance)))
    with tseng.connect(answered.site.url, api_key=answered.site.keys["reader"]) as client:
        there = client.get_data(**asked, provenance=True).provenance
        assert client.get_data(**asked).provenance == {}
    assert {**there, "snapshot": {**there["snapshot"], "time": 0}} == {
        **here, "snapshot": {**here["snapshot"], "time": 0}
    }  # fmt: skip


def test_the_embedded_engine(changed: Answered) -> None:
    """`engine.replay` takes a series' provenance; as of then and with definitions and units of then."""
    engine = changed.site.engine
    for number, body in enumerate(READS.values()):
        series = engine.read(Request.from_wire(body)).series()
        upload(engine, BARO, "P", number, 98_000, 200, 500)
        again = engine.replay(series.provenance)
        assert np.array_equal(again.time, series.time)
        assert again.value.tobytes() == series.value.tobytes()
        assert (again.unit, again.gaps) == (series.unit, series.gaps)


@pytest.mark.parametrize(
    "name", [*(f"{n}-{f}" for n in READS for f in ("json", "columns", "arrow", "parquet", "rpc")), "many"]
)
def test_identical_after_everything_changed(changed: Answered, run: Run, name: str) -> None:
    """Later uploads, configuration, definitions, flush and compaction change no bit of it."""
    ran = run("replay", str(changed.files[name]))
    lines = ran.out.decode().splitlines()
    assert ran.code == 0
    assert len(lines) == (2 * len(READS) if name == "many" else 2)
    assert all(line.startswith("identical: ") for line in lines[1::2])


def test_everything_did_change(changed: Answered) -> None:
    """The same reads today are other numbers, each of them: what replay gives is not what is."""
    for name, body in READS.items():
        now = changed.site.http().post("/api/data", json=body).json()["data"]
        then = json.loads(changed.files[f"{name}-json"].read_bytes())["data"]
        assert now != then, name


def test_identical_as_of_then(changed: Answered, run: Run, tmp_path: Path) -> None:
    """An answer as of an earlier moment is computed again as of that moment."""
    time = json.loads(changed.files["array-json"].read_bytes())["provenance"]["snapshot"]["time"]
    then = changed.site.http().post("/api/data", json=READS["array"] | {"asOf": time, "provenance": True})
    assert then.json()["data"] == json.loads(changed.files["array-json"].read_bytes())["data"]
    assert _document(then.content)["request"]["asOf"] == time
    (tmp_path / "then.json").write_bytes(then.content)
    upload(changed.site.engine, TILTS[1], "tilt_x", 1234, 7, 1, 100)
    assert run("replay", str(tmp_path / "then.json")).code == 0


def test_identical_in_a_copy_of_the_store(changed: Answered, run: Run, tmp_path: Path) -> None:
    """A backup, and what is restored from it, has the store's id and its past."""
    assert run("backup", str(tmp_path / "backup")).code == 0
    assert run("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored")).code == 0
    ran = run("replay", str(changed.files["many"]), "--data", str(tmp_path / "restored"))
    assert (ran.code, ran.out.count(b"identical: ")) == (0, len(READS))


def _without(name: str) -> Callable[[Any], Any]:
    return lambda told: {key: value for key, value in told.items() if key != name}


def _snapshot(**other: Any) -> Callable[[Any], Any]:
    return lambda told: {**told, "snapshot": {**told["snapshot"], **other}}


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another store": (_snapshot(store="abc"), "snapshot: the answer is of store abc, this is"),
    "a later upload": (_snapshot(seq=10**9), "the answer saw upload 1000000000, the newest here is"),
    "a later change": (_snapshot(config=10**9), "the answer saw change of configuration 1000000000"),
    "a newer engine": (lambda told: {**told, "engine": {"version": "99.1"}}, "the answer is of engine 99.1, this is"),
    "another metric": (lambda told: {**told, "metric": {"id": "dx", "version": 9}}, "version 9 in the answer, 1 in"),
    "no request": (_without("request"), "does not say what was asked and seen"),
    "no snapshot": (_without("snapshot"), "does not say what was asked and seen"),
    "an unknown option": (lambda told: {**told, "request": {**told["request"], "smooth": 3}}, "'smooth'"),
    "a lost project": (lambda told: {**told, "project": "gone"}, "there is no project 'gone' any more"),
    "no provenance": (lambda told: None, "carries no provenance; ask with --provenance or provenance=true"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_computed_again(changed: Answered, run: Run, tmp_path: Path, what: str) -> None:
    """One clear line on stderr, exit 1."""
    alter, message = REFUSED[what]
    answer = json.loads(changed.files["array-json"].read_bytes())
    (tmp_path / "altered.json").write_text(json.dumps(answer | {"provenance": alter(answer["provenance"])}))
    ran = run("replay", str(tmp_path / "altered.json"))
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (1, b"", 1)
    assert message in ran.err


def test_a_file_that_is_no_answer(run: Run, tmp_path: Path) -> None:
    """Text, JSON of another kind, a broken Parquet file and no file at all: said in one line."""
    for content in (b"time,value\n", b"[1, 2]", b'{"a": 1}', b"PAR1 and no more", b"\xff\xff\xff\xffx"):
        (tmp_path / "file").write_bytes(content)
        ran = run("replay", str(tmp_path / "file"))
        assert ran.code == 1
        assert "holds no answer in JSON, columns, Arrow or Parquet" in ran.err
    assert run("replay", str(tmp_path / "none")).code == 1


@pytest.mark.parametrize(
    ("alter", "said"),
    [
        (lambda data, first: {**data, first: data[first] + 1e-13}, "different: 1 of"),
        (lambda data, first: dict(list(data.items())[1:]), "is computed and not in the answer"),
        (lambda data, first: {}, "0 rows were answered, 1500 are computed"),
        (lambda data, first: {"2023-01-01T00:00:00Z": 1.0, **data}, "is in the answer and not computed"),
    ],
)  # fmt: skip
def test_an_answer_that_differs(changed: Answered, run: Run, tmp_path: Path, alter: Any, said: str) -> None:
    """The least change of a value, a row too few or too many: exit 1, with the first difference and how many."""
    answer = json.loads(changed.files["barometer-json"].read_bytes())
    (tmp_path / "altered.json").write_text(
        json.dumps(answer | {"data": alter(answer["data"], next(iter(answer["data"])))})
    )
    ran = run("replay", str(tmp_path / "altered.json"))
    assert ran.code == 1
    assert said in ran.out.decode()


def test_a_row_that_comes_twice(changed: Answered, run: Run, tmp_path: Path) -> None:
    """No time is missing and none is new, and yet it is not the answer."""
    answer = json.loads(changed.files["barometer-columns"].read_bytes())
    answer["time"].insert(0, answer["time"][0])
    answer["value"].insert(0, answer["value"][0])
    (tmp_path / "altered.json").write_text(json.dumps(answer))
    ran = run("replay", str(tmp_path / "altered.json"))
    assert (ran.code, b"different: 1 of" in ran.out) == (1, True)


def test_a_series_of_another_store(changed: Answered, tmp_path: Path) -> None:
    """Python refuses with the field that is at fault."""
    series = changed.site.engine.get_data(CRACK, "disp", "mm")
    with Engine.open(tmp_path / "other") as other, pytest.raises(InvalidRequest) as refused:
        other.replay(series.provenance)
    assert refused.value.field == "snapshot"
