"""`tseng import` of several files, and what a refused import leaves behind."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tseng.cli import main
from tseng.engine import Engine

GOOD = "time,T\n2024-03-01T00:00:00Z,10.0\n"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `tseng import` in an empty folder on a store that is not there yet; give exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TSENG_DATA", str(tmp_path / "store"))

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tseng", "import", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return command


def test_a_file_that_fails_does_not_keep_the_next_one_out(run: Run, tmp_path: Path) -> None:
    """Each failed file is one line on stderr that names it, the others go in, and the exit code is 1."""
    (tmp_path / "a").write_text(GOOD)
    (tmp_path / "b").write_text(GOOD.replace("-01T", "-02T"))
    (tmp_path / "c").write_text(GOOD.replace("time,T", "time,T [mm]"))
    code, out, err = run("a", "nofile", "c", "b", "--sensor", "/t", "--create", "TEMPERATURE_SDE")
    assert code == 1
    assert [line.partition(":")[0] for line in out.splitlines() if not line.startswith(" ")] == ["a", "b"]
    first, second = err.splitlines()
    assert first == "tseng: nofile: No such file or directory"
    assert second.startswith("tseng: c: ")
    assert "'mm'" in second
    with Engine.open(tmp_path / "store", create=False) as engine:
        assert len(engine.get_data("/t", "T", "C").value) == 2


@pytest.mark.parametrize("sensor", ["/new\nline", "types"])
def test_a_sensor_is_not_made_under_an_odd_id(run: Run, tmp_path: Path, sensor: str) -> None:
    """One line says which and why."""
    (tmp_path / "a").write_text(GOOD)
    code, _, err = run("a", "--sensor", sensor, "--create", "TEMPERATURE_SDE")
    assert (code, len(err.splitlines())) == (1, 1)
    assert repr(sensor) in err
    with Engine.open(tmp_path / "store", create=False) as engine:
        assert engine.entities("sensor") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, ()),
        ("", ()),
        ("%PDF", ()),
        (GOOD.replace("time", "when"), ()),
        (GOOD, ("--tz", "Mars/Base")),
        (GOOD, ("--time-format", "%H:%M")),
        (GOOD, ("--unit", "mm")),
        (GOOD, ("--project", "tunnel")),
        (GOOD, ("--column", "T=tilt_x")),
        (GOOD.replace("T\n", "load\n"), ()),
    ],
)
def test_a_refused_import_makes_no_store(run: Run, tmp_path: Path, text: str | None, words: tuple[str, ...]) -> None:
    """Where no file can be imported and there was no store, there is none afterwards."""
    if text is not None:
        (tmp_path / "file").write_text(text)
    code, out, err = run("file", "--sensor", "/t", "--create", "TEMPERATURE_SDE", *words)
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("tseng: ")
    assert not (tmp_path / "store").exists()


def test_a_missing_sensor_makes_no_store(run: Run, tmp_path: Path) -> None:
    """Without --create nothing can go into a store that is not there."""
    (tmp_path / "file").write_text(GOOD)
    code, _, err = run("file", "--sensor", "/t")
    assert code == 1
    assert err.startswith("tseng: file: there is no sensor '/t'; create it with --create TYPE")
    assert not (tmp_path / "store").exists()
