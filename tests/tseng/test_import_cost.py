"""Starting is cheap: what is heavy loads with its first use."""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

HEAVY = {"pint", "pandas", "duckdb", "deltalake", "sqlalchemy", "starlette", "uvicorn", "pyarrow"}


def _run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def _cpu_seconds(code: str) -> float:
    measured = "import time, json\n" + code + "\nprint(json.dumps(time.process_time()))"
    return float(json.loads(_run(measured)))


def test_import_tseng_costs_less_than_a_fifth_of_a_second() -> None:
    """Importing tseng takes under 0.2 s of CPU more than bare Python plus numpy."""
    bare = median(_cpu_seconds("import numpy") for _ in range(5))
    ours = median(_cpu_seconds("import numpy, tseng") for _ in range(5))
    assert ours - bare < 0.2


def test_help_loads_nothing_heavy() -> None:
    """`tseng --help` loads neither pint nor pandas nor duckdb, nor anything else that is heavy."""
    code = """
import sys
sys.argv = ["tseng", "--help"]
from tseng.cli import main
try:
    main()
except SystemExit as stop:
    assert stop.code == 0, stop.code
print("\\n" + " ".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""
    loaded = set(_run(code).splitlines()[-1].split())
    assert "typer" in loaded
    assert not HEAVY & loaded


def test_an_upload_loads_no_pandas(tmp_path: Path) -> None:
    """A device's first reading does not wait for a library that looks for data frames in it."""
    code = f"""
import sys
from tseng.engine import Engine
with Engine.open({str(tmp_path / "store")!r}) as engine:
    engine.create_entity("sensor", "a", "TEMPERATURE_SDE")
    engine.upload([{{"sensorId": "a", "timestamp": "2024-01-01T00:00:00Z", "values": {{"T": 1.0}}}}] * 100)
    assert engine.get_data("a", "T", "C").value.tolist() == [1.0]
assert "pandas" not in sys.modules
"""
    _run(code)


def test_nothing_is_left_to_load_once_a_server_has_preloaded(tmp_path: Path) -> None:
    """The first read after it, derived, converted and written as JSON, loads no package that was not there."""
    code = f"""
import sys
from tseng.preload import preload
from tseng.engine import Engine
from tseng.formats import FORMATS
with Engine.open({str(tmp_path / "store")!r}) as engine:
    engine.create_entity("sensor", "/a", "TILT_BIAXIAL", {{"GAUGE_LENGTH": 2.0}})
    engine.upload([{{"sensorId": "/a", "timestamp": "2024-01-01T00:00:00Z", "values": {{"tilt_x": 1.0}}}}])
    preload()
    before = {{name.partition(".")[0] for name in sys.modules}}
    list(FORMATS["json"].encode(engine.stream("/a", "dx", "mm")))
    print({{name.partition(".")[0] for name in sys.modules}} - before)
"""
    assert _run(code) == "set()\n"
