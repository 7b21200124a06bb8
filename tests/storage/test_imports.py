"""What storage does not load."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
from tseng_storage.store import Store
with Store.open(sys.argv[1], create=False) as store:
    times, values = store.read("default", "/s", "T")
    assert times.tolist() == [1, 2], times
print(*sorted({"pandas", "duckdb", "deltalake", "pint", "starlette", "tseng_units"} & sys.modules.keys()))
"""


def test_a_process_that_only_reads_stays_light(tmp_path: Path) -> None:
    """Opening a store and reading a series from segments and log loads neither pandas nor duckdb nor deltalake."""
    from tests.storage.helpers import PROJECT, opened, series

    with opened(tmp_path) as store:
        store.load(series({1: 1.0}), PROJECT)
        store.append(series({2: 2.0}), PROJECT)
    done = subprocess.run([sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
