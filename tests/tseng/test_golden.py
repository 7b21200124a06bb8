"""The worked cases once more, this time through a real store: uploaded, read back, in whole series and over SQL."""

from pathlib import Path

import pytest
from tests import golden
from tests.golden import Case

from tseng.engine import Engine
from tseng.errors import REFUSALS


def _site(engine: Engine, case: Case) -> None:
    for device, content in (case.get("devices") or {}).items():
        engine.create_entity("device", device, "LOGGER", content["props"])
    for sensor in case["sensors"]:
        engine.create_entity("sensor", sensor["id"], sensor["type"], sensor["props"], parent=sensor.get("device"))
        rows = [
            {
                "sensorId": sensor["id"],
                "timestamp": text,
                "values": {name: values[at] for name, values in sensor["obs"]["v"].items()},
            }
            for at, text in enumerate(sensor["obs"]["t"])
        ]
        # One upload per row: a later row of the same time replaces what it carries.
        for row in rows:
            engine.upload([row])


@pytest.mark.parametrize("case", golden.ready("metric"), ids=golden.name_of)
@pytest.mark.parametrize("flushed", [False, True], ids=["log", "parquet"])
def test_metric_case(case: Case | None, flushed: bool, tmp_path: Path) -> None:
    """The expected timestamps and values, or the expected category, from the log alone and from Parquet alone."""
    case = golden.require(case)
    with Engine.open(tmp_path / "store") as engine:
        _site(engine, case)
        if flushed:
            engine.store.flush()
        asked = {**case["request"], "start": case["request"].get("startDate"), "end": case["request"].get("endDate")}
        asked = {name: asked.get(name) for name in ("sensor", "metric", "unit", "params", "start", "end")}
        if "error" in case["expect"]:
            with pytest.raises(REFUSALS) as refused:
                engine.get_data(**asked)
            assert refused.value.category == case["expect"]["error"]
        else:
            series = engine.get_data(**asked)
            golden.assert_data(case, series.time.astype("int64").tolist(), series.value.tolist())


@pytest.mark.parametrize("case", golden.ready("catalogue"), ids=golden.name_of)
def test_catalogue_case(case: Case | None, tmp_path: Path) -> None:
    """`metrics` lists exactly the expected ids."""
    case = golden.require(case)
    with Engine.open(tmp_path / "store") as engine:
        _site(engine, case)
        assert {metric.id for metric in engine.metrics(case["sensor"])} == set(case["expect"]["metrics"])
