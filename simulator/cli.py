"""The command line of the simulator: `python -m simulator`.

It reads options and hands over. `CP001 1.6 [URL]` runs one charge point, `--fleet N` a mixed fleet; `fleet`, `load` and
`scenarios` are words of their own, so no charge point can be simulated under these names.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from simulator.dialects import DIALECTS
from simulator.options import (
    add_endpoint_options,
    default_url,
    endpoint,
    identity,
    positive,
    scenario_file,
    seconds,
    show_warnings,
    websocket_url,
)
from simulator.output import say
from simulator.scenario import SCENARIOS
from simulator.simulate import Simulation, simulate

_WHAT = "what to do: one of `csms simulate scenarios`, or a file in YAML (session)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line. Returns the exit code: 0, 1 when something was not accepted, 2 for a bad command line."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    commands: dict[str, Callable[[Sequence[str]], int]] = {
        "scenarios": _scenarios,
        "fleet": _fleet,
        "load": _load,
    }
    command = commands.get(words[0]) if words else None
    if "--list-misbehaviours" in words:
        command = _misbehaviours
    elif is_mixed_fleet(words):
        command = _mixed_fleet
    try:
        if command is None or command is _mixed_fleet:
            return (command or _simulate)(words)
        return command(words[1:])
    except KeyboardInterrupt:
        return 130


def is_mixed_fleet(words: Sequence[str]) -> bool:
    """Whether a command line asks for a mixed fleet."""
    return any(word.partition("=")[0] == "--fleet" for word in words)


def _simulate(words: Sequence[str]) -> int:
    options = simulate_parser().parse_args(words)
    if options.protocol not in options.scenario.protocols:
        print(f"scenario {options.scenario.name} is for OCPP {', '.join(options.scenario.protocols)}", file=sys.stderr)
        return 2
    if options.connector > options.connectors:
        print(f"connector {options.connector} of {options.connectors} does not exist", file=sys.stderr)
        return 2
    show_warnings()
    return asyncio.run(simulate(_simulation(options)))


def simulate_parser() -> argparse.ArgumentParser:
    """The command line of one charge point."""
    parser = argparse.ArgumentParser(
        prog="csms simulate",
        description="Run one charge point: boot, charge, stop, with every frame printed.",
        epilog="Also: csms simulate --fleet N (a mixed fleet), --list-misbehaviours, fleet (charge points that keep"
        " charging), scenarios (list them); csms load.",
    )
    parser.add_argument("identity", metavar="ID", type=identity, help="charge point id, such as CP001")
    parser.add_argument("protocol", choices=DIALECTS, help="OCPP version")
    parser.add_argument("url", nargs="?", type=websocket_url, default=default_url(), help="default: %(default)s")
    parser.add_argument("--id-tag", default="DEMO0001", metavar="TAG", help="card to charge with (%(default)s)")
    parser.add_argument("--connector", type=positive, default=1, metavar="N", help="where to charge (%(default)s)")
    parser.add_argument("--connectors", type=positive, default=2, metavar="N", help="how many it has (%(default)s)")
    parser.add_argument("--energy-wh", type=positive, default=5_500, metavar="WH", help="energy to take (%(default)s)")
    parser.add_argument("--power-w", type=positive, default=11_000, metavar="W", help="charging power (%(default)s)")
    parser.add_argument(
        "--duration", type=seconds, default=6.0, metavar="S", help="real seconds that charging may take (%(default)s)"
    )
    parser.add_argument(
        "--wait", type=seconds, default=15.0, metavar="S", help="how long to wait to be accepted (%(default)s)"
    )
    parser.add_argument("--scenario", type=_scenario, default=SCENARIOS["session"], metavar="NAME|FILE", help=_WHAT)
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="append every acknowledged message to this file")
    parser.add_argument("--quiet", action="store_true", help="print no frames")
    add_endpoint_options(parser)
    return parser


def _simulation(options: argparse.Namespace) -> Simulation:
    return Simulation(
        identity=options.identity,
        protocol=options.protocol,
        endpoint=endpoint(options),
        scenario=options.scenario,
        id_tag=options.id_tag,
        connector_id=options.connector,
        energy_wh=options.energy_wh,
        power_w=options.power_w,
        duration_seconds=options.duration,
        wait_seconds=options.wait,
        connectors=options.connectors,
        ledger=options.ledger,
        quiet=options.quiet,
    )


def _scenarios(words: Sequence[str]) -> int:
    argparse.ArgumentParser(prog="csms simulate scenarios", description="List the scenarios.").parse_args(words)
    from simulator import scenario_file as files

    written = [files.shipped(name) for name in files.names()]
    for scenario in (*written, *SCENARIOS.values()):
        say(f"{scenario.name:26} {'/'.join(scenario.protocols):10} {scenario.about}")
    return 0


def _misbehaviours(_: Sequence[str]) -> int:
    from simulator.misbehaviours.catalogue import MISBEHAVIOURS

    for one in MISBEHAVIOURS.values():
        say(f"{one.name:26} {'/'.join(one.protocols):14} {one.about}. ({one.source})")
    return 0


def _mixed_fleet(words: Sequence[str]) -> int:
    from simulator import mixed_fleet

    return mixed_fleet.main(words)


def _fleet(words: Sequence[str]) -> int:
    from simulator import fleet_cli

    return fleet_cli.main(words)


def _load(words: Sequence[str]) -> int:
    from simulator.load import command

    return command.main(words)


def _scenario(text: str) -> object:
    return SCENARIOS.get(text) or scenario_file(text)
