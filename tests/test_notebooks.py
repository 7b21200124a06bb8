"""Every notebook runs from its first cell to its last."""

import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def _cells(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_the_cells_run_in_order(notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each code cell runs after the ones before it, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for number, cell in enumerate(_cells(notebook)):
        exec(compile(cell, f"{notebook.name}[{number}]", "exec"), names)


def test_displacement_of_the_first_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.0005 deg a day over 2 m is 0.01745 mm a day: 58 days after the zero, 1.012 mm (small angles, by hand)."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in _cells(ROOT / "notebooks" / "first_look.ipynb")[:-1]:
        exec(cell, names)
    at = names["dx"].time == names["np"].datetime64("2024-03-30T00:00:00")
    assert names["dx"].value[at] == pytest.approx(58 * 0.0174533, rel=1e-4)
    names["engine"].close()


def test_notebooks_carry_no_output() -> None:
    """Outputs are made by whoever runs them, not kept."""
    assert NOTEBOOKS
    for notebook in NOTEBOOKS:
        cells = json.loads(notebook.read_text())["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
