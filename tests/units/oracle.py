"""Every metric once more, in plain Python, point by point and straight from its definition: slow, short, independent.

Series are dicts of microseconds to floats in the metric's default unit. Nothing of the package takes part but the
description of the sensors; factors of units are typed here again.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import pairwise

from tests.units.memory import MemoryDirectory
from tests.units.site import Columns

from tseng_units.catalogue import METRICS
from tseng_units.errors import NoZeroReading
from tseng_units.sensors import Sensor

Series = dict[int, float]
IN_PASCAL = {"kPa": 1e3, "psi": 4.4482216152605 / 0.0254**2}
IN_KILONEWTON = {"kN": 1.0, "lbf": 4.4482216152605e-3}
IN_METER = {"mm": 1e-3}
DAY = 86_400.0


def rows(function: Callable[..., float | None], *inputs: Series) -> Series:
    """A function of values at the times that all inputs have, without what is no number."""
    times = reduce(lambda left, right: left & right, (set(each) for each in inputs))
    found = {us: _number(function, [each[us] for each in inputs]) for us in sorted(times)}
    return {us: value for us, value in found.items() if value is not None}


def _number(function: Callable[..., float | None], values: Sequence[float]) -> float | None:
    try:
        value = function(*values)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return value if value is not None and math.isfinite(value) else None


def prop(sensor: Sensor, name: str, default: float | None = None) -> float:
    """A number of the sensor's props."""
    value = sensor.prop(name, default)
    assert isinstance(value, int | float)
    return float(value)


