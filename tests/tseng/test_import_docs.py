"""The page on importing names every option and every format."""

from dataclasses import fields
from pathlib import Path

import pytest

from tseng.importers.formats import CSV, FORMATS
from tseng.importers.options import ImportOptions
from tseng.importers.timeformat import LETTERS
from tseng.importers.toa5 import SENTINEL

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
_SINGULAR = {"columns": "column", "props": "prop"}


@pytest.mark.parametrize("name", [field.name for field in fields(ImportOptions)])
def test_every_option_is_described(name: str) -> None:
    """Each field of ImportOptions has its row in the table of options."""
    assert f"| `--{_SINGULAR.get(name, name).replace('_', '-')} " in PAGE


@pytest.mark.parametrize("name", [each.name for each in (*FORMATS, CSV)])
def test_every_format_has_its_section(name: str) -> None:
    """Each format has a heading of its own."""
    assert f"\n## {name}\n" in PAGE


def test_sentinels_are_listed() -> None:
    """The numbers taken as missing by default are those of the code."""
    assert all(f"{number:.0f}" in PAGE for number in SENTINEL)


@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_of_a_time_format_is_described(letter: str) -> None:
    """The page lists what --time-format reads."""
    assert f"`%{letter}`" in PAGE
