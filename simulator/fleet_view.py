"""What a fleet does, for people: a table that changes in a terminal, a line now and then everywhere else."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from simulator.fleet import FleetReport, Standing
from simulator.output import say

if TYPE_CHECKING:
    from rich.table import Table

_TABLE_SECONDS, _LINE_SECONDS = 0.5, 10.0
_COLUMNS = ("OCPP", "charge points", "connected", "charging", "messages", "errors", "misbehaviours")


async def watch(standings: Callable[[], Sequence[Standing]]) -> None:
    """Show how the fleet stands until cancelled."""
    began = time.monotonic()
    if not sys.stdout.isatty():
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            say(line(standings(), time.monotonic() - began))
    # Whoever reads our lines by a pipe need not have it.
    from rich.live import Live

    def now() -> "Table":
        return table(standings(), time.monotonic() - began)

    with Live(now(), auto_refresh=False) as live:
        try:
            while True:
                await asyncio.sleep(_TABLE_SECONDS)
                live.update(now(), refresh=True)
        finally:
            live.update(now(), refresh=True)


def line(standings: Sequence[Standing], seconds: float) -> str:
    """How a fleet stands, in one line."""
    parts = [
        f"{one.protocol}: {one.connected}/{one.charge_points} connected, {one.charging} charging,"
        f" {one.messages:,} messages, {one.errors:,} errors, {one.misbehaviours:,} misbehaviours"
        for one in standings
    ]
    return f"{_clock(seconds)} {'; '.join(parts)}"


def table(standings: Sequence[Standing], seconds: float) -> "Table":
    """The same as a table, a version a row."""
    from rich.table import Table

    shown = Table(title=f"{sum(one.charge_points for one in standings)} charge points, {_clock(seconds)}")
    for name in _COLUMNS:
        shown.add_column(name, justify="left" if name == _COLUMNS[0] else "right")
    for one in standings:
        figures = (one.charge_points, one.connected, one.charging, one.messages, one.errors, one.misbehaviours)
        shown.add_row(one.protocol, *(f"{figure:,}" for figure in figures))
    return shown


def summary(report: FleetReport, kinds: Mapping[str, str]) -> list[str]:
    """What a fleet has done, in lines; `kinds` has a sentence about each misbehaviour that was dealt out."""
    seen = {name: count for name, count in report.misbehaviours.items() if name in kinds}
    lines = [
        f"{report.charge_points:,} charge points, {report.connects:,} connections, {report.sessions:,} sessions,"
        f" {report.acknowledged:,} messages acknowledged, {report.refused:,} refused, {report.unsent:,} left unsent"
    ]
    if seen:
        lines.append(f"{sum(seen.values()):,} misbehaviours of {len(seen)} kinds:")
    lines += [f"  {count:>7,}  {name:26} {kinds[name]}" for name, count in sorted(seen.items())]
    return lines


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"
