"""Metrics and units that a generic sensor declares by index (seed 003, Generic sensors).

`{"UNKNOWN_METRICS": {"0": "abc"}, "KNOWN_UNITS": {"0": "Hz"}}`: metric 0 is called abc and stored in hertz. Known ones
are of the catalogue, unknown ones are anything; a metric stands in one of the two, and so does its unit.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tseng.errors import Fault, InvalidRequest
from tseng_units.catalogue import METRICS as CATALOGUE
from tseng_units.registry import DIMENSIONS, dimension_of

METRICS = ("KNOWN_METRICS", "UNKNOWN_METRICS")
UNITS = ("KNOWN_UNITS", "UNKNOWN_UNITS")
NAMES = {*METRICS, *UNITS}

_Faults = list[Fault]


def check_declared(props: Mapping[str, Any], path: str) -> None:
    """Let props pass whose metrics and units fit together, and such as declare none.

    Raises:
        InvalidRequest: what stands under one of the four names is no text by index, an index or a metric comes twice, a
            metric has no unit or a unit no metric, what is said to be known is not, or a known metric is not measured
            in its known unit; each is named below `path`.
    """
    faults: _Faults = []
    metrics, units = (_by_index(props, names, path, faults) for names in (METRICS, UNITS))
    for index in sorted(metrics.keys() ^ units.keys()):
        what = "has no unit" if index in metrics else "is the unit of no metric"
        faults.append(Fault(f"{path}.{(metrics | units)[index]}.{index}", what))
    if not faults:
        faults += _misfits(props, metrics, units, path)
    if faults:
        raise InvalidRequest(faults)


def _by_index(props: Mapping[str, Any], names: tuple[str, str], path: str, faults: _Faults) -> dict[str, str]:
    """Under which of two names each index stands."""
    found: dict[str, str] = {}
    for name in names:
        declared = props.get(name)
        if declared is not None and not isinstance(declared, Mapping):
            faults.append(Fault(f"{path}.{name}", 'must be an object of index and text, as {"0": "T"}'))
            continue
        for index, text in (declared or {}).items():
            reason = _refusal(name, index, text, found)
            if reason:
                faults.append(Fault(f"{path}.{name}.{index}", reason))
            found.setdefault(index, name)
    return found


def _misfits(
    props: Mapping[str, Any], metrics: Mapping[str, str], units: Mapping[str, str], path: str
) -> Iterator[Fault]:
    """Metrics that come twice, and known ones that are not measured in their known unit."""
    first: dict[str, str] = {}
    for index, name in metrics.items():
        metric, unit = props[name][index], props[units[index]][index]
        there = first.setdefault(metric, index)
        if there != index:
            yield Fault(f"{path}.{name}.{index}", f"{metric!r:.80} is the metric of index {there} too")
        if (name, units[index]) == ("KNOWN_METRICS", "KNOWN_UNITS"):
            measured = CATALOGUE[metric].dimension
            if measured is not None and unit not in DIMENSIONS[measured].units:
                taken = ", ".join(DIMENSIONS[measured].units)
                yield Fault(f"{path}.KNOWN_UNITS.{index}", f"{unit!r} is no unit of {metric}; there are: {taken}")


def _refusal(name: str, index: str, text: object, found: Mapping[str, str]) -> str | None:
    if not (index.isascii() and index.isdigit()):
        return "an index is a whole number from 0"
    if not isinstance(text, str) or not text.strip():
        return f"must be text, not {text!r:.80}"
    if index in found:
        return f"the index stands under {found[index]} too"
    if name == "KNOWN_METRICS" and text not in CATALOGUE:
        return f"{text!r:.80} is no metric of the catalogue; what is not belongs under UNKNOWN_METRICS"
    if name == "KNOWN_UNITS" and dimension_of(text) is None:
        return f"{text!r:.80} is no unit of the catalogue; what is not belongs under UNKNOWN_UNITS"
    return None