class Metrics:
    """Metrics of single sensors; `zero` [us] and `dt` [s] are those of the request."""

    def __init__(
        self, directory: MemoryDirectory, readings: Mapping[str, Columns], zero: int | None, dt: int | None
    ) -> None:
        """Keep the readings of each sensor."""
        self._directory, self._readings, self._zero, self._dt = directory, readings, zero, dt and dt * 1_000_000

    def of(self, id_: str, metric: str) -> Series:
        """The series of a metric; raises NoZeroReading."""
        sensor = self._directory.sensors[id_]
        if metric in sensor.uploaded:
            column = self._readings[id_][metric]
            return {us: value for us, value in sorted(column.items()) if value is not None}
        found = getattr(self, metric, None)
        if found is not None:
            return dict(found(sensor))
        if metric in METRICS and METRICS[metric].raw and not metric.startswith("digits"):
            return {}
        if metric == "dz" and sensor.type == "SETTLEMENT_CELL":
            return self._change(sensor, "elev")
        if metric.removeprefix("d").removesuffix("_inc") in ("x", "y", "z"):
            return self.positions(sensor, metric)
        if metric.startswith("digits"):
            return rows(lambda f: f * f / 1000 if f > 0 else None, self.of(id_, metric.replace("digits", "f")))
        if metric.startswith("v"):
            return self._rate(sensor, {"v_disp": "disp"}.get(metric, metric[1:]))
        return self._change(sensor, metric[1:])

    # -- differences and sums

    def _earlier(self, base: Series, us: int) -> int | None:
        assert self._dt is not None
        wanted = us - self._dt
        near = [other for other in base if abs(other - wanted) <= self._dt // 10]
        return min(near, key=lambda other: (abs(other - wanted), other), default=None)

    def _change(self, sensor: Sensor, metric: str) -> Series:
        return self._difference(sensor, self.of(sensor.id, metric))

    def _difference(self, sensor: Sensor, base: Series) -> Series:
        if self._dt is not None:
            before = {us: self._earlier(base, us) for us in base}
            return {us: value - base[at] for us, value in base.items() if (at := before[us]) is not None}
        count = int(str(sensor.prop("ZERO_COUNT", 1)))
        first = [value for us, value in base.items() if self._zero is None or us >= self._zero][:count]
        if base and len(first) < count:
            raise NoZeroReading("none", field="ZERO_DATE")
        return {us: value - sum(first) / count for us, value in base.items()}

    def _rate(self, sensor: Sensor, metric: str) -> Series:
        base = self.of(sensor.id, metric)
        to_mm = 1.0 if metric == "disp" else 1000.0
        before = {us: self._earlier(base, us) for us in base}
        return {
            us: (value - base[at]) * to_mm / ((us - at) / 1e6 / DAY)
            for us, value in base.items()
            if (at := before[us]) is not None
        }

    def rain(self, sensor: Sensor) -> Series:
        tips = self.of(sensor.id, "tips")
        size = prop(sensor, "TIP_SIZE", 0.2)
        if sensor.prop("COUNTER", False):
            times = list(tips)
            tips = {b: tips[b] - tips[a] if tips[b] >= tips[a] else tips[b] for a, b in pairwise(times)}
        return {us: value * size for us, value in tips.items()}

    def rain_cum(self, sensor: Sensor) -> Series:
        rain = self.of(sensor.id, "rain")
        since = min(rain, default=0)
        if self._dt is None:
            after = -(10**18) if self._zero is None else self._zero
            return {us: sum(v for at, v in rain.items() if after < at <= us) for us in rain if us > after}
        dt = self._dt
        return {us: sum(v for at, v in rain.items() if us - dt < at <= us) for us in rain if us - dt >= since}

    def rain_rate(self, sensor: Sensor) -> Series:
        rain = self.of(sensor.id, "rain")
        times = list(rain)
        return {b: rain[b] / ((b - a) / 3.6e9) for a, b in pairwise(times)}

    # -- temperature and air

    def T(self, sensor: Sensor) -> Series:
        def bead(ohm: float) -> float | None:
            log = math.log(ohm)
            celsius = 1 / (1.4051e-3 + 2.369e-4 * log + 1.019e-7 * log**3) - 273.15
            return celsius if -60 <= celsius <= 260 else None

        def platinum(ohm: float) -> float | None:
            low, high = -250.0, 900.0
            for _ in range(80):
                middle = (low + high) / 2
                cubic = -4.183e-12 * (middle - 100) * middle**3 if middle < 0 else 0.0
                above = 100 * (1 + 3.9083e-3 * middle - 5.775e-7 * middle**2 + cubic) > ohm
                low, high = (low, middle) if above else (middle, high)
            return low if -200 <= low <= 850 else None

        if sensor.type == "RTD_PT100":
            return rows(platinum, self.of(sensor.id, "R_rtd"))
        if sensor.type == "TILT_BIAXIAL_DGSI":
            return rows(lambda volt: (volt - 0.5) / 0.01, self.of(sensor.id, "T_raw"))
        return rows(bead, self.of(sensor.id, "R_th"))

    def P_msl(self, sensor: Sensor) -> Series:
        rise = 0.0065 * prop(sensor, "ELEVATION")
        inputs = self.of(sensor.id, "P"), self.of(sensor.id, "T")
        return rows(lambda p, t: p * (1 - rise / (t + 273.15 + rise)) ** -5.255876 / 100, *inputs)

    def T_dew(self, sensor: Sensor) -> Series:
        def magnus(t: float, rh: float) -> float:
            q = math.log(rh / 100) + 17.62 * t / (243.12 + t)
            return 243.12 * q / (17.62 - q)

        return rows(magnus, self.of(sensor.id, "T"), self.of(sensor.id, "RH"))

    # -- calibrations

    def _reading(self, sensor: Sensor) -> Series:
        if "V_ratio" in sensor.uploaded:
            scale = prop(sensor, "SCALE", 1.0)
            return rows(lambda ratio: ratio * scale, self.of(sensor.id, "V_ratio"))
        present = [i for i in "123" if {f"f_{i}", f"digits_{i}"} & set(sensor.uploaded)]
        gauges = [self.of(sensor.id, f"digits_{i}") for i in present] or [self.of(sensor.id, "digits")]
        return rows(lambda *each: sum(each) / len(each), *gauges)

    def _calibrated(self, sensor: Sensor) -> Series:
        given = {name: float(v) for name, v in sensor.props.items() if isinstance(v, int | float)}
        reading = self._reading(sensor)

        def y(r: float) -> float:
            if sensor.prop("CAL_MODEL") == "POLYNOMIAL":
                a, b, r0 = given["A"], given["B"], given.get("R0", 0.0)
                return a * r * r + b * r + given.get("C", -(a * r0 * r0 + b * r0))
            return given["G"] * (r - given["R0"])

        if "TEMP_M" in given:
            slope = {us: (r * given["TEMP_M"] + given.get("TEMP_B", 0.0)) * given["G"] for us, r in reading.items()}
        elif given.get("K"):
            slope = dict.fromkeys(reading, given["K"])
        else:
            return rows(y, reading)
        return rows(lambda r, k, t: y(r) + k * (t - given["T0"]), reading, slope, self.of(sensor.id, "T"))

    def _barometer(self, sensor: Sensor, times: Series) -> Series:
        air = self.of(str(sensor.prop("BARO_SENSOR")), "P")
        gap = prop(sensor, "BARO_MAX_GAP", 7200) * 1e6

        def at(us: int) -> float | None:
            before, after = (
                max((t for t in air if t <= us), default=None),
                min((t for t in air if t >= us), default=None),
            )
            if before is None or after is None or after - before > gap:
                return None
            return (
                air[us]
                if before == after
                else air[before] + (air[after] - air[before]) * (us - before) / (after - before)
            )

        return {us: value for us in times if (value := at(us)) is not None}

    def P_w(self, sensor: Sensor) -> Series:
        if sensor.type == "VW_PIEZOMETER":
            unit = IN_PASCAL[str(sensor.prop("CAL_UNIT", "kPa"))]
            pressure, zero = rows(lambda y: y * unit, self._calibrated(sensor)), prop(sensor, "BARO_ZERO", 0.0)
        else:
            pressure, zero = self.of(sensor.id, "P_raw"), 0.0
        if sensor.prop("BARO_SENSOR"):
            return rows(lambda p, s: (p - (s - zero)) / 1e3, pressure, self._barometer(sensor, pressure))
        return rows(lambda p: p / 1e3, pressure)

    def _column(self, sensor: Sensor) -> float:
        """Pascal of one metre of the liquid."""
        return prop(sensor, "FLUID_DENSITY", 1000.0) * prop(sensor, "LOCAL_G", 9.80665)

    def head(self, sensor: Sensor) -> Series:
        return rows(lambda p: p * 1e3 / self._column(sensor), self.of(sensor.id, "P_w"))

    def wl_elev(self, sensor: Sensor) -> Series:
        return rows(lambda head: prop(sensor, "ELEVATION") + head, self.of(sensor.id, "head"))

    def wl_depth(self, sensor: Sensor) -> Series:
        return rows(lambda head: prop(sensor, "REF_DEPTH") - head, self.of(sensor.id, "head"))

    def load(self, sensor: Sensor) -> Series:
        unit = IN_KILONEWTON[str(sensor.prop("CAL_UNIT", "kN"))]
        return rows(lambda y: y * unit, self._calibrated(sensor))

    def disp(self, sensor: Sensor) -> Series:
        return self._calibrated(sensor)

    def elev(self, sensor: Sensor) -> Series:
        start = prop(sensor, "ELEVATION") + prop(sensor, "RES_OFFSET", 0.0)
        unit = str(sensor.prop("CAL_UNIT", "kPa"))
        if unit in IN_METER:
            return rows(lambda y: start + y * IN_METER[unit], self._calibrated(sensor))
        return rows(lambda y: start - y * IN_PASCAL[unit] / self._column(sensor), self._calibrated(sensor))

    def positions(self, sensor: Sensor, metric: str) -> Series:
        """Those of tilted segments, see the other half."""
        raise NotImplementedError

    # -- strain

    def strain(self, sensor: Sensor) -> Series:
        factor = prop(sensor, "GAUGE_FACTOR") * prop(sensor, "BATCH_FACTOR", 1.0)
        return rows(lambda r: factor * r, self.of(sensor.id, "digits"))

    def _strain_with(self, sensor: Sensor, per_degree: float) -> Series:
        inputs = self.of(sensor.id, "strain"), self.of(sensor.id, "T")
        return self._difference(sensor, rows(lambda e, t: e + per_degree * t, *inputs))

    def dstrain_actual(self, sensor: Sensor) -> Series:
        return self._strain_with(sensor, 12.2)

    def dstrain_load(self, sensor: Sensor) -> Series:
        return self._strain_with(sensor, 12.2 - prop(sensor, "ALPHA_STRUCT"))

    def dstress(self, sensor: Sensor) -> Series:
        return rows(lambda e: prop(sensor, "E_MOD") * e * 1e-3, self.dstrain_load(sensor))
