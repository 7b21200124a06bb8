"""Turn the JSON of a benchmark run into the table of `benchmarks/README.md`: `python -m benchmarks.report RUN.json`."""

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(run: dict[str, Any]) -> str:
    """Markdown rows: what, ours, rival, ratio, bound."""
    head = ["| what | ours, ms | rival | rival, ms | ratio | bound |", "|---|---:|---|---:|---:|---:|"]
    rows = [_row(each) for each in run["benchmarks"]]
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([f"{run['datetime'][:10]}, {machine}", "", *head, *rows])


def _row(each: dict[str, Any]) -> str:
    info = each["extra_info"]
    ours = info.get("ours_ms", each["stats"]["median"] * 1e3)
    name = each["name"].removeprefix("test_").replace("_", " ")
    cells = [
        name,
        f"{ours:,.2f}",
        info["rival"],
        f"{info['rival_ms']:,.2f}",
        f"{info['ratio']:.2f}",
        f"{info['bound']:.2g}",
    ]
    return f"| {' | '.join(cells)} |"


def main(source: str) -> None:
    """Put the table of one run between the marks of the README."""
    text = README.read_text()
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text(f"{before}{BEGIN}\n{table(json.loads(Path(source).read_text()))}\n{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1])
