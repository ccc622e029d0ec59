"""The report: counts, then a row for each case, as Markdown or JSON."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from conformance.verdicts import Outcome, Verdict

_MARKS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "**fail**",
    Verdict.NOT_APPLICABLE: "not applicable",
    Verdict.TO_COME: "to come",
}


def counts(outcomes: Sequence[Outcome]) -> str:
    """A table of how many cases of each version and block came to what."""
    numbers: dict[tuple[str, str], Counter[Verdict]] = {}
    for outcome in outcomes:
        for block in {block_of(outcome), ""}:
            numbers.setdefault((outcome.version, block), Counter())[outcome.verdict] += 1
    lines = ["| OCPP | block | cases | " + " | ".join(Verdict) + " |", "|---|---|---|" + "---|" * len(Verdict)]
    for (version, block), found in sorted(numbers.items()):
        values = " | ".join(str(found[verdict]) for verdict in Verdict)
        lines.append(f"| {version} | {block or 'all'} | {found.total()} | {values} |")
    return "\n".join(lines) + "\n"


def block_of(outcome: Outcome) -> str:
    """The functional block of OCPP 2.x, by its letter; empty for 1.6, whose cases have none."""
    part = outcome.id.split("_")[1]
    return part if part.isalpha() else ""


def table(outcomes: Sequence[Outcome]) -> str:
    """A row for each case, by version."""
    lines: list[str] = []
    for version in dict.fromkeys(outcome.version for outcome in outcomes):
        lines += ["", f"## OCPP {version}", "", "| case | requirement | verdict | why |", "|---|---|---|---|"]
        lines += [_row(outcome) for outcome in outcomes if outcome.version == version]
    return "\n".join(lines[1:]) + "\n"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """The whole report of a run, with the frames of what failed."""
    return f"# Conformance\n\n{counts(outcomes)}\n{table(outcomes)}{''.join(_failures(outcomes))}"


def as_json(outcomes: Sequence[Outcome]) -> str:
    """The outcomes for machines."""
    return json.dumps([asdict(outcome) for outcome in outcomes], indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> list[Outcome]:
    """What `as_json` has written."""
    entries: list[dict[str, Any]] = json.loads(text)
    return [Outcome(**{**entry, "verdict": Verdict(entry["verdict"])}) for entry in entries]


def _row(outcome: Outcome) -> str:
    return f"| {outcome.id} | {_cell(outcome.requirement)} | {_MARKS[outcome.verdict]} | {_cell(outcome.reason)} |"


def _failures(outcomes: Sequence[Outcome]) -> Iterator[str]:
    failed = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAIL]
    if failed:
        yield "\n## What was said in those that failed\n"
    for outcome in failed:
        frames = "\n".join(outcome.frames).replace("```", "'''")
        yield f"\n### {outcome.id}\n\n{outcome.reason}\n\n```\n{frames}\n```\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
