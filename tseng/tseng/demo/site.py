"""The site: a retaining wall at a tidal river, excavated in three stages, with water pumped off meanwhile.

Everything follows from two causes: the weather (air temperature, air pressure, rain) and the works (excavation,
pumping). Instruments respond with their own lag, noise and mounting. Two years on a grid of ten minutes, UTC; the same
seed gives the same site. Directions: +X of the tiltmeters points into the excavation, at azimuth 135 degrees.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tseng.demo.signals import Array, lagged, noise, response, smooth_step

START, END = np.datetime64("2023-01-01T00:00:00", "us"), np.datetime64("2025-01-01T00:00:00", "us")
STEP_S = 600
HOUR, DAY = 6.0, 144.0
"""Lengths in steps."""

STAGES = tuple(np.datetime64(day, "us") for day in ("2023-09-11", "2023-10-09", "2023-11-06"))
PUMPING = (np.datetime64("2023-09-04", "us"), np.datetime64("2024-03-15", "us"))
REMOUNTED = np.datetime64("2024-04-10T10:20:00", "us")
REZEROED = "2024-04-11T00:00:00Z"

G_RHO = 9806.65
"""Weight of water [Pa per m]."""
STEINHART = (1.4051e-3, 2.369e-4, 1.019e-7)
"""Coefficients of the 3 kOhm bead that thermistor manuals print."""
SEGMENT_M, SEGMENTS = 2.0, 8
STATION = (1000.0, 2000.0, 50.0)
PRISM = (1038.0, 2049.0, 46.5)
"""East, north, height of the total station and of the prism on the wall's top [m]."""
AZIMUTH = 135.0


def grid() -> NDArray[np.datetime64]:
    """Times of the readings, before clocks wander."""
    return np.arange(START, END, np.timedelta64(STEP_S, "s"))


def days_since(time: NDArray[np.datetime64], moment: np.datetime64) -> Array:
    """Days from a moment to each time; negative before it."""
    return (time - moment).astype(np.float64) / 86.4e9


@dataclass(frozen=True)
class Weather:
    """Air temperature [C], air pressure [Pa] and rain [mm per step]; each shape (n,)."""

    air: Array
    pressure: Array
    rain: Array


def weather(rng: np.random.Generator, time: NDArray[np.datetime64]) -> Weather:
    """Weather of a temperate coast."""
    day = days_since(time, START)
    year, hour = 2 * np.pi * day / 365.25, 2 * np.pi * (day % 1)
    sun = 1 - 0.5 * np.cos(year)
    air = 10.5 - 8.5 * np.cos(year - 0.35) - 3.0 * sun * np.cos(hour - 0.6) + noise(rng, len(day), 60 * HOUR, 2.6)
    tide_of_air = 60 * np.cos(2 * (hour - 2.6))
    pressure = 101_280 + noise(rng, len(day), 55 * HOUR, 900) + tide_of_air
    storm = rng.random(len(day)) < 1 / (3.5 * DAY)
    rain = np.where(storm, rng.exponential(9.0, len(day)), 0.0)
    return Weather(air, pressure, rain)


def progress(time: NDArray[np.datetime64]) -> Array:
    """How far the wall has moved towards its final place by digging and creep: 0 before, about 1 at the end."""
    dug = sum(smooth_step(days_since(time, stage) - 4, 3.0) for stage in STAGES) / len(STAGES)
    creep = np.log1p(np.clip(days_since(time, STAGES[0]), 0, None) / 20) / np.log1p(480 / 20)
    moved: Array = 0.8 * dug + 0.2 * creep
    return moved


def water(rng: np.random.Generator, time: NDArray[np.datetime64], rain: Array, drawn: float) -> Array:
    """Height of groundwater above a logger [m]: recharge by rain, the river's tide, pumping by up to `drawn` [m]."""
    day = days_since(time, START)
    winter = 0.6 + 0.4 * np.cos(2 * np.pi * (day - 20) / 365.25)
    recharge = response(rain * winter, 28 * DAY)
    recharge = 0.35 * (recharge - recharge.mean()) / recharge.std()
    tide = 0.045 * np.cos(2 * np.pi * day * 24 / 12.4206) + 0.015 * np.cos(2 * np.pi * day * 24 / 12.0)
    on, off = (days_since(time, moment) for moment in PUMPING)
    drawdown = np.where(on > 0, 1 - np.exp(-np.clip(on, 0, None) / 4), 0) * np.exp(-np.clip(off, 0, None) / 15)
    level: Array = 5.2 + recharge + tide - drawn * drawdown + noise(rng, len(day), 2.0, 0.002)
    return level


