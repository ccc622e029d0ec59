"""The report of a comparison: against.md to read, against.json with every figure. Figures in, text out."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.against.plan import title
from bench.against.rounds import Cost
from bench.markdown import chapter, number

_TEXT = (
    "CPU microseconds per message of all processes of the stack, from rest to rest, without what an idle stack takes."
    " `new/old` is the median of the rounds' own ratios; the spread holds the true one with 95 % when there are six"
    " rounds or more."
)
_BY_PROCESS_TEXT = "CPU microseconds per message, medians: old → new."
# What is not worth a column.
_LEAST_US = 0.5


def render(costs: Sequence[Cost], about: dict[str, Any], limit: float | None) -> str:
    """The whole report as Markdown."""
    head = ["", "old us", "new us", "new/old", "spread", "rounds", "verdict"]
    rows = [
        [title(each.row), number(_sum(each.old_us)), number(_sum(each.new_us)), *_cells(each), verdict(each, limit)]
        for each in costs
    ]
    parts = [_head(about), _failures(about["failures"]), chapter("Ratios", _TEXT, head, rows), _by_process(costs)]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict(cost: Cost, limit: float | None) -> str:
    """Whether a ratio is surely above the limit, surely not, or neither."""
    if limit is None:
        return "-"
    if cost.ratio.is_above(limit):
        return "ABOVE"
    return "within" if cost.ratio.most <= limit else "not above for sure"


def write(costs: Sequence[Cost], about: dict[str, Any], limit: float | None, folder: Path) -> str:
    """Write both files; returns the text."""
    rows = [
        {
            "row": each.row,
            "newUs": each.new_us,
            "oldUs": each.old_us,
            "ratio": {"median": each.ratio.value, "from": each.ratio.least, "to": each.ratio.most},
            "rounds": [{"newUs": new, "oldUs": old} for new, old in each.rounds],
            "verdict": verdict(each, limit),
        }
        for each in costs
    ]
    document = {**about, "limit": limit, "rows": rows}
    (folder / "against.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = render(costs, about, limit)
    (folder / "against.md").write_text(text, encoding="utf-8")
    return text


def _head(about: dict[str, Any]) -> str:
    machine, sizes = about["machine"], about["sizes"]
    return "\n\n".join(
        (
            f"# {about['new']} against {about['old']}",
            f"{about['time']}, {sizes['rounds']} rounds of {sizes['seconds']:g} s by {sizes['connections']} chargers."
            f" Machine: {machine['cpu']}, {machine['cores']} cores, {machine['system']}. Load average before"
            f" {about['loadBefore']} and after {machine['loadAverage']}; idle cores new {about['idleNew']:.3f},"
            f" old {about['idleOld']:.3f}.",
        )
    )


def _failures(failures: Sequence[str]) -> str:
    return "\n".join(("## Failed", "", *(f"- {each}" for each in failures))) if failures else ""


def _cells(cost: Cost) -> tuple[str, str, str]:
    found = cost.ratio
    return f"{found.value:.3f}", f"{found.least:.3f}..{found.most:.3f}", str(found.rounds)


def _by_process(costs: Sequence[Cost]) -> str:
    names = list(_names(costs))
    rows = [
        [title(each.row), *(f"{number(each.old_us.get(name))} → {number(each.new_us.get(name))}" for name in names)]
        for each in costs
    ]
    return chapter("By process", _BY_PROCESS_TEXT, ["", *names], rows)


def _names(costs: Sequence[Cost]) -> Iterator[str]:
    for name in dict.fromkeys(name for each in costs for name in (*each.old_us, *each.new_us)):
        if any(max(each.old_us.get(name, 0.0), each.new_us.get(name, 0.0)) >= _LEAST_US for each in costs):
            yield name


def _sum(us: dict[str, float]) -> float:
    return sum(us.values())
