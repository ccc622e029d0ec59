"""The command line of a fleet: `python -m simulator fleet`. It stops cleanly on SIGTERM and SIGINT."""

import argparse
import asyncio
import json
import random
import signal
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from simulator.dialects import DIALECTS
from simulator.file_conduct import FirmwareFault, firmware_faults
from simulator.fleet import Fleet, FleetPlan
from simulator.ledger import Ledger
from simulator.lies.catalogue import LIES, SECOND_LIE
from simulator.options import (
    add_endpoint_options,
    default_url,
    endpoint,
    names,
    positive,
    seconds,
    share,
    show_warnings,
    websocket_url,
)
from simulator.output import say
from simulator.scenario import SCENARIOS, changes_frames_only

_DEFAULT_COUNT = 3
_ALL = "all"


def main(words: Sequence[str]) -> int:
    """Run a fleet until it is stopped; prints its report as JSON. Returns 0, or 1 when messages were left unsent."""
    parser = fleet_parser()
    options = parser.parse_args(words)
    count = options.count or _DEFAULT_COUNT
    identities = options.ids or [f"{options.prefix}{number:03}" for number in range(1, count + 1)]
    if options.ids and options.count not in (None, len(options.ids)):
        parser.error("--count says another number than --ids")
    unknown = set(options.protocols) - set(DIALECTS)
    if unknown:
        parser.error(f"--protocols: {', '.join(sorted(unknown))} is not one of {', '.join(DIALECTS)}")
    odd = [name for name in options.habits if name not in SCENARIOS or not changes_frames_only(SCENARIOS[name])]
    if odd:
        parser.error(f"--habits: {', '.join(odd)} is no scenario that changes frames only")
    no_lies = [name for name in options.lies if name not in (*LIES, _ALL)]
    if no_lies:
        parser.error(f"--lies: {', '.join(no_lies)} is none of {_ALL}, {', '.join(LIES)}")
    plan = FleetPlan(
        identities=identities,
        tags=options.tags,
        protocols=options.protocols,
        endpoint=endpoint(options),
        connectors=options.connectors,
        power_w=options.power_w,
        session_seconds=options.session,
        pause_seconds=options.pause,
        sample_seconds=options.sample,
        ramp_seconds=options.ramp,
        cut_seconds=options.cut,
        power_cut_share=options.power_cuts,
        idle=options.idle,
        message_attempts=options.attempts,
        grace_seconds=options.grace,
        habits=[SCENARIOS[name] for name in options.habits],
        firmware_faults=options.firmware_faults,
        offline_share=options.offline,
        retire_seconds=options.retire,
        lies=list(LIES.values()) if _ALL in options.lies else [LIES[name] for name in options.lies],
        liar_share=options.liars,
        second_lie_share=options.second_lies,
        response_seconds=options.response,
        reconnect_seconds=options.reconnect,
    )
    show_warnings()
    return asyncio.run(_run(plan, options.ledger, options.seconds, random.Random(options.seed)))


def fleet_parser() -> argparse.ArgumentParser:
    """The command line of a fleet."""
    parser = argparse.ArgumentParser(prog="csms simulate fleet", description="Charge points that keep charging.")
    parser.add_argument("--url", type=websocket_url, default=default_url(), help="default: %(default)s")
    parser.add_argument("--count", type=positive, default=None, metavar="N", help="how many, as CP001, CP002, ... (3)")
    parser.add_argument("--prefix", default="CP", help="what their ids begin with (%(default)s)")
    parser.add_argument("--ids", type=names, metavar="ID,...", help="their ids, instead of --count and --prefix")
    parser.add_argument(
        "--tags", type=names, default=["DEMO0001"], metavar="TAG,...", help="cards, dealt out in turn (DEMO0001)"
    )
    parser.add_argument(
        "--protocols", type=names, default=["1.6", "2.0.1"], metavar="V,...", help="OCPP versions, in turn (1.6,2.0.1)"
    )
    parser.add_argument("--connectors", type=positive, default=2, metavar="N", help="connectors each (%(default)s)")
    parser.add_argument("--power-w", type=positive, default=50_000, metavar="W", help="charging power (%(default)s)")
    parser.add_argument("--session", type=seconds, default=60.0, metavar="S", help="a session's length (%(default)s)")
    parser.add_argument("--pause", type=seconds, default=10.0, metavar="S", help="pause between them (%(default)s)")
    parser.add_argument("--sample", type=positive, default=10, metavar="S", help="meter value interval (%(default)s)")
    parser.add_argument("--ramp", type=seconds, default=5.0, metavar="S", help="all begin within this (%(default)s)")
    parser.add_argument("--cut", type=seconds, metavar="S", help="break each line after about this long")
    parser.add_argument(
        "--power-cuts", type=share, default=0.0, metavar="P", help="share of these with a boot (%(default)s)"
    )
    parser.add_argument(
        "--attempts", type=positive, default=20, metavar="N", help="tries for a refused message (%(default)s)"
    )
    parser.add_argument(
        "--habits",
        type=names,
        default=[],
        metavar="NAME,...",
        help="scenarios of frames alone, dealt out in turn",
    )
    parser.add_argument(
        "--offline",
        type=share,
        default=0.0,
        metavar="P",
        help="share of sessions without a connection (%(default)s)",
    )
    parser.add_argument("--lies", type=names, default=[], metavar="NAME,...", help="lies that are told, or `all`")
    parser.add_argument(
        "--liars", type=share, default=0.5, metavar="P", help="share of stations that tell --lies (%(default)s)"
    )
    parser.add_argument(
        "--second-lies", type=share, default=SECOND_LIE, metavar="P", help="share of these that has two (%(default)s)"
    )
    parser.add_argument("--retire", type=seconds, metavar="S", help="stations vanish for good after about this long")
    parser.add_argument(
        "--response", type=seconds, default=30.0, metavar="S", help="wait so long for an answer (%(default)s)"
    )
    parser.add_argument(
        "--reconnect", type=seconds, default=30.0, metavar="S", help="longest pause between connections (%(default)s)"
    )
    parser.add_argument(
        "--grace", type=seconds, default=15.0, metavar="S", help="time to deliver what waits at the end (%(default)s)"
    )
    parser.add_argument(
        "--firmware-faults",
        type=firmware_faults,
        default=(),
        metavar="NAME,...",
        help=f"what goes wrong with firmware, in turn: none, {', '.join(filter(None, FirmwareFault))}",
    )
    parser.add_argument("--idle", action="store_true", help="start no session, only obey commands")
    parser.add_argument("--seconds", type=seconds, metavar="S", help="stop after this long (default: when told)")
    parser.add_argument("--seed", type=int, metavar="N", help="repeat the chances of an earlier run")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append every acknowledged message to this file")
    add_endpoint_options(parser)
    return parser


async def _run(plan: FleetPlan, ledger: Path | None, limit_seconds: float | None, rng: random.Random) -> int:
    with ExitStack() as stack:
        fleet = Fleet(plan, None if ledger is None else stack.enter_context(Ledger(ledger)), rng)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, fleet.stop)
        loop.add_signal_handler(signal.SIGUSR1, _show_tasks)
        if limit_seconds is not None:
            loop.call_later(limit_seconds, fleet.stop)
        report = await fleet.run()
    say(json.dumps(asdict(report)))
    return 1 if report.unsent else 0


def _show_tasks() -> None:
    """What everybody waits for, when a fleet does not come to an end."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stdout)
    sys.stdout.flush()
