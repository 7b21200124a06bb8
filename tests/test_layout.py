"""The four source roots are named in five places; this holds the lists together."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"tseng": "tseng", "units": "tseng_units", "storage": "tseng_storage", "api": "tseng_api"}


def test_every_tool_knows_the_same_four_roots() -> None:
    """Wheel, mypy, pyright, ruff, import-linter and the folders on disk agree."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    tool, roots = config["tool"], set(PACKAGES)
    assert set(tool["hatch"]["build"]["targets"]["wheel"]["packages"]) == {f"{r}/{p}" for r, p in PACKAGES.items()}
    assert set(tool["mypy"]["mypy_path"]) == roots
    assert set(tool["pyright"]["extraPaths"]) == roots
    assert set(tool["ruff"]["src"]) == roots
    assert set(tool["importlinter"]["root_packages"]) == set(PACKAGES.values())
    assert all((ROOT / root / package / "py.typed").is_file() for root, package in PACKAGES.items())


def test_constraints_pin_by_name_and_version_alone() -> None:
    """`constraints.txt` holds `name==version` lines and no address."""
    lines = (ROOT / "constraints.txt").read_text().split()
    assert lines
    assert all(line.count("==") == 1 and "/" not in line and "@" not in line for line in lines)
