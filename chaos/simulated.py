"""`csms simulate --fleet N` on the stack that runs here: its charge points are made known to it, and audited.

The fleet itself is `simulator/mixed_fleet.py`. Of the auditor's checks only those of loss and of doubles hold here: no
setting of a stack can change what they ask for, and they need no patience.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos import audit, books, population, settling, stored
from chaos.checks.check import Check
from chaos.population import Population
from simulator import mixed_fleet
from simulator.ledger import read_ledger, read_truths
from simulator.options import default_url, show_warnings
from simulator.output import say
from stack import keys, nats, postgres, settings
from stack.errors import NotRunningError
from stack.rest import Facade
from stack.settings import StackSettings
from stack.state import State

# How long to wait for events that are still on their way to billing.
_PATIENCE_SECONDS = 30.0
_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class _Place:
    """The stack of this machine, as far as a fleet needs it."""

    facade: Facade
    databases: Mapping[str, str]
    nats_url: str


def main(words: Sequence[str]) -> int:
    """Run a mixed fleet, and audit it. Returns 0 only when nothing was left unsent, lost or doubled.

    Raises NotRunningError when there is no stack to audit, StackError when it refuses the fleet's charge points.
    """
    options = _parser().parse_args(words)
    show_warnings(level=options.log_level)
    place = _place(settings.load(), options)
    with tempfile.TemporaryDirectory(prefix="csms-fleet-") as folder:
        ledger = options.ledger or Path(folder) / "ledger.jsonl"
        return asyncio.run(_run(options, place, ledger))


def _parser() -> argparse.ArgumentParser:
    parser = mixed_fleet.fleet_parser()
    parser.add_argument(
        "--audit",
        action=argparse.BooleanOptionalAction,
        help="ask the databases for everything that was acknowledged (default: if the stack runs here)",
    )
    return parser


def _place(chosen: StackSettings, options: argparse.Namespace) -> _Place | None:
    """The stack to be audited; none when the fleet connects elsewhere, or is not to be audited."""
    if options.audit is False or (options.audit is None and options.url != default_url()):
        return None
    state = State(chosen.state_dir.absolute())
    running = state.running()
    if running is None:
        raise NotRunningError(f"no stack runs on {state.root}: `csms up` starts one; --no-audit audits nothing")
    token = keys.mint(state.keys, role="admin", driver_id=None, ttl_seconds=_TOKEN_SECONDS, subject="csms simulate")
    database = chosen.database_url or postgres.url(postgres.prepare(state.postgres), running.ports["postgres"])
    server = database.rsplit("/", 1)[0]
    return _Place(
        Facade(chosen.public_host, running.ports["gateway"], token),
        {service: f"{server}/{name}" for service, name in stored.DATABASES.items()},
        chosen.nats_url or nats.url(state.nats, running.ports["nats"]),
    )


async def _run(options: argparse.Namespace, place: _Place | None, ledger: Path) -> int:
    plan = mixed_fleet.plan(options)
    if place is not None:
        people = Population(plan.identities, plan.tags, plan.protocols)
        say(f"registering {options.fleet} charge points, {plan.identities[0]} to {plan.identities[-1]}")
        try:
            await asyncio.to_thread(population.settle_in, place.facade, people)
        finally:
            place.facade.close()
    status = await mixed_fleet.run(options, plan, ledger)
    return max(status, await _audit(place, ledger, plan.identities)) if place is not None else status


async def _audit(place: _Place, ledger: Path, charge_points: Sequence[str]) -> int:
    """Look for all that was acknowledged, and say what was found. Returns 1 when something is lost or doubled."""
    say("waiting until the events of the fleet have had their effects")
    waiting = await settling.settled(place.databases, place.nats_url, _PATIENCE_SECONDS, say, settling.EVENTS)
    kept = stored.of(await asyncio.to_thread(stored.load, place.databases), charge_points)
    book = books.read(read_ledger(ledger), read_truths(ledger))
    lost, doubled = audit.lost(book, kept), audit.doubled(book, kept)
    for each in (*lost, *doubled):
        say(_line(each))
    if waiting:
        say(f"still under way: {'; '.join(waiting)}")
    counts: dict[str, Any] = {"lost": _failed(lost), "doubled": _failed(doubled)}
    say(f"audit: {book.acknowledged:,} acknowledged messages, {counts['lost']} lost, {counts['doubled']} doubled")
    return 1 if any(counts.values()) else 0


def _failed(checks: Sequence[Check]) -> int:
    return sum(each.failed for each in checks)


def _line(each: Check) -> str:
    verdict = "ok" if each.is_clean else f"{each.failed} FAILED"
    examples = "".join(f"\n      {example}" for example in each.examples)
    return f"  {each.claim}: {each.checked:,} checked, {verdict}{examples}"
