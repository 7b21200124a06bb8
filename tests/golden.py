"""The worked cases kept beside the checkout: loading them and comparing answers."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.reference import ROOT, reference

from tseng_units.instants import format_instant, parse_instant

Case = dict[str, Any]


def ready(*kinds: str) -> list[Any]:
    """The cases of these kinds in the order of the files; one None without reference material, for `require`."""
    if not ROOT.is_dir():
        return [None]
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(reference("golden").glob("*.json"))]
    return [case for document in documents for case in document["cases"] if case["kind"] in kinds] or [None]


def name_of(case: Case | None) -> str:
    """Test id of a case."""
    return str(case["id"]) if case else "absent"


def require(case: Case | None) -> Case:
    """The case itself; without reference material this skips, or fails under CI."""
    if case is None:
        reference("golden")
        raise AssertionError("the reference folder holds no cases of this kind")
    return case


def device_props(case: Case, sensor: Case) -> dict[str, Any]:
    """Props of a sensor's device, empty where it has none."""
    device = (case.get("devices") or {}).get(sensor.get("device"), {})
    return dict(device.get("props", {}))


def rows(sensor: Case) -> Iterator[tuple[int, dict[str, float | None]]]:
    """Observations of one sensor of a case in upload order: time in us, values by metric (None: missing)."""
    for index, text in enumerate(sensor["obs"]["t"]):
        yield parse_instant(text), {metric: values[index] for metric, values in sensor["obs"]["v"].items()}


def window(case: Case) -> tuple[int | None, int | None]:
    """Start and end of the request in us."""
    start, end = (case["request"].get(key) for key in ("startDate", "endDate"))
    return parse_instant(start) if start else None, parse_instant(end) if end else None


def near(case: Case, got: float, want: float) -> bool:
    """Whether a value passes at the case's own tolerance."""
    return bool(abs(got - want) <= max(case["rtol"] * abs(want), case["atol"]))


def assert_values(case: Case, got: Sequence[float], want: Sequence[float]) -> None:
    """Every value within tolerance, none missing, none too many."""
    assert len(got) == len(want)
    wrong = [(index, g, w) for index, (g, w) in enumerate(zip(got, want, strict=True)) if not near(case, g, w)]
    assert not wrong, f"{case['id']}: {wrong[:5]}"


def assert_data(case: Case, times: Sequence[int], values: Sequence[float]) -> None:
    """Exactly the expected timestamps in the expected order, each value within tolerance."""
    want: dict[str, float] = case["expect"]["data"]
    assert [format_instant(us) for us in times] == list(want)
    assert_values(case, values, list(want.values()))
