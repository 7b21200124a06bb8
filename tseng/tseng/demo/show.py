"""What a person sees: a table of what came in, answers with where they come from, and how to ask again."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import numpy as np

from tseng.importers.report import ImportReport
from tseng.series import Series

if TYPE_CHECKING:
    from tseng.engine import Engine


def table(rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Print rows with aligned columns; those in `right` flush right."""
    held = [list(row) for row in rows]
    widths = [max(len(row[column]) for row in held) for column in range(len(held[0]))]
    for row in held:
        cells = [cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row)]
        print("  " + "  ".join(cells).rstrip())


def _into(report: ImportReport) -> str:
    """Name the sensor that a file went to, or say how many there were."""
    return report.sensors[0] if len(report.sensors) == 1 else f"{len(report.sensors)} sensors"


def imported(reports: Sequence[ImportReport]) -> None:
    """Print a line per import, then the remarks and bad rows that a person should know of."""
    head = ("file", "format", "into", "rows", "stored", "unchanged", "bad")
    counts = ((r.rows, r.stored, r.unchanged, r.bad_count) for r in reports)
    lines = [
        (r.path.name, r.format, _into(r), *(f"{count:,}" for count in each))
        for r, each in zip(reports, counts, strict=True)
    ]
    table([head, *lines], right=frozenset({3, 4, 5, 6}))


def remarks(reports: Sequence[ImportReport], bad_rows: int = 10) -> None:
    """Print notes, and the first bad rows by line."""
    for report in reports:
        for note in report.notes:
            print(f"  {note}")
        for row in report.bad_rows[:bad_rows]:
            print(f"  {row}")
        if report.bad_count > bad_rows:
            print(f"  ... {report.bad_count:,} bad rows in all")


def stamp(time: np.datetime64) -> str:
    """A time to the second, UTC."""
    return f"{time.astype('datetime64[s]')}Z"


def _number(value: float) -> str:
    return f"{value:,.3f}" if abs(value) < 1e6 else f"{value:.6g}"


def _zero(provenance: Mapping[str, Any]) -> str:
    """Describe the zero reading and where its date comes from."""
    reading = provenance["zeroReadings"][0]
    date = provenance.get("parameters", {}).get("ZERO_DATE", {})
    whose = {"request": "asked for", "sensor": "the sensor's ZERO_DATE", "device": "the device's ZERO_DATE"}
    origin = whose.get(date.get("from", ""), "the first reading")
    return f"{reading['metric']} = {reading['value']:.6g} {reading['unit']} at {reading['time']} ({origin})"


def _settings(provenance: Mapping[str, Any]) -> str:
    """Props that somebody set, with their units; once where several sensors have the same."""
    chosen = [p for p in provenance.get("props", []) if p.get("from") != "default" and p["name"] != "ZERO_DATE"]
    texts = (f"{p['name']} {p['value']} {p.get('unit') or ''}".rstrip() for p in chosen)
    return ", ".join(dict.fromkeys(texts))


def _inputs(provenance: Mapping[str, Any]) -> str:
    """Raw series that went in, those of one metric together."""
    sensors: dict[str, list[str]] = {}
    for each in provenance["inputs"]:
        sensors.setdefault(f"{each['metric']} [{each['unit']}]", []).append(each["sensor"])
    named = {metric: found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}" for metric, found in sensors.items()}
    return ", ".join(f"{metric} of {who}" for metric, who in named.items())


def answer(question: str, series: Series) -> None:
    """Print one answer: the last value, the range, and the provenance in short."""
    said, last = series.provenance, series.value[-1]
    print(f"\n  {question}")
    print(f"      {series.metric} = {_number(last)} {series.unit}  at {stamp(series.time[-1])}   {series.sensor}")
    low, high = _number(series.value.min()), _number(series.value.max())
    print(f"      range    {low} to {high} {series.unit} over {len(series.value):,} readings")
    if said.get("zeroReadings"):
        print(f"      zero     {_zero(said)}")
    print(f"      from     {_inputs(said)}")
    for formula in said.get("formulas", []):
        print(f"      formula  {formula['equation']}")
        print(f"               ({formula['source'].rstrip('.')})")
    if _settings(said):
        print(f"      set      {_settings(said)}")
    print(f"      units    {' -> '.join(said['units'])}")


@dataclass(frozen=True)
class Question:
    """A series asked for: sensor, metric, unit."""

    sensor: str
    metric: str
    unit: str


def command() -> str:
    """How this installation's `tseng` is called from here."""
    script = Path(sys.executable).with_name("tseng")
    here = Path.cwd()
    return str(script.relative_to(here)) if script.is_relative_to(here) else str(script)


def ask_again(engine: "Engine", data: Path, question: Question, start: str) -> None:
    """Print the two lines that show a series over HTTP and in SQL; the key is made anew at each run."""
    for key in engine.keys.list():
        if key.name == "demo" and key.revoked is None:
            engine.keys.revoke(key.id)
    key_text = engine.keys.create("demo", "reader")
    fields = {"sensor": question.sensor, "metric": question.metric, "unit": question.unit, "startDate": start}
    query = urlencode(fields, safe="/:")
    tseng = command()
    print(f"\nAsk again, over HTTP ({tseng} serve --data {data}, in another terminal) and in SQL:")
    print(f'  curl -H "Authorization: ApiKey {key_text}" "http://127.0.0.1:4201/api/data?{query}"')
    call = f"get_data('{question.sensor}', '{question.metric}', '{question.unit}')"
    print(f'  {tseng} sql --data {data} "SELECT * FROM {call} ORDER BY time DESC LIMIT 5"')
