"""Figures of the real data sets, and how series are held against them."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.reference import reference

from tseng.series import Series

# The figures were summed by other means than ours; one part in 1e12 is far below the last digit of any reading.
CLOSE = 1e-12


@cache
def _all(path: str) -> Any:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def facts(name: str) -> Any:
    """Figures of one set."""
    return _all(str(reference("data", "facts.json")))[name]


def text(times: NDArray[np.datetime64]) -> list[str]:
    """Times in the way the figures write them: microseconds only where there are any."""
    return [stamp.replace("T", " ").removesuffix(".000000") for stamp in times.astype("datetime64[us]").astype(str)]


def check_values(values: NDArray[np.float64], figures: Mapping[str, Any], rel: float = CLOSE) -> None:
    """Count, extremes and mean."""
    got = {"n": len(values), "min": values.min(), "max": values.max(), "mean": values.mean()}
    want = {key: figures[key] for key in got if key in figures}
    assert {key: got[key] for key in want} == pytest.approx(want, rel=rel, abs=1e-13)


def check_span(series: Series, figures: Mapping[str, Any]) -> None:
    """Rows that are left when the last of equal times wins, first and last time, and the steps between."""
    assert len(series.time) == figures["unique_timestamps"]
    assert text(series.time[[0, -1]]) == [figures["first"], figures["last"]]
    step, count = np.unique(np.diff(series.time).astype(np.int64) / 1e6, return_counts=True)
    steps = dict(zip(step.tolist(), count.tolist(), strict=True))
    assert {each: steps.get(float(each)) for each in figures["steps_s"]} == figures["steps_s"]


def gaps(series: Series, count: int) -> list[list[Any]]:
    """The longest steps: [from, to, seconds], longest first, earlier first among equals."""
    step = np.diff(series.time).astype(np.int64)
    longest = np.argsort(-step, kind="stable")[:count]
    stamps = text(series.time)
    return [[stamps[at], stamps[at + 1], step[at] / 1e6] for at in longest.tolist()]


def at(series: Series, stamps: Iterable[str]) -> list[float]:
    """Values at some times."""
    by_time = dict(zip(text(series.time), series.value.tolist(), strict=True))
    return [by_time[stamp] for stamp in stamps]
