"""The command line `csms bench`: starts everything, measures, writes report.md and report.json, stops everything."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import fleet, report, sections, steps, system
from bench.against import command as against
from bench.against.plan import ROWS_OF
from bench.backlog import Drain
from bench.book import Book
from bench.cpu import CpuMeter
from bench.laboratory import Laboratory
from bench.plan import CLASSES, FLEET, QUICK, SECTIONS, Sizes
from simulator.options import positive, seconds

_TERMINATED = 128 + signal.SIGTERM
_DEFAULT_FOLDER = Path("bench-report")


def main(words: Sequence[str]) -> int:
    """Run the benchmark. Returns 0, or 1 when a row failed: the report names it; `against.SLOWER` for a comparison."""
    made = parser()
    options = made.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    if options.against is not None:
        return against.run(options, made.error)
    if options.limit is not None:
        made.error("--limit is for --against")
    sizes = sizes_of(options)
    options.report_dir.mkdir(parents=True, exist_ok=True)
    book, load_before = Book(), round(os.getloadavg()[0], 2)
    try:
        _measure(sizes, book)
    finally:
        # What was measured before something broke is worth reading too.
        written = report.write(book, sizes, options.report_dir, load_before)
        print(written, file=sys.stderr)
    return 1 if book.failures else 0


def parser() -> argparse.ArgumentParser:
    """The command line of the benchmark."""
    names = list(dict.fromkeys((*SECTIONS, *ROWS_OF)))
    made = argparse.ArgumentParser(
        prog="csms bench",
        description="Measure the whole system on this machine: about an hour; nothing else may run.",
    )
    made.add_argument("--quick", action="store_true", help="one short round of everything: proves that it works")
    made.add_argument("--only", type=_names(names), metavar="NAME,...", help=f"of {', '.join(names)}")
    made.add_argument("--rounds", type=positive, metavar="N", help="interleaved rounds (5; with --against 10)")
    made.add_argument("--seconds", type=seconds, metavar="S", help="how long a window or burst of load takes (2)")
    made.add_argument("--connections", type=positive, metavar="N", help="chargers that send messages (400)")
    made.add_argument("--fill-minutes", type=float, metavar="M", help="how long tables are filled for `growth` (10)")
    made.add_argument("--against", metavar="REF", help="compare with a release of RELEASES or a commit; 15 minutes")
    made.add_argument(
        "--limit", type=_ratio, metavar="RATIO", help=f"exit with {against.SLOWER} when new/old is above it for sure"
    )
    made.add_argument("--report-dir", type=Path, default=_DEFAULT_FOLDER, metavar="DIR", help="default: %(default)s")
    return made


def sizes_of(options: argparse.Namespace) -> Sizes:
    """The sizes that a command line asks for."""
    sizes = QUICK if options.quick else Sizes()
    given = {name: getattr(options, name) for name in ("rounds", "seconds", "connections", "fill_minutes")}
    sizes = replace(sizes, **{name: value for name, value in given.items() if value is not None})
    if options.only is None:
        return sizes
    classes = tuple(each.name for each in CLASSES if each.name in options.only)
    rows = tuple(row for name in options.only for row in ROWS_OF.get(name, ()) if row in FLEET)
    # Classes are what traffic is about, and some rows what the fleet is.
    within = {"traffic": classes, "fleet": rows}
    chosen = tuple(name for name in SECTIONS if name in options.only or within.get(name))
    return replace(sizes, classes=classes or sizes.classes, sections=chosen, fleet=rows or sizes.fleet)


def _measure(sizes: Sizes, book: Book) -> None:
    if fleet.SECTION in sizes.sections:
        fleet.measure(sizes, book)
    if sizes.sections == (fleet.SECTION,):
        return
    with ExitStack() as resources:
        steps.tell("starting the system that is measured")
        measured = resources.enter_context(system.running())
        meter = CpuMeter(measured.pids)
        drain = Drain(measured, meter.read)
        resources.callback(drain.close)
        laboratory = Laboratory(measured, sizes, book, meter, drain)
        resources.callback(laboratory.dismiss)
        todo = sections.prepare(laboratory, resources)
        steps.carry_out(todo, book, lambda: system.check(measured), laboratory.dismiss)


def _ratio(text: str) -> float:
    """An option such as 1.05."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a ratio such as 1.05")
    return value


def _names(known: Sequence[str]) -> "_Names":
    return _Names(known)


class _Names:
    """An option that is some of the known names, with commas between them."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def __call__(self, text: str) -> list[str]:
        found = [word.strip() for word in text.split(",") if word.strip()]
        for word in found:
            if word not in self._known:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(self._known)}")
        return found
