"""A mixed fleet: `csms simulate --fleet N`, charge points of every version that charge, and misbehave if told to.

Shows how they stand, ends their sessions at Ctrl-C or when the time is over, and sums up. What it needs in the central
system is made by whoever runs it (see `chaos/simulated.py`), or is there already.
"""

import argparse
import asyncio
import random
import secrets
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

from simulator import fleet_view
from simulator.dialects import DIALECTS
from simulator.fleet import Fleet, FleetPlan, FleetReport
from simulator.ledger import Ledger
from simulator.misbehaviours.catalogue import MISBEHAVIOURS
from simulator.misbehaviours.misbehaviour import Misbehaviour
from simulator.options import (
    add_endpoint_options,
    default_url,
    endpoint,
    names,
    positive,
    scenario_file,
    seconds,
    share,
    show_warnings,
    websocket_url,
)
from simulator.output import say

_ALL = "all"
# What real lines do: each breaks after about a minute, now and then because power fails.
_CUT_SECONDS, _POWER_CUTS, _OFFLINE = 60.0, 0.2, 0.05
_GRACE_SECONDS, _RECONNECT_SECONDS, _RESPONSE_SECONDS = 60.0, 5.0, 15.0
# What is not taken today is told tomorrow.
_ATTEMPTS = 1_000_000


def main(words: Sequence[str]) -> int:
    """Run a mixed fleet. Returns 0, or 1 when messages were left unsent."""
    options = fleet_parser().parse_args(words)
    show_warnings(level=options.log_level)
    return asyncio.run(run(options, plan(options), options.ledger))


def fleet_parser() -> argparse.ArgumentParser:
    """The command line of a mixed fleet."""
    parser = argparse.ArgumentParser(
        prog="csms simulate --fleet N",
        description="A fleet of charge points in several versions, with a live view, until Ctrl-C.",
        epilog="csms simulate --list-misbehaviours tells what each name stands for.",
    )
    parser.add_argument("--fleet", type=positive, required=True, metavar="N", help="how many charge points")
    parser.add_argument(
        "--versions", type=_versions, default=list(DIALECTS), metavar="V,...", help="OCPP versions, in turn (all)"
    )
    parser.add_argument(
        "--misbehave", type=_misbehaviours, default=[], metavar="all|NAME,...", help="misbehaviours, dealt out in turn"
    )
    parser.add_argument(
        "--share", type=share, default=0.75, metavar="P", help="share of charge points that misbehave (%(default)s)"
    )
    parser.add_argument(
        "--scenario",
        type=scenario_file,
        metavar="NAME|FILE",
        help="what each plays again and again, in YAML (default: sessions)",
    )
    parser.add_argument("--minutes", type=_minutes, metavar="M", help="stop after this long (default: at Ctrl-C)")
    parser.add_argument("--session", type=seconds, default=20.0, metavar="S", help="a session's length (%(default)s)")
    parser.add_argument("--pause", type=seconds, default=5.0, metavar="S", help="pause between them (%(default)s)")
    parser.add_argument("--sample", type=positive, default=5, metavar="S", help="meter value interval (%(default)s)")
    parser.add_argument("--url", type=websocket_url, default=default_url(), help="default: %(default)s")
    parser.add_argument(
        "--prefix", default=f"SIM-{secrets.token_hex(2).upper()}-", help="what their ids begin with (another each time)"
    )
    parser.add_argument("--tags", type=names, metavar="TAG,...", help="cards, dealt out in turn (default: one each)")
    parser.add_argument("--seed", type=int, metavar="N", help="repeat the chances of an earlier run")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append every acknowledged message to this file")
    parser.add_argument(
        "--verbose", dest="log_level", action="store_const", const=30, default=50, help="tell what is not accepted"
    )
    add_endpoint_options(parser)
    return parser


def plan(options: argparse.Namespace) -> FleetPlan:
    """What the options amount to."""
    identities = [f"{options.prefix}{number:04}" for number in range(1, options.fleet + 1)]
    return FleetPlan(
        identities=identities,
        tags=options.tags or [card(options.prefix, number) for number in range(options.fleet)],
        protocols=options.versions,
        endpoint=endpoint(options),
        session_seconds=options.session,
        pause_seconds=options.pause,
        sample_seconds=options.sample,
        cut_seconds=_CUT_SECONDS,
        power_cut_share=_POWER_CUTS,
        offline_share=_OFFLINE,
        message_attempts=_ATTEMPTS,
        grace_seconds=_GRACE_SECONDS,
        misbehaviours=options.misbehave,
        misbehaving_share=options.share,
        scenario=options.scenario,
        response_seconds=_RESPONSE_SECONDS,
        reconnect_seconds=_RECONNECT_SECONDS,
    )


def card(prefix: str, number: int) -> str:
    """The card of a charge point; OCPP 1.6 has room for 20 characters."""
    return f"{prefix[:12]}C{number:04}".upper()


async def run(options: argparse.Namespace, fleet_plan: FleetPlan, ledger: Path | None) -> int:
    """Let the fleet charge until it is told to stop, show it, and sum up. Returns 0, or 1 with messages left unsent."""
    with ExitStack() as stack:
        book = None if ledger is None else stack.enter_context(Ledger(ledger))
        fleet = Fleet(fleet_plan, book, random.Random(options.seed))
        report = await _watched(fleet, options.minutes)
    kinds = {one.name: one.about for one in options.misbehave}
    for each in fleet_view.summary(report, kinds):
        say(each)
    return 1 if report.unsent else 0


async def _watched(fleet: Fleet, minutes: float | None) -> FleetReport:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        fleet.stop()
        # Whoever asks twice does not want to wait for the sessions to end.
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    if minutes is not None:
        loop.call_later(minutes * 60, fleet.stop)
    view = asyncio.create_task(fleet_view.watch(fleet.standings))
    try:
        return await fleet.run()
    finally:
        view.cancel()
        with suppress(asyncio.CancelledError):
            await view


def _versions(text: str) -> list[str]:
    chosen = names(text)
    if unknown := [name for name in chosen if name not in DIALECTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is not one of {', '.join(DIALECTS)}")
    return chosen


def _misbehaviours(text: str) -> list[Misbehaviour]:
    chosen = names(text)
    if unknown := [name for name in chosen if name not in (*MISBEHAVIOURS, _ALL)]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {_ALL}, {', '.join(MISBEHAVIOURS)}")
    return list(MISBEHAVIOURS.values()) if _ALL in chosen else [MISBEHAVIOURS[name] for name in chosen]


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes up to 1440")
    return number
