"""The report of a run: one record of everything, as JSON for machines and as Markdown for people. Judges nothing."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from statistics import median
from typing import Any

from chaos.checks.check import Check
from chaos.checks.lies import SUBJECT as LIES
from chaos.checks.lies import Count
from chaos.injection import Struck


@dataclass(frozen=True)
class FaultLine:
    """A fault as the report has it. `silence_seconds`: the longest time after it without an acknowledged message;
    `filled`: how much waited at most, if it was to fill a queue."""

    at_seconds: float
    kind: str
    targets: Sequence[str]
    summary: str
    healed_seconds: float | None
    silence_seconds: float | None
    filled: int | None = None


@dataclass(frozen=True)
class Report:
    """A run. `unsettled` is what was still under way when patience ended; `unsent` what the chargers kept."""

    command: str
    commit: str
    machine: str
    versions: Mapping[str, str]
    began: str
    minutes: float
    seed: int
    chargers: int
    replicas: int
    acknowledged: Mapping[str, int]
    fleet: Mapping[str, Any]
    faults: Sequence[FaultLine]
    unsettled: Sequence[str]
    settled_seconds: float
    checks: Sequence[Check]
    lies: Mapping[str, Count] = field(default_factory=dict)
    total_seconds: float = 0.0

    @property
    def unreported(self) -> list[str]:
        """The lies that some chargers have, and of which no session shows anything."""
        return [name for name in self.fleet.get("lies", {}) if name not in self.lies]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found, there was something to find, all faults healed, and queues were filled."""
        delivered = bool(self.fleet) and not self.fleet["unsent"] and not self.fleet["given_up"]
        excused = {"events and their effects"} | (set() if self.fleet.get("lies") else {LIES})
        looked = all(check.checked for check in self.checks if check.subject not in excused)
        healed = all(fault.healed_seconds is not None for fault in self.faults)
        filled: defaultdict[tuple[str, ...], int] = defaultdict(int)
        for fault in self.faults:
            if fault.filled is not None:
                filled[tuple(fault.targets)] += fault.filled
        found_nothing = not self.unsettled and all(check.is_clean for check in self.checks)
        return delivered and looked and not self.unreported and healed and all(filled.values()) and found_nothing


def fault_lines(struck: Sequence[Struck], began: float, answers: Sequence[float]) -> list[FaultLine]:
    """The faults of a run that began at `began`; `answers`: when transaction messages were acknowledged, in order."""
    in_order = sorted(struck, key=lambda one: one.time)
    lines = []
    for number, one in enumerate(in_order):
        until = in_order[number + 1].time if number + 1 < len(in_order) else one.time + 10.0
        silence = _longest_pause(answers, one.time, max(until, one.time + one.fault.seconds))
        healed = None if one.healed_seconds is None else round(one.healed_seconds, 1)
        fault = one.fault
        at = round(one.time - began, 1)
        lines.append(FaultLine(at, fault.kind, fault.targets, one.summary, healed, silence, one.filled))
    return lines


