"""The second half of the plain Python opinion: tilts, arrays, directions, surveys, vibration."""

import math

from tests.units.oracle import Metrics, Series, prop, rows

from tseng_units.sensors import Sensor


class Oracle(Metrics):
    """All metrics of a site."""

    # -- tilts

    def tilt_x(self, sensor: Sensor) -> Series:
        return self._tilt(sensor, "A_raw", "COEF_A", "acc_x")

    def tilt_y(self, sensor: Sensor) -> Series:
        return self._tilt(sensor, "B_raw", "COEF_B", "acc_y")

    def _tilt(self, sensor: Sensor, raw: str, coefficients: str, axis: str) -> Series:
        if "acc_x" in sensor.uploaded:
            inputs = self.of(sensor.id, axis), self.of(sensor.id, "acc")
            return rows(lambda a, g: math.degrees(math.asin(a / g)), *inputs)
        terms = sensor.prop(coefficients, [0.0, 1.0])
        assert isinstance(terms, list)
        sine = rows(lambda volt: math.fsum(c * volt**power for power, c in enumerate(terms)), self.of(sensor.id, raw))
        return rows(lambda s: math.degrees(math.asin(s)), sine)

    def _usable(self, sensor: Sensor, metric: str) -> Series:
        return {us: tilt for us, tilt in self.of(sensor.id, metric).items() if abs(tilt) <= 90}

    def dtilt_x(self, sensor: Sensor) -> Series:
        return self._difference(sensor, self._usable(sensor, "tilt_x"))

    def dtilt_y(self, sensor: Sensor) -> Series:
        return self._difference(sensor, self._usable(sensor, "tilt_y"))

    def grad_x(self, sensor: Sensor) -> Series:
        return rows(lambda tilt: 1000 * math.sin(math.radians(tilt)), self._usable(sensor, "tilt_x"))

    def grad_y(self, sensor: Sensor) -> Series:
        return rows(lambda tilt: 1000 * math.sin(math.radians(tilt)), self._usable(sensor, "tilt_y"))

    def _deviation(self, sensor: Sensor, axis: str) -> Series:
        length = prop(sensor, "GAUGE_LENGTH")
        tilts = [self._usable(sensor, f"tilt_{each}") for each in ("xy" if axis == "z" else axis)]
        if axis == "z":
            squares = [{us: math.sin(math.radians(tilt)) ** 2 for us, tilt in each.items()} for each in tilts]
            return rows(lambda x, y: length * math.sqrt(1 - x - y), *squares)
        return rows(lambda tilt: length * math.sin(math.radians(tilt)), *tilts)

    # -- arrays

    def _chain(self, sensor: Sensor) -> list[Sensor]:
        mates = self._directory.members(sensor.device, sensor.kind) if sensor.device else [sensor]
        order = sorted(mates, key=lambda mate: prop(mate, "DEPTH", 0.0))
        own = order.index(sensor)
        return order[own::-1] if sensor.prop("END") == "TOP" else order[own:]

    def _at(self, series: Series, us: int, sensor: Sensor) -> float | None:
        tolerance = prop(sensor, "SCAN_TOLERANCE", 0.0) * 1e6
        near = [other for other in series if abs(other - us) <= tolerance]
        return series[min(near, key=lambda other: (abs(other - us), other))] if near else None

    def _summed(self, sensor: Sensor, axis: str, delta: bool) -> Series:
        parts = [self._deviation(each, axis) for each in self._chain(sensor)]
        if delta:
            parts = [self._difference(each, part) for each, part in zip(self._chain(sensor), parts, strict=True)]
        sign = -1.0 if sensor.prop("END") == "TOP" else 1.0
        found = {us: [self._at(part, us, sensor) for part in parts[1:]] for us in parts[0]}
        return {
            us: sign * math.fsum([parts[0][us], *(value for value in others if value is not None)])
            for us, others in found.items()
            if None not in others
        }

    def positions(self, sensor: Sensor, metric: str) -> Series:
        """x, dx, x_inc, dx_inc and the like."""
        axis, delta = metric.removesuffix("_inc")[-1], metric.startswith("d")
        if not metric.endswith("_inc"):
            return self._summed(sensor, axis, delta)
        own = self._deviation(sensor, axis)
        return self._difference(sensor, own) if delta else own

    def du(self, sensor: Sensor) -> Series:
        own, deepest = self._change(sensor, "disp"), self._change(self._chain(sensor)[-1], "disp")
        found = {us: self._at(deepest, us, sensor) for us in own}
        return {us: value - own[us] for us, value in found.items() if value is not None}

    # -- directions

    def _frame(self, sensor: Sensor) -> tuple[float, float]:
        sense = sensor.prop("Y_SENSE", "CCW" if sensor.type == "SHAPE_ARRAY" else "CW")
        return math.radians(prop(sensor, "AZIMUTH_XY", 0.0)), 1.0 if sense == "CW" else -1.0

    def _is_tilt(self, sensor: Sensor) -> bool:
        return "GAUGE_LENGTH" in sensor.props

    def dn(self, sensor: Sensor) -> Series:
        if not self._is_tilt(sensor):
            return self._change(sensor, "n")
        a, sense = self._frame(sensor)
        inputs = self.of(sensor.id, "dx"), self.of(sensor.id, "dy")
        return rows(lambda x, y: x * math.cos(a) - sense * y * math.sin(a), *inputs)

    def de(self, sensor: Sensor) -> Series:
        if not self._is_tilt(sensor):
            return self._change(sensor, "e")
        a, sense = self._frame(sensor)
        inputs = self.of(sensor.id, "dx"), self.of(sensor.id, "dy")
        return rows(lambda x, y: x * math.sin(a) + sense * y * math.cos(a), *inputs)

    def _north_east(self, sensor: Sensor) -> tuple[Series, Series, float]:
        b = math.radians(prop(sensor, "AZIMUTH_STRUCTURE", 0.0))
        return self.of(sensor.id, "dn"), self.of(sensor.id, "de"), b

    def dl(self, sensor: Sensor) -> Series:
        north, east, b = self._north_east(sensor)
        return rows(lambda n, e: n * math.cos(b) + e * math.sin(b), north, east)

    def dtr(self, sensor: Sensor) -> Series:
        north, east, b = self._north_east(sensor)
        return rows(lambda n, e: e * math.cos(b) - n * math.sin(b), north, east)

    def az_xy(self, sensor: Sensor) -> Series:
        north, east, _ = self._north_east(sensor)
        return rows(lambda n, e: math.degrees(math.atan2(e, n)) % 360 if n or e else None, north, east)

    def d_xy(self, sensor: Sensor) -> Series:
        return rows(math.hypot, self.of(sensor.id, "dx"), self.of(sensor.id, "dy"))

    def d_en(self, sensor: Sensor) -> Series:
        return rows(math.hypot, self._change(sensor, "e"), self._change(sensor, "n"))

    def d_enh(self, sensor: Sensor) -> Series:
        return rows(math.hypot, *(self._change(sensor, axis) for axis in "enh"))

    # -- surveys

    def _distance(self, sensor: Sensor) -> Series:
        return self.of(sensor.id, "sd_corrected" if "sd_corrected" in sensor.uploaded else "sd")

    def hd(self, sensor: Sensor) -> Series:
        return rows(lambda s, za: s * math.sin(math.radians(za)), self._distance(sensor), self.of(sensor.id, "za"))

    def vd(self, sensor: Sensor) -> Series:
        return rows(lambda s, za: s * math.cos(math.radians(za)), self._distance(sensor), self.of(sensor.id, "za"))

    def sd_atm(self, sensor: Sensor) -> Series:
        inputs = [self.of(sensor.id, metric) for metric in ("sd", "P", "T")]
        return rows(lambda s, p, t: s * (1 + (279.85 - 79.585 * p / 100 / (t + 273.15)) * 1e-6), *inputs)

    def _polar(self, sensor: Sensor, axis: str) -> Series:
        turn, station = prop(sensor, "ORIENTATION", 0.0), prop(sensor, f"STATION_{axis}")
        along = math.sin if axis == "E" else math.cos
        inputs = self.of(sensor.id, "hd"), self.of(sensor.id, "ha")
        return rows(lambda hd, ha: station + hd * along(math.radians(ha + turn)), *inputs)

    def e_polar(self, sensor: Sensor) -> Series:
        return self._polar(sensor, "E")

    def n_polar(self, sensor: Sensor) -> Series:
        return self._polar(sensor, "N")

    def h_polar(self, sensor: Sensor) -> Series:
        return rows(lambda vd: prop(sensor, "STATION_H") + vd, self.of(sensor.id, "vd"))

    def _local(self, sensor: Sensor) -> dict[int, tuple[float, float, float]]:
        """East, north, up by geocentric coordinates of both points and their difference."""

        def geocentric(lat: float, lon: float, h: float) -> tuple[float, float, float]:
            phi, lam, e2 = math.radians(lat), math.radians(lon), (2 - 1 / 298.257223563) / 298.257223563
            n = 6378137.0 / math.sqrt(1 - e2 * math.sin(phi) ** 2)
            r = (n + h) * math.cos(phi)
            return r * math.cos(lam), r * math.sin(lam), (n * (1 - e2) + h) * math.sin(phi)

        lat0, lon0, h0 = (prop(sensor, name) for name in ("REF_LAT", "REF_LON", "REF_H"))
        phi, lam, zero = math.radians(lat0), math.radians(lon0), geocentric(lat0, lon0, h0)

        def local(lat: float, lon: float, h: float) -> tuple[float, float, float]:
            x, y, z = (a - b for a, b in zip(geocentric(lat, lon, h), zero, strict=True))
            out = x * math.cos(lam) + y * math.sin(lam)
            east = y * math.cos(lam) - x * math.sin(lam)
            return east, z * math.cos(phi) - out * math.sin(phi), z * math.sin(phi) + out * math.cos(phi)

        lat, lon, h = (self.of(sensor.id, metric) for metric in ("lat", "lon", "h_ell"))
        return {us: local(lat[us], lon[us], h[us]) for us in sorted(set(lat) & set(lon) & set(h))}

    def e(self, sensor: Sensor) -> Series:
        return {us: at[0] for us, at in self._local(sensor).items()}

    def n(self, sensor: Sensor) -> Series:
        return {us: at[1] for us, at in self._local(sensor).items()}

    def h(self, sensor: Sensor) -> Series:
        return {us: at[2] for us, at in self._local(sensor).items()}

    # -- vibration, loops

    def acc(self, sensor: Sensor) -> Series:
        return rows(math.hypot, *(self.of(sensor.id, f"acc_{axis}") for axis in "xyz"))

    def ppv(self, sensor: Sensor) -> Series:
        return rows(lambda *each: max(map(abs, each)), *(self.of(sensor.id, f"ppv_{axis}") for axis in "tvl"))

    def pvs_bound(self, sensor: Sensor) -> Series:
        return rows(math.hypot, *(self.of(sensor.id, f"ppv_{axis}") for axis in "tvl"))

    def mic_dB(self, sensor: Sensor) -> Series:
        return rows(lambda p: 20 * math.log10(abs(p) / 20e-6), self.of(sensor.id, "mic"))

    def val(self, sensor: Sensor) -> Series:
        low, high = prop(sensor, "LOOP_LO"), prop(sensor, "LOOP_HI")
        inside = {us: amps for us, amps in self.of(sensor.id, "I_loop").items() if 0.0036 <= amps <= 0.021}
        return rows(lambda amps: low + (amps - 0.004) / 0.016 * (high - low), inside)
