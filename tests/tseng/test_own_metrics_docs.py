"""What `docs/own-metrics.md` shows is run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tseng.engine import Engine
from tseng_units.functions import FUNCTIONS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "own-metrics.md").read_text()
CRACK = "/site/crack/sensor"


def fences(language: str) -> list[str]:
    """The blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with a crack meter of 8,000 digits at 25 C and -5 C, and with a bridge in a unit that nobody knows."""
    with Engine.open(tmp_path / "tseng-data") as engine:
        engine.create_entity("sensor", CRACK, "CRACKMETER_VW", {"R0": 7000, "G": 0.01, "alpha": 0.001})
        engine.create_entity("sensor", "/b", "DYNAMIC", {"UNKNOWN_METRICS": ["bridge"], "UNKNOWN_UNITS": ["Vx10^-2"]})
        at, later = "2024-03-01T00:00:00Z", "2024-03-01T01:00:00Z"
        engine.upload(
            [
                {"sensorId": CRACK, "timestamp": at, "values": {"digits": 8000.0, "T": 25.0}},
                {"sensorId": CRACK, "timestamp": later, "values": {"digits": 8000.0, "T": -5.0}},
                {"sensorId": "/b", "timestamp": at, "values": {"bridge": 23.4}},
            ]
        )
    return tmp_path


def shell(folder: Path, script: str, **environ: str) -> str:
    """Run a script in the folder; what it printed."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": path, **environ},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_definition_works_as_printed(folder: Path) -> None:
    """1,000 digits are 10 mm; 5 C above T0 make 10.05 mm, 25 C below 9.75 mm."""
    (folder / "metrics.toml").write_text(fences("toml")[0])
    said = shell(folder, fences("sh")[0])
    assert "settlement_index version 1\nsettlement_change version 1\n" in said
    values = [float(line.split()[-1]) for line in said.splitlines() if line.startswith("2024")]
    assert values == pytest.approx([10.05, 9.75], rel=1e-12)
    assert "(digits - R0) * G * (1 + alpha * (T - T0))" in said
    change = shell(folder, f"tseng get {CRACK} settlement_index mm > /dev/null; tseng metrics list")
    assert "settlement_change" not in change


def test_the_refusal_reads_as_printed(folder: Path) -> None:
    """With `digits - T0` in the place of `digits - R0`."""
    (folder / "metrics.toml").write_text(
        fences("toml")[0].partition("[metrics.settlement_change]")[0].replace("(digits - R0)", "(digits - T0)")
    )
    said = shell(folder, "tseng metrics add metrics.toml 2>&1 || true")
    assert said == f"tseng: {fences('text')[0]}"


def test_the_plugin_works_as_printed(folder: Path) -> None:
    """Installed as pip would leave it: 80 mm at -5 C, half of that at 25 C."""
    site = folder / "installed"
    info = site / "frost_metrics-1.0.dist-info"
    info.mkdir(parents=True)
    code, (_, project) = fences("python")[0], fences("toml")
    assert len(code.splitlines()) <= 22
    (site / "frost_metrics.py").write_text(code)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: frost-metrics\nVersion: 1.0\n")
    point = re.search(r'^frost = "(.*)"$', project, flags=re.MULTILINE)
    assert point is not None
    (info / "entry_points.txt").write_text(f"[tseng.metrics]\nfrost = {point[1]}\n")
    ask = f"tseng get {CRACK} frost_heave mm --format csv; tseng metrics list"
    lines = shell(folder, ask, PYTHONPATH=str(site)).splitlines()
    assert [line.split(",")[1] for line in lines[1:3]] == ["40", "80"]
    assert "frost_heave  1        mm    plugin frost-metrics 1.0  -" in lines


def test_the_unit_map_works_as_printed(folder: Path) -> None:
    """23.4 hundredths of a volt are 234 mV while the map is there."""
    map, *others = fences("sh")[1].splitlines()
    said = shell(folder, "\n".join([map, "tseng get /b bridge mV --format csv", *others]))
    assert "00Z,234\n" in said
    assert "Vx10^-2  mV" in said


def test_every_function_is_described() -> None:
    """In the table of functions."""
    assert [name for name in FUNCTIONS if f"`{name}`" not in PAGE] == []
