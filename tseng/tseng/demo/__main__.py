"""`python -m tseng.demo`: a simulated site, or one's own file, through the whole path from logger file to answer."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tseng.demo import show
from tseng.demo.instruments import NODE, STANDPIPE, THERMISTORS, create, segment, write_files
from tseng.demo.own import show_file
from tseng.engine import Engine
from tseng.errors import REFUSALS
from tseng.importers.files import import_file

if TYPE_CHECKING:
    from tseng.importers.report import ImportReport

QUESTIONS = (
    ("How far has the wall moved into the excavation, 4 m below its top?", show.Question(segment(3), "dx", "mm")),
    ("How high does the water stand in the standpipe?", show.Question(STANDPIPE, "wl_elev", "m")),
    ("How much warmer is the wall than at its zero?", show.Question(THERMISTORS[0], "dT", "F")),
)
AFTER_REZERO = show.Question(f"{NODE}/tm-2/sensor", "dx", "mm")
_LAST_HOUR = "2024-12-31T23:00:00Z"


def _import_all(engine: Engine, folder: Path) -> "list[ImportReport]":
    began = time.perf_counter()
    files = write_files(folder)
    paths = {each.path for each in files}
    size = sum(path.stat().st_size for path in paths) / 1e6
    spent = time.perf_counter() - began
    print(f"A quay wall, two years, simulated: {len(paths)} logger files, {size:.0f} MB, in {folder} ({spent:.1f} s)\n")
    began = time.perf_counter()
    sensors = create(engine)
    reports = [import_file(engine, each.path, each.options) for each in files]
    show.imported(reports)
    stored, unchanged = (sum(counts) for counts in zip(*((r.stored, r.unchanged) for r in reports), strict=True))
    there = f"; {unchanged:,} were there already" if unchanged else ""
    spent = time.perf_counter() - began
    print(f"\nStored {stored:,} observations of {sensors + 1} sensors in {spent:.1f} s{there}")
    return reports


def show_site(engine: Engine, data: Path) -> None:
    """Simulate the site, import its files, answer three questions and say how to ask again."""
    _import_all(engine, data / "logger-files")
    print("\nThree answers, each computed now from raw readings:")
    for text, question in QUESTIONS:
        show.answer(text, engine.get_data(question.sensor, question.metric, question.unit))
    print("\nAnd a re-zero: a tiltmeter was knocked off on 2024-04-10 and got a new zero date the day after.")
    asked = AFTER_REZERO
    show.answer("What has it seen since?", engine.get_data(asked.sensor, asked.metric, asked.unit, start="2024-04-11"))
    show.ask_again(engine, data, QUESTIONS[0][1], _LAST_HOUR)


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tseng.demo", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("demo-data"), help="folder of the store (made if missing)")
    parser.add_argument("--file", type=Path, help="import this file instead of the simulated site")
    chosen = parser.parse_args(arguments)
    try:
        with Engine.open(chosen.data) as engine:
            if chosen.file:
                show_file(engine, chosen.data, chosen.file)
            else:
                show_site(engine, chosen.data)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        sys.stderr.close()
    except (*REFUSALS, OSError) as error:
        print(f"tseng demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
