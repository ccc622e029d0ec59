"""Carries out `csms bench --against REF`: makes the older build, starts both, measures in turns, reports, judges."""

import argparse
import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, NoReturn

from bench import system
from bench.against import report
from bench.against.contestant import Contestant, burst_of
from bench.against.fresh import BURSTS, Fresh
from bench.against.plan import QUICK, ROWS_OF, Sizes
from bench.against.rounds import Comparison
from bench.steps import tell
from simulator.load import processes
from simulator.load.run import LoadFailed
from stack import builds, releases, settings
from stack.state import State

SLOWER = 4
"""The exit code when a ratio is above the limit beyond its spread."""


def run(options: argparse.Namespace, refuse: Callable[[str], NoReturn]) -> int:
    """Compare this checkout with `options.against`. Returns 0, 1 when a row failed, or SLOWER.

    `refuse` tells what is wrong with the command line. Raises StackError.
    """
    sizes = sizes_of(options, refuse)
    options.report_dir.mkdir(parents=True, exist_ok=True)
    commit = releases.commit_of(options.against)
    tell(f"making the build of {options.against} (commit {commit[:12]}), if it is not there yet")
    folder = State(settings.load().state_dir.absolute()).builds
    old = builds.of_commit(commit, folder)
    about: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "new": builds.described(builds.ours()),
        "old": f"{options.against} ({commit[:12]})",
        "sizes": asdict(sizes),
        "loadBefore": round(os.getloadavg()[0], 2),
    }
    comparisons: list[Comparison[Any]] = []
    if sizes.fresh_rows:
        comparisons.append(_compare_fresh(old, sizes))
    if sizes.rows_in_use:
        comparisons.append(in_use := _compare_in_use(old, sizes))
        about["idleNew"], about["idleOld"] = (sum(each.idle_cores.values()) for each in (in_use.new, in_use.old))
    costs = [cost for each in comparisons for cost in each.costs()]
    failures = [failure for each in comparisons for failure in each.failures]
    about |= {"machine": processes.machine(), "failures": failures}
    print(report.write(costs, about, options.limit, options.report_dir))
    if failures or len(costs) < len(sizes.rows):
        return 1
    is_slower = options.limit is not None and any(each.is_above(options.limit) for each in costs)
    return SLOWER if is_slower else 0


def sizes_of(options: argparse.Namespace, refuse: Callable[[str], NoReturn]) -> Sizes:
    """The sizes that a command line asks for."""
    given = {name: getattr(options, name) for name in ("rounds", "seconds", "connections")}
    sizes = replace(
        QUICK if options.quick else Sizes(), **{name: value for name, value in given.items() if value is not None}
    )
    if options.only is None:
        return sizes
    if unknown := [name for name in options.only if name not in ROWS_OF]:
        refuse(f"--against compares {', '.join(ROWS_OF)}, not {', '.join(unknown)}")
    return replace(sizes, rows=tuple(dict.fromkeys(row for name in options.only for row in ROWS_OF[name])))


def _compare_fresh(old: builds.Build, sizes: Sizes) -> Comparison[Fresh]:
    """What is measured of stacks that have just been started, one at a time."""
    with ExitStack() as resources:
        tell("making the databases of both stacks")
        new, former = (
            Fresh(name, resources.enter_context(system.housed(build)), sizes)
            for name, build in (("new", builds.ours()), ("old", old))
        )
        comparison = Comparison(new, former)
        comparison.run(sizes.rounds, {row: BURSTS[row] for row in sizes.fresh_rows})
    return comparison


def _compare_in_use(old: builds.Build, sizes: Sizes) -> Comparison[Contestant]:
    """What is measured of two stacks that both serve all the time."""
    with ExitStack() as resources:
        tell("starting both stacks")
        waits = [resources.enter_context(system.starting(build)) for build in (builds.ours(), old)]
        systems = [wait() for wait in waits]
        tell("registering and connecting their chargers")
        new, former = (
            resources.enter_context(closing(Contestant(name, running, sizes)))
            for name, running in zip(("new", "old"), systems, strict=True)
        )
        comparison = Comparison(new, former)
        bursts = {}
        for row in sizes.rows_in_use:
            try:
                bursts[row] = burst_of(row, (new, former), sizes)
            except LoadFailed as error:
                comparison.fail(row, error)
        comparison.run(sizes.rounds, bursts)
    return comparison
