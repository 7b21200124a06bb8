"""The instruments of the site: their sensors, their files, and how each file is imported.

What goes wrong on real sites goes wrong here: clocks wander by seconds, readings get lost, the logger's power fails for
two days, one tiltmeter loses its radio for a week and its memory card is read later, one is knocked off and mounted
again, and a water level logger's older half is downloaded after the newer one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tseng.demo import site, writers
from tseng.demo.signals import Array, lagged, noise
from tseng.importers.options import ColumnMap, ImportOptions

if TYPE_CHECKING:
    from tseng.engine import Engine

SEED = 20230101
NODE = "/quay-wall"
BAROMETER, STANDPIPE, VENTED = f"{NODE}/baro/sensor", f"{NODE}/sp-1/sensor", f"{NODE}/sp-2/sensor"
THERMISTORS = (f"{NODE}/th-1/sensor", f"{NODE}/th-2/sensor")
PRISM = f"{NODE}/prism-1/sensor"
TILTMETERS = {f"tm-{number}": share for number, share in ((1, 1.0), (2, 0.8), (3, 0.55), (4, 0.35))}
KNOCKED, SILENT = "tm-2", "tm-3"
STRING = f"{NODE}/ipi-1"

_POWER_CUT = ("2023-12-21T04:00", "2023-12-23T11:30")
_RADIO_LOST = ("2024-07-02T09:00", "2024-07-09T16:00")


@dataclass(frozen=True)
class File:
    """One file of the site and the import it is meant for."""

    path: Path
    options: ImportOptions


@dataclass(frozen=True)
class Thing:
    """A sensor with its device: ids, type, props."""

    sensor: str
    type: str
    device: str
    props: Mapping[str, Any] = field(default_factory=dict)


def segment(number: int) -> str:
    """Sensor id of one segment of the string, 1 = top."""
    return f"{STRING}/seg-{number}/sensor"


def things() -> list[Thing]:
    """Every sensor of the site."""
    station = dict(zip(("STATION_E", "STATION_N", "STATION_H"), site.STATION, strict=True))
    zeroed = {"ZERO_DATE": "2023-02-01T00:00:00Z"}
    tilt = {"GAUGE_LENGTH": 3.0, "AZIMUTH_XY": site.AZIMUTH}
    found = [
        Thing(BAROMETER, "BAROMETER", f"{NODE}/baro"),
        Thing(STANDPIPE, "WATER_LEVEL_ABS", f"{NODE}/sp-1", {"BARO_SENSOR": BAROMETER, "ELEVATION": -4.2}),
        Thing(VENTED, "WATER_LEVEL_VENTED", f"{NODE}/sp-2", {"ELEVATION": -3.6}),
        Thing(PRISM, "PRISM_TS", f"{NODE}/prism-1", station | zeroed),
    ]
    found += [Thing(each, "THERMISTOR", each.removesuffix("/sensor"), zeroed) for each in THERMISTORS]
    for name in TILTMETERS:
        zero = {"ZERO_DATE": site.REZEROED} if name == KNOCKED else zeroed
        found.append(Thing(f"{NODE}/{name}/sensor", "TILT_BIAXIAL", f"{NODE}/{name}", tilt | zero))
    for number in range(1, site.SEGMENTS + 1):
        props = {"GAUGE_LENGTH": site.SEGMENT_M, "DEPTH": (number - 0.5) * site.SEGMENT_M, "AZIMUTH_XY": site.AZIMUTH}
        found.append(Thing(segment(number), "IPI_BIAXIAL", STRING, props | zeroed))
    return found


def create(engine: "Engine") -> int:
    """Make the node, the devices and the sensors that are not there yet; return how many sensors there are."""
    if not engine.entities("node", [NODE]):
        engine.create_entity("node", NODE, "NODE", {"NAME": "Quay wall"})
    for thing in things():
        if not engine.entities("device", [thing.device]):
            engine.create_entity("device", thing.device, "IMPORT_DEVICE_SDE", parent=NODE)
        if not engine.entities("sensor", [thing.sensor]):
            engine.create_entity("sensor", thing.sensor, thing.type, thing.props, parent=thing.device)
    return len(things())


def _between(time: NDArray[np.datetime64], span: tuple[str, str]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (time >= np.datetime64(span[0])) & (time < np.datetime64(span[1]))
    return inside


@dataclass
class _Site:
    """The truth at the site, and the folder its files go to."""

    folder: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(SEED))
    time: NDArray[np.datetime64] = field(default_factory=site.grid)

    def __post_init__(self) -> None:
        self.weather = site.weather(self.rng, self.time)
        self.moved = site.progress(self.time)

    def jittered(self, seconds: float) -> NDArray[np.datetime64]:
        """Times of a clock that wanders: up to so many seconds late, whole seconds."""
        late = self.rng.integers(0, int(seconds) + 1, len(self.time))
        times: NDArray[np.datetime64] = self.time + late.astype("timedelta64[s]")
        return times

    def lost(self, share: float) -> NDArray[np.bool_]:
        """Mark the readings that got lost on the way."""
        gone: NDArray[np.bool_] = self.rng.random(len(self.time)) < share
        return gone

    def tilt_files(self) -> list[File]:
        """One CSV per wireless tiltmeter; the silent one's week comes in a file of its own, last."""
        files, late = [], []
        for name, share in TILTMETERS.items():
            tilt = site.wall_tilt(self.rng, self.moved, self.weather.air, share)
            tilt = site.remounted(tilt, self.time) if name == KNOCKED else tilt
            columns = {"tilt_x [deg]": tilt.x, "tilt_y [deg]": tilt.y, "T [C]": tilt.temperature}
            time, lost, options = self.jittered(7), self.lost(0.006), ImportOptions(sensor=f"{NODE}/{name}/sensor")
            card = _between(self.time, _RADIO_LOST) if name == SILENT else np.zeros(len(time), dtype=bool)
            files.append(self._wide(f"{name}.csv", time, columns, ~lost & ~card, options))
            if card.any():
                late.append(self._wide(f"{name}-memory-card.csv", time, columns, card, options))
        return files + late

    def _wide(
        self,
        name: str,
        time: NDArray[np.datetime64],
        columns: Mapping[str, Array],
        rows: NDArray[np.bool_],
        options: ImportOptions,
    ) -> File:
        path = self.folder / name
        writers.write_wide(path, time[rows], {key: values[rows] for key, values in columns.items()}, 4)
        return File(path, options)

    def logger_files(self) -> list[File]:
        """One Campbell table, read once for each of the instruments wired to that logger."""
        water = site.water(self.rng, self.time, self.weather.rain, 0.9)
        wall = [lagged(self.weather.air, lag * site.HOUR) for lag in (5, 60)]
        columns = {
            "BattV_Min": np.round(12.6 + 0.02 * (self.weather.air - 10) + noise(self.rng, len(self.time), 9, 0.1), 2),
            "BP_Avg": np.round(self.weather.pressure / 100, 2),
            "AirT_Avg": np.round(self.weather.air, 2),
            "Lvl_Avg": np.round(water * site.G_RHO / 1000, 3),
            "Th1_Avg": np.round(site.resistance(wall[0]) / 1000, 4),
            "Th2_Avg": np.round(site.resistance(wall[1]) / 1000, 4),
        }
        columns["BattV_Min"][self.lost(0.001)] = np.nan
        columns["Th1_Avg"][self.lost(0.0003)] = -7999
        units = dict(zip(columns, ("V", "hPa", "C", "kPa", "kOhm", "kOhm"), strict=True))
        names = {name: (unit, name.partition("_")[2]) for name, unit in units.items()}
        on = ~_between(self.time, _POWER_CUT)
        path = self.folder / "QuayWall_TenMin.dat"
        writers.write_toa5(path, names, self.time[on], {name: values[on] for name, values in columns.items()})
        wired = {
            BAROMETER: {"BP_Avg": "P", "AirT_Avg": "T"},
            VENTED: {"Lvl_Avg": "P_raw"},
            THERMISTORS[0]: {"Th1_Avg": "R_th"},
            THERMISTORS[1]: {"Th2_Avg": "R_th"},
        }
        return [
            File(
                path, ImportOptions(sensor=sensor, tz="UTC", columns=tuple(ColumnMap(*each) for each in taken.items()))
            )
            for sensor, taken in wired.items()
        ]

    def level_files(self) -> list[File]:
        """The absolute logger in the standpipe: two downloads, the newer imported first, and hand dips beside it."""
        water = site.water(self.rng, self.time, self.weather.rain, 1.4)
        level = water + self.weather.pressure / site.G_RHO + noise(self.rng, len(water), 1.0, 0.001)
        temperature = 11.2 + 0.4 * (lagged(self.weather.air, 90 * site.DAY) - self.weather.air.mean())
        files = []
        for year in ("2024", "2023"):
            rows = _between(self.time, (year, str(int(year) + 1)))
            path = self.folder / f"sp-1_{year}.xle"
            writers.write_xle(path, "2091177", "sp-1", self.time[rows], level[rows], temperature[rows])
            files.append(File(path, ImportOptions(sensor=STANDPIPE, tz="UTC")))
        visits = np.arange(60, len(self.time), 30 * int(site.DAY))
        depth = [f"{value:.2f}" for value in (6.0 - water[visits] + self.rng.normal(0, 0.01, len(visits))).tolist()]
        path = self.folder / "hand-dips.ags"
        writers.write_ags4(path, "SP-1", self.time[visits], depth)
        return [*files, File(path, ImportOptions(tz="UTC", create="GENERIC_SENSOR_SDE"))]

    def prism_file(self) -> File:
        """The total station's shots as long CSV, with the air it measured through; fog hides the prism at times."""
        shots = site.shots(self.rng, self.moved, self.weather.air)
        seen = ~self.lost(0.02)
        metrics: dict[str, tuple[Array, int]] = {
            name: (getattr(shots, name)[seen], digits)
            for name, digits in (("e", 4), ("n", 4), ("h", 4), ("ha", 5), ("za", 5), ("sd", 4))
        }
        metrics |= {"T": (self.weather.air[seen], 1), "P": (self.weather.pressure[seen], 0)}
        table = writers.long_table(PRISM, self.jittered(40)[seen], metrics)
        path = self.folder / "total-station.csv"
        writers.write_csv(path, table)
        return File(path, ImportOptions())

    def string_file(self) -> File:
        """The inclinometer string as Parquet: all segments of a scan share its time."""
        time, seen = self.jittered(3), ~self.lost(0.004)
        tables = []
        for number in range(1, site.SEGMENTS + 1):
            tilt = site.segment_tilt(self.rng, self.moved, self.weather.air, number)
            metrics = {"tilt_x": (tilt.x[seen], 4), "tilt_y": (tilt.y[seen], 4), "T": (tilt.temperature[seen], 1)}
            tables.append(writers.long_table(segment(number), time[seen], metrics))
        path = self.folder / "ipi-1.parquet"
        writers.write_parquet(path, tables)
        return File(path, ImportOptions())


def write_files(folder: Path) -> list[File]:
    """Simulate the site and write its files; return them in the order in which they arrive."""
    folder.mkdir(parents=True, exist_ok=True)
    made = _Site(folder)
    return [*made.logger_files(), *made.level_files(), *made.tilt_files(), made.prism_file(), made.string_file()]
