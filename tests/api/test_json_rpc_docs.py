"""`docs/json-rpc.md` is complete, and its examples are what the server answers."""

import json
import re
from pathlib import Path

import pytest
from tests.api.calling import connected, messages
from tests.api.site import READINGS

from tseng.engine import Engine
from tseng_api import limits
from tseng_api.errors import OUTCOMES
from tseng_api.methods import METHODS

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "json-rpc.md").read_text()
EXAMPLES = re.findall(r"^```rpc\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)


def test_every_method_is_described() -> None:
    """In the table of methods."""
    assert [name for name in METHODS if not re.search(rf"^\| [^|]*`{name}`", TEXT, flags=re.MULTILINE)] == []


def test_every_code_is_described_and_no_other() -> None:
    """One row for each code of the table of outcomes, but not that of another HTTP method: that is REST's alone."""
    assert {int(code) for code in re.findall(r"^\| (-32\d+) \|", TEXT, flags=re.MULTILINE)} == {
        code for _, code in OUTCOMES.values()
    }


def test_limits_are_those_of_the_code() -> None:
    """Name and value."""
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", TEXT, flags=re.MULTILINE)
    assert {name for name, _ in rows} >= {"FRAME_BYTES", "MESSAGE_BYTES", "NESTING", "BATCH", "SUBSCRIPTIONS"}
    assert [(name, value) for name, value in rows if getattr(limits, name) != int(value)] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_are_answered_as_printed(example: str, tmp_path: Path) -> None:
    """On a connection: each request and, message by message, what it is answered with."""
    with Engine.open(tmp_path / "store") as engine:
        session, _ = connected(engine)
        engine.create_entity("sensor", "/site/t1/sensor", "TEMPERATURE_SDE")
        engine.create_entity("sensor", "/site/w1/sensor", "WATER_LEVEL_ABS")
        rows = [("/site/t1/sensor", at, {"T": value}) for at, value in READINGS.items()]
        first, second, _ = READINGS
        rows += [
            ("/site/w1/sensor", first, {"P_raw": 101325.0, "T": 8.5}),
            ("/site/w1/sensor", second, {"P_raw": 101300.0}),
        ]
        engine.upload([{"sensorId": sensor, "timestamp": at, "values": values} for sensor, at, values in rows])
        lines = example.replace("$KEY", engine.keys.create("docs")).splitlines()
        asked = [at for at, line in enumerate(lines) if line.startswith("--> ")]
        for at, end in zip(asked, [*asked[1:], len(lines)], strict=True):
            printed = [json.loads(line.removeprefix("<-- ")) for line in lines[at + 1 : end]]
            assert messages(session, lines[at].removeprefix("--> ").encode()) == printed
