"""The page of metrics is what the catalogue says, and says all of it."""

import re
import tomllib
from pathlib import Path

import pytest

from tseng_units.catalogue import METRICS, SENSOR_TYPES
from tseng_units.formulas.table import FORMULAS
from tseng_units.metrics_page import page
from tseng_units.registry import DATA, DIMENSIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_page_is_up_to_date() -> None:
    """Written again, the page is the same; `make docs` writes it."""
    assert page() == TEXT


def test_every_metric_is_in_one_section() -> None:
    """The sections hold every metric of the catalogue once; signs are those of metrics."""
    table = tomllib.loads((DATA / "metrics.toml").read_text(encoding="utf-8"))
    listed = [metric for ids in table["sections"].values() for metric in ids]
    assert sorted(listed) == sorted(METRICS)
    assert set(table["signs"]) <= set(METRICS)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_told(metric: str) -> None:
    """A metric has a line in a table, or an entry of its own or with others."""
    headings = re.findall(r"^### (.*)$", TEXT, flags=re.MULTILINE)
    assert f"\n| `{metric}` |" in TEXT or any(metric in heading.split(", ") for heading in headings)


def test_everything_else_is_told() -> None:
    """Equation, source and props of each formula, each sensor type and each unit are on the page."""
    for formula in FORMULAS.values():
        assert formula.doc.split("\n")[0] in TEXT
        assert " ".join(formula.doc.partition("Source:")[2].split()) in TEXT
        assert all(f"`{prop.name}`" in TEXT for prop in formula.props)
    assert all(f"\n| {type_.id} |" in TEXT for type_ in SENSOR_TYPES.values() if not type_.generic)
    assert all(f"`{unit}`" in TEXT for dimension in DIMENSIONS.values() for unit in dimension.units)


def test_links_within_the_page() -> None:
    """Every link to a place of the page leads to a heading."""
    headings = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in re.findall(r"^#+ (.*)$", TEXT, re.M)}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= headings
