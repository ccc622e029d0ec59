"""The chargers of a run: a fleet of the simulator as a process of its own, with a ledger, and with bad habits."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.population import Population
from chaos.rules import RULES
from simulator.lies.catalogue import SECOND_LIE
from stack import children
from stack.children import Child, Program
from stack.inherited import process_environment

# What real stations do to their frames; "session" is a station without any.
HABITS = (
    "session",
    "duplicate-start",
    "kept-ids",
    "session",
    "duplicate-stop",
    "repeated-ids",
    "session",
    "seq-no-zero",
    "eager-status",
    "bare-events",
    "spaced-json",
)
# What going home may take in all, and how long nothing may be acknowledged meanwhile.
_GOING_HOME_SECONDS, _SILENCE_SECONDS = 900.0, 90.0
_LOOK_SECONDS, _LAST_WORDS_SECONDS = 0.5, 2.0


@dataclass(frozen=True)
class Cadence:
    """How busy each charger is, in seconds, and which share of its sessions takes place offline."""

    session: float = 14.0
    pause: float = 4.0
    sample: int = 3
    offline: float = 0.08


@dataclass(frozen=True)
class Lying:
    """Which lies are told, by their names, and by which share of the chargers; the share `second` of these has two. The
    others tell the truth."""

    lies: Sequence[str] = tuple(RULES)
    liars: float = 0.4
    second: float = SECOND_LIE


@dataclass
class RunningFleet:
    """A fleet that charges until it is told to go home."""

    child: Child
    log: Path
    ledger: Path

    async def go_home(self) -> dict[str, Any]:
        """End all sessions, deliver everything that waits, and give the fleet's report; empty when there is none."""
        self.child.ask_to_stop()
        size, give_up_at = -1, 0.0
        while self.child.exit_code() is None:
            if (grown := self.ledger.stat().st_size) > size:
                size, give_up_at = grown, time.monotonic() + _SILENCE_SECONDS
            if time.monotonic() > give_up_at:
                # It says what it waits for: what hangs here is to be found.
                os.kill(self.child.pid, signal.SIGUSR1)
                await asyncio.sleep(_LAST_WORDS_SECONDS)
                self.child.kill()
            await asyncio.sleep(_LOOK_SECONDS)
        return _report(self.log)


def start(
    people: Population, url: str, ledger: Path, logs: Path, *, seed: int, cadence: Cadence, lying: Lying
) -> RunningFleet:
    """Start the fleet against `url`. Call it from the main thread."""
    chosen = {
        "--url": url,
        "--ids": ",".join(people.charge_points),
        "--tags": ",".join(people.cards),
        "--protocols": ",".join(people.protocols),
        "--session": cadence.session,
        "--pause": cadence.pause,
        "--sample": cadence.sample,
        "--offline": cadence.offline,
        "--habits": ",".join(HABITS),
        "--lies": ",".join(lying.lies),
        "--liars": lying.liars,
        "--second-lies": lying.second,
        "--cut": 60,
        "--power-cuts": 0.3,
        "--retire": 1_500,
        "--ramp": 5,
        "--response": 10,
        "--reconnect": 4,
        # Nothing may be given up: what is not taken today is told tomorrow.
        "--attempts": 1_000_000,
        "--grace": _GOING_HOME_SECONDS,
        "--seed": seed,
        "--ledger": ledger,
    }
    words = [str(word) for pair in chosen.items() for word in pair]
    command = [sys.executable, "-m", "simulator", "fleet", *words]
    log = logs / "fleet.log"
    return RunningFleet(children.start(Program("fleet", command, process_environment()), log), log, ledger)


def _report(log: Path) -> dict[str, Any]:
    for line in reversed(log.read_text(encoding="utf-8", errors="replace").splitlines()):
        if line.startswith("{"):
            found: dict[str, Any] = json.loads(line)
            return found
    return {}
