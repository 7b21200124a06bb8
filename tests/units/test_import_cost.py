"""What importing the package costs others."""

import subprocess
import sys

HEAVY = {"pint", "pandas", "duckdb", "pyarrow", "starlette", "sqlalchemy", "deltalake"}


def loaded_after(code: str) -> set[str]:
    """Heavy modules that a fresh interpreter has loaded after running the code."""
    script = f"{code}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return HEAVY & set(run.stdout.split())


def test_catalogue_and_planning_load_nothing_heavy() -> None:
    """The package, its catalogue and whole plans need neither pint nor anything of storage or the server."""
    code = (
        "import tseng_units.catalogue, tseng_units.evaluate\n"
        "from tseng_units.plan import plan\n"
        "from tseng_units.sensors import Sensor\n"
        "plan(Sensor('s', 'TEMPERATURE_SDE'), 'dT', 'F', {'dt': {'value': 60}}, None).describe()"
    )
    assert loaded_after("import tseng_units") == set()
    assert loaded_after(code) == set()


def test_pint_comes_with_the_first_conversion_only() -> None:
    """The identity needs no pint; a conversion between two units does, and nothing else heavy."""
    convert = "from tseng_units.registry import convert; convert([1.0], 'm', {!r})"
    assert loaded_after(convert.format("m")) == set()
    assert loaded_after(convert.format("mm")) == {"pint"}
