"""A site whose answers are kept, and everything that may happen to its store afterwards."""

from typing import Any

import numpy as np
import pyarrow as pa

from tseng.engine import Engine

DEVICE = "/site/d/device"
TILTS = [f"{DEVICE}/{number}/sensor" for number in range(3)]
OTHER_BARO, GAUGE = "/site/baro2/sensor", "/site/gauge/sensor"
BARO, LEVEL, CRACK = "/site/baro/sensor", "/site/level/sensor", "/site/crack/sensor"
COUNT = 1500
TIME = np.datetime64("2024-01-01", "us") + np.arange(COUNT) * np.timedelta64(600, "s")
TIME[900:] += np.timedelta64(7, "h")
THEN = "2024-01-05T00:00:00Z"

READS: dict[str, dict[str, Any]] = {
    "array": {"sensor": TILTS[0], "metric": "dx", "unit": "mm", "params": {"ZERO_DATE": {"value": THEN}}},
    "window": {"sensor": TILTS[1], "metric": "x_inc", "unit": "in", "startDate": THEN, "endDate": "2024-01-06"},
    "mapped": {"sensor": GAUGE, "metric": "reading", "unit": "V"},
    "moving": {"sensor": TILTS[2], "metric": "dtilt_x", "unit": "deg", "params": {"dt": {"value": 1, "unit": "d"}}},
    "barometer": {"sensor": LEVEL, "metric": "head", "unit": "ft"},
    "mean": {"sensor": TILTS[0], "metric": "dx", "unit": "mm", "aggregate": "std", "window": "1d", "timeZone": "Japan"},
    "chart": {"sensor": CRACK, "metric": "opening", "unit": "mm", "points": 60, "gap": "2h"},
    "last": {"sensor": CRACK, "metric": "disp", "unit": "m", "limit": {"function": "last"}},
}  # fmt: skip


def upload(engine: Engine, sensor: str, metric: str, seed: int, mean: float, spread: float, count: int = COUNT) -> None:
    value = np.random.default_rng(seed).normal(mean, spread, count)
    columns = {"sensor": [sensor] * count, "metric": [metric] * count, "time": TIME[:count], "value": value}
    engine.upload_table(pa.table(columns))


def furnish(engine: Engine) -> None:
    """An array of three tiltmeters, a water level with its barometer, a crack with a metric of the project's own."""
    for number, tilt in enumerate(TILTS):
        engine.create_entity("sensor", tilt, "IPI_BIAXIAL", {"GAUGE_LENGTH": 1.5, "DEPTH": number}, parent=DEVICE)
        upload(engine, tilt, "tilt_x", number, 0.5, 3)
    engine.update_entity("sensor", TILTS[1], {"GAUGE_LENGTH": 1.7}, valid_from=TIME[600])
    engine.create_entity("sensor", BARO, "BAROMETER")
    engine.create_entity("sensor", LEVEL, "WATER_LEVEL_ABS", {"BARO_SENSOR": BARO})
    upload(engine, BARO, "P", 7, 101_000, 300)
    upload(engine, LEVEL, "P_raw", 8, 150_000, 900)
    engine.create_entity("sensor", CRACK, "DISPLACEMENT")
    upload(engine, CRACK, "disp", 9, 0.01, 0.002)
    engine.define_metrics({"opening": OPENING})
    units = {"UNKNOWN_METRICS": {"0": "reading"}, "UNKNOWN_UNITS": {"0": "Vx10^-2"}}
    engine.create_entity("sensor", GAUGE, "GENERIC_SENSOR_SDE", units)
    upload(engine, GAUGE, "reading", 10, 5, 1)
    engine.map_unit("Vx10^-2", "mV", scale=10)


OPENING = {"unit": "mm", "expression": "disp * K", "props": {"K": {"unit": "", "default": 2}}}


def change_everything(engine: Engine) -> None:
    """Overwrite and remove readings, correct, date and remove props, define anew, flush and compact."""
    for number, tilt in enumerate(TILTS):
        upload(engine, tilt, "tilt_x", 50 + number, 1.5, 2, COUNT // 2)
        engine.update_entity("sensor", tilt, {"GAUGE_LENGTH": 3 + number})
    gone = [{"sensorId": CRACK, "timestamp": str(when) + "Z", "values": {"disp": None}} for when in TIME[2::3]]
    engine.upload(gone)
    engine.store.flush()
    engine.update_entity("sensor", TILTS[0], {"ZERO_DATE": THEN, "GAUGE_LENGTH": 9}, valid_from=TIME[300])
    engine.create_entity("sensor", f"{DEVICE}/9/sensor", "IPI_BIAXIAL", {"GAUGE_LENGTH": 1, "DEPTH": 9}, parent=DEVICE)
    upload(engine, f"{DEVICE}/9/sensor", "tilt_x", 99, 0, 3)
    engine.create_entity("sensor", OTHER_BARO, "BAROMETER")
    upload(engine, OTHER_BARO, "P", 78, 98_000, 300)
    engine.update_entity("sensor", LEVEL, {"BARO_SENSOR": OTHER_BARO, "MASKS": [{"start": THEN}]})
    engine.map_unit("Vx10^-2", "V", scale=0.5)
    upload(engine, BARO, "P", 77, 99_000, 300)
    engine.define_metrics({"opening": OPENING | {"expression": "disp * K * K"}})
    engine.store.compact()
    upload(engine, LEVEL, "P_raw", 88, 140_000, 900, 50)
