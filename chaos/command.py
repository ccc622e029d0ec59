"""The command line of `csms chaos`: what may be asked for, and the exit code."""

import argparse
import random
from collections.abc import Sequence
from pathlib import Path

from chaos import report
from chaos.fleet import Cadence, Lying
from chaos.rules import RULES
from chaos.run import Plan, run
from simulator.options import names, share


def main(words: Sequence[str]) -> int:
    """Run as told and print the report. Returns 0 only when the audit is clean."""
    options = _parser().parse_args(words)
    seed = random.randrange(1_000_000) if options.seed is None else options.seed
    lying = Lying(tuple(options.lies), options.liars, options.second_lies)
    folder = options.report_dir.absolute()
    plan = Plan(options.minutes, seed, options.chargers, options.replicas, folder, Cadence(), lying)
    result = run(plan)
    print(f"\n{report.markdown(result)}\nThe report, the ledger and the logs are in {options.report_dir}.", flush=True)
    return 0 if result.is_clean else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="csms chaos", description="Break a stack of its own under a fleet, and audit whether anything was lost."
    )
    parser.add_argument(
        "--minutes", type=_minutes, default=3.0, metavar="N", help="how long it is broken (%(default)g)"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="repeat the schedule of an earlier run")
    parser.add_argument("--chargers", type=_count, default=200, metavar="N", help="how many (%(default)s)")
    parser.add_argument(
        "--liars", type=_liars, default=Lying.liars, metavar="P", help="share of them that lies (%(default)s)"
    )
    parser.add_argument(
        "--lies", type=_lies, default=Lying.lies, metavar="NAME,...", help=f"what they lie about: {', '.join(RULES)}"
    )
    parser.add_argument(
        "--second-lies", type=share, default=Lying.second, metavar="P", help="share of these that has two (%(default)s)"
    )
    parser.add_argument("--replicas", type=_count, default=2, metavar="N", help="of each process (%(default)s)")
    parser.add_argument(
        "--report-dir",
        type=Path,
        default=Path(".csms-chaos"),
        metavar="DIR",
        help="for report, ledger and logs (%(default)s)",
    )
    return parser


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes from 1 to 1440")
    return number


def _liars(text: str) -> float:
    chosen = share(text)
    if chosen == 1:
        raise argparse.ArgumentTypeError("leaves nobody who tells the truth, and they are audited as well")
    return chosen


def _lies(text: str) -> list[str]:
    chosen = names(text)
    if unknown := [name for name in chosen if name not in RULES]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(RULES)}")
    return chosen


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 10000")
    return int(text)
