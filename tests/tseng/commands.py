"""Running one command of the program in the test's own process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tseng.cli import main


@dataclass(frozen=True)
class Ran:
    """What one command left behind."""

    code: int
    out: bytes
    err: str


Run = Callable[..., Ran]


def in_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Run one command in this process, in an empty folder, on a store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TSENG_DATA", str(tmp_path / "store"))
    monkeypatch.setenv("COLUMNS", "200")

    def command(*words: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["tseng", *words])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capfdbinary.readouterr()
        return Ran(int(stop.value.code or 0), out, err.decode())

    return command