@dataclass(frozen=True)
class Tilt:
    """Tilt about both axes [deg] and temperature [C]; each shape (n,)."""

    x: Array
    y: Array
    temperature: Array


def wall_tilt(rng: np.random.Generator, moved: Array, air: Array, share: float) -> Tilt:
    """A tiltmeter on the wall: `share` of the top's rotation, the sun's daily and yearly bending, a little noise."""
    concrete = lagged(air, 9 * HOUR)
    bending = -0.0021 * (lagged(air, 3 * DAY) - air.mean()) - 0.0006 * (concrete - lagged(air, 3 * DAY))
    x = 0.21 + share * (0.155 * moved + bending) + noise(rng, len(moved), 1.0, 0.0006)
    y = -0.08 + share * (0.018 * moved + 0.25 * bending) + noise(rng, len(moved), 1.0, 0.0006)
    return Tilt(x, y, concrete + noise(rng, len(moved), 1.0, 0.05))


def remounted(tilt: Tilt, time: NDArray[np.datetime64]) -> Tilt:
    """Knock the meter off and mount it again: everything after is offset."""
    after = time >= REMOUNTED
    return Tilt(tilt.x + 0.313 * after, tilt.y - 0.127 * after, tilt.temperature)


def segment_tilt(rng: np.random.Generator, moved: Array, air: Array, number: int) -> Tilt:
    """Segment `number` (1 = top) of the string in the wall: the slope of a bulge deepest at 5 m, held at the foot."""
    depth = np.array([number - 1, number]) * SEGMENT_M
    bulge = 0.031 * (np.exp(-(((depth - 5) / 5.5) ** 2)) - np.exp(-((11 / 5.5) ** 2)) * depth / 16)
    slope = np.degrees(np.arcsin((bulge[0] - bulge[1]) / SEGMENT_M))
    mounted = rng.normal(0, 0.6, 2)
    count = len(moved)
    damping = np.exp(-depth.mean() / 3)
    ground = 11.0 + damping * (lagged(air, (20 + 10 * number) * DAY) - 11.0)
    x = mounted[0] + slope * moved + noise(rng, count, 1.0, 0.0012)
    return Tilt(x, mounted[1] + 0.1 * slope * moved + noise(rng, count, 1.0, 0.0012), ground)


def resistance(temperature: Array) -> Array:
    """Resistance [Ohm] of a thermistor at a temperature [C], shape (n,).

    The Steinhart-Hart equation 1/T = A + B x + C x^3, x = ln R, solved for its one real root by Cardano's formula.
    """
    a, b, c = STEINHART
    half = (a - 1 / (temperature + 273.15)) / (2 * c)
    root = np.sqrt((b / (3 * c)) ** 3 + half**2)
    ohms: Array = np.exp(np.cbrt(root - half) - np.cbrt(root + half))
    return ohms


@dataclass(frozen=True)
class Shots:
    """What a total station reports of one prism: position [m], angles [deg], slope distance [m]; each shape (n,)."""

    e: Array
    n: Array
    h: Array
    ha: Array
    za: Array
    sd: Array


def shots(rng: np.random.Generator, moved: Array, air: Array) -> Shots:
    """Shots at the prism on the wall's top: moved into the excavation, settled, seen through shimmering air."""
    count, into = len(moved), np.radians(AZIMUTH)
    out = 0.034 * moved + 0.0004 * (lagged(air, 3 * DAY) - air.mean()) / 8
    east = PRISM[0] - STATION[0] + out * np.sin(into)
    north = PRISM[1] - STATION[1] + out * np.cos(into)
    up = PRISM[2] - STATION[2] - 0.006 * moved
    ha = np.degrees(np.arctan2(east, north)) + noise(rng, count, 1.0, 0.0003)
    za = np.degrees(np.arctan2(np.hypot(east, north), up)) + noise(rng, count, 3.0, 0.0004)
    sd = np.sqrt(east**2 + north**2 + up**2) + noise(rng, count, 1.0, 0.0003)
    flat = sd * np.sin(np.radians(za))
    return Shots(
        STATION[0] + flat * np.sin(np.radians(ha)),
        STATION[1] + flat * np.cos(np.radians(ha)),
        STATION[2] + sd * np.cos(np.radians(za)),
        ha,
        za,
        sd,
    )