def write(report: Report, folder: Path) -> None:
    """Write `report.json` and `report.md` into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {"clean": report.is_clean, **asdict(report)}
    (folder / "report.json").write_text(json.dumps(record, indent=1, default=str) + "\n", encoding="utf-8")
    (folder / "report.md").write_text(markdown(report), encoding="utf-8")


def read(folder: Path) -> Report:
    """The report that `write` has put into a folder. Raises OSError, and ValueError when it is none."""
    record = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    try:
        record.pop("clean")
        checks = [Check(**{**one, "examples": tuple(one["examples"])}) for one in record.pop("checks")]
        faults = [FaultLine(**one) for one in record["faults"]]
        lies = {name: Count(**count) for name, count in record.pop("lies", {}).items()}
        return Report(**record | {"checks": checks, "faults": faults, "lies": lies})
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{folder} holds no report: {error}") from error


def markdown(report: Report) -> str:
    """The report for people."""
    return "\n".join((short(report), *_faults(report), ""))


def short(report: Report) -> str:
    """The same with the faults by kind, not one by one."""
    return "\n".join((*_head(report), *_checks(report), *_lies(report), *_kinds(report)))


def _head(report: Report) -> Iterator[str]:
    verdict = "clean" if report.is_clean else "NOT CLEAN"
    total = sum(report.acknowledged.values())
    yield f"### {report.minutes:g} minutes, seed {report.seed}: {verdict}"
    yield ""
    yield f"`{report.command}`, {report.began}, commit {report.commit}, {report.machine}"
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    yield f"{report.chargers} chargers, {report.replicas} replicas of each process. {versions}."
    yield ""
    by_action = ", ".join(f"{count:,} {action}" for action, count in sorted(report.acknowledged.items()))
    yield f"Acknowledged messages: {total:,} ({by_action})."
    if report.fleet:
        fleet = report.fleet
        yield (
            f"Sessions: {fleet['sessions']:,}; connections: {fleet['connects']:,}; refused messages, tried again: "
            f"{fleet['refused']:,}; left unsent: {fleet['unsent']}; given up: {fleet['given_up']}."
        )
    else:
        yield "The fleet gave no report."
    yield (
        f"All was settled {report.settled_seconds:.1f} s after the last charger had gone; the whole run took "
        f"{report.total_seconds:.0f} s."
    )
    yield from (f"- still under way: {line}" for line in report.unsettled)
    yield ""


def _checks(report: Report) -> Iterator[str]:
    for subject, checks in groupby(report.checks, key=lambda check: check.subject):
        yield f"| {subject} | failed |"
        yield "|---|---|"
        for check in checks:
            yield f"| {check.claim} | {check.failed:,} of {check.checked:,} |"
        yield ""
    for check in report.checks:
        if check.examples:
            yield f"**{check.claim}**, for example:"
            yield ""
            yield from (f"- {line}" for line in check.examples)
            yield ""


def _lies(report: Report) -> Iterator[str]:
    if not report.lies and not report.unreported:
        return
    yield "| lie | chargers | sessions | billed | held, for what | failed |"
    yield "|---|---|---|---|---|---|"
    for name, count in report.lies.items():
        chargers = report.fleet.get("lies", {}).get(name, 0)
        held = ", ".join(f"{number:,} {reason}" for reason, number in sorted(count.held.items()))
        summary = f"{chargers:,} | {count.sessions:,} | {count.billed:,} | {held}"
        yield f"| {name} | {summary} | {count.failed:,} of {count.sessions:,} |"
    yield ""
    if report.unreported:
        yield f"Nobody has told {', '.join(report.unreported)}: it takes more minutes."
        yield ""


def _kinds(report: Report) -> Iterator[str]:
    yield "| fault | how often | all well after: median, worst | worst silence |"
    yield "|---|---|---|---|"
    for kind in sorted({line.kind for line in report.faults}):
        lines = [line for line in report.faults if line.kind == kind]
        healed = [line.healed_seconds for line in lines if line.healed_seconds is not None]
        silence = max((line.silence_seconds for line in lines if line.silence_seconds is not None), default=0.0)
        healing = f"{median(healed):.1f} s, {max(healed):.1f} s" if len(healed) == len(lines) else "NOT ALWAYS"
        yield f"| {kind} | {len(lines)} | {healing} | {silence:.1f} s |"
    yield ""


def _faults(report: Report) -> Iterator[str]:
    yield "| at | fault | target | | all well after | longest silence |"
    yield "|---|---|---|---|---|---|"
    for line in report.faults:
        targets = ", ".join(line.targets) if len(line.targets) < 5 else "everything"
        healed = "never" if line.healed_seconds is None else f"{line.healed_seconds:.1f} s"
        silence = "" if line.silence_seconds is None else f"{line.silence_seconds:.1f} s"
        yield f"| {line.at_seconds:.1f} s | {line.kind} | {targets} | {line.summary} | {healed} | {silence} |"
    yield ""


def _longest_pause(answers: Sequence[float], since: float, until: float) -> float | None:
    within = [since, *(time for time in answers if since < time < until)]
    after = next((time for time in answers if time >= until), None)
    if after is not None:
        within.append(after)
    return round(max((later - earlier for earlier, later in pairwise(within)), default=0.0), 1)


def now() -> str:
    """This moment, for people."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
