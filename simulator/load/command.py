"""The command line of the load generator: `python -m simulator load`. Prints one JSON document."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from simulator.load import processes
from simulator.load.charger import MIXES
from simulator.load.dialects import LOAD_DIALECTS
from simulator.load.plan import LoadPlan, Target
from simulator.load.registration import Registrar, RegistrationFailed
from simulator.load.run import LoadFailed, run
from simulator.options import default_url, positive, seconds, trusting, websocket_url
from simulator.output import say


def main(words: Sequence[str]) -> int:
    """Run the generator. Returns 0 when every message was answered with a result, 1 when not, 2 for a bad command."""
    parser = load_parser()
    options = parser.parse_args(words)
    if options.register and not options.token:
        parser.error("--register needs --token")
    try:
        plan = _plan(options)
        if options.register:
            Registrar(options.register, options.token).register(plan.identities, plan.tags)
        report = run(plan)
    except (LoadFailed, RegistrationFailed, FileNotFoundError) as error:
        print(f"load: {error}", file=sys.stderr)
        return 1
    say(json.dumps(report, indent=2))
    return 1 if report["errors"] or not report["messages"] else 0


def load_parser() -> argparse.ArgumentParser:
    """The command line of the generator."""
    parser = argparse.ArgumentParser(
        prog="csms load",
        description="Load an OCPP server and measure it: rate, latency, CPU per message.",
    )
    parser.add_argument("--url", type=websocket_url, default=default_url(), help="default: %(default)s")
    parser.add_argument("--connections", type=positive, default=100, metavar="N", help="chargers (%(default)s)")
    parser.add_argument("--seconds", type=seconds, default=10.0, metavar="S", help="measured time (%(default)s)")
    parser.add_argument("--warmup", type=_warmup, default=2.0, metavar="S", help="time before it (%(default)s)")
    parser.add_argument("--mix", choices=MIXES, default="metervalues", help="class of messages (%(default)s)")
    parser.add_argument(
        "--rate", type=_rate, default=0.0, metavar="R", help="messages a second; 0: as many as are answered (0)"
    )
    parser.add_argument("--version", choices=LOAD_DIALECTS, default="1.6", help="OCPP version (%(default)s)")
    parser.add_argument("--id-prefix", default="LOAD", metavar="TEXT", help="ids are this and 00001.. (%(default)s)")
    parser.add_argument("--id-tag", metavar="TAG", help="one card for all (default: each charger's id is its card)")
    parser.add_argument("--password", type=os.fsencode, metavar="TEXT", help="password for HTTP Basic authentication")
    parser.add_argument("--ca", type=_certificates, metavar="FILE", help="certificates to trust, for wss://")
    parser.add_argument("--processes", type=positive, default=1, metavar="N", help="generator processes (%(default)s)")
    parser.add_argument("--register", metavar="URL", help="make charge points and cards first, by REST at this URL")
    parser.add_argument("--token", help="access token for --register")
    watched = parser.add_mutually_exclusive_group()
    watched.add_argument("--pids", type=_pids, metavar="NAME=PID,...", help="processes whose CPU and memory to report")
    watched.add_argument("--state-dir", type=Path, metavar="DIR", help="report those of the stack that runs there")
    return parser


def _plan(options: argparse.Namespace) -> LoadPlan:
    pids = options.pids or {}
    if options.state_dir is not None:
        pids = processes.of_stack(options.state_dir)
    return LoadPlan(
        target=Target(options.url, options.ca, options.password),
        connections=options.connections,
        seconds=options.seconds,
        mix=options.mix,
        rate=options.rate,
        version=options.version,
        id_prefix=options.id_prefix,
        id_tag=options.id_tag,
        warmup_seconds=options.warmup,
        processes=options.processes,
        pids=pids,
    )


def _pids(text: str) -> dict[str, int]:
    try:
        return processes.parse_pids(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _certificates(path: str) -> str:
    trusting(path)
    return path


def _rate(text: str) -> float:
    return 0.0 if text == "0" else seconds(text)


def _warmup(text: str) -> float:
    return 0.0 if text == "0" else seconds(text)
