"""The report of a comparison: against.md to read, against.json with every figure. Figures in, text out."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.against.plan import title
from bench.against.ratios import Ratio
from bench.against.rounds import Cost
from bench.markdown import chapter, number

_TEXT = (
    "CPU microseconds per message of all processes of the stack, from rest to rest, without what an idle stack takes;"
    " with it for what is offered at a rate."
    " `new/old` is the median of the rounds' own ratios; the spread holds the true one with 95 % when there are six"
    " rounds or more."
)
_FIGURES_TEXT = "What was measured beside the CPU; less is better of all."
_BY_PROCESS_TEXT = "CPU microseconds per message, medians: old → new."
# What is not worth a column.
_LEAST_US = 0.5


def render(costs: Sequence[Cost], about: dict[str, Any], limit: float | None) -> str:
    """The whole report as Markdown."""
    head = ["", "old us", "new us", "new/old", "spread", "rounds", "verdict"]
    rows = [
        [title(each.row), number(_sum(each.old_us)), number(_sum(each.new_us)), *_cells(each.ratio, limit)]
        for each in costs
    ]
    figures = [
        [f"{title(each.row)}: {figure.name}", number(figure.old), number(figure.new), *_cells(figure.ratio, limit)]
        for each in costs
        for figure in each.figures
    ]
    head_of_figures = ["", "old", "new", *head[3:]]
    parts = [
        _head(about),
        _failures(about["failures"]),
        chapter("Ratios", _TEXT, head, rows),
        chapter("Latency, memory, time", _FIGURES_TEXT, head_of_figures, figures),
        _by_process(costs),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def verdict(found: Ratio, limit: float | None) -> str:
    """Whether a ratio is surely above the limit, surely not, or neither."""
    if limit is None:
        return "-"
    if found.is_above(limit):
        return "ABOVE"
    return "within" if found.most <= limit else "not above for sure"


def write(costs: Sequence[Cost], about: dict[str, Any], limit: float | None, folder: Path) -> str:
    """Write both files; returns the text."""
    rows = [
        {
            "row": each.row,
            "newUs": each.new_us,
            "oldUs": each.old_us,
            **_judged(each.ratio, limit),
            "rounds": [{"newUs": new, "oldUs": old} for new, old in each.rounds],
            "figures": [
                {"name": one.name, "new": one.new, "old": one.old, **_judged(one.ratio, limit)} for one in each.figures
            ],
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
    idle = f"; idle cores new {about['idleNew']:.3f}, old {about['idleOld']:.3f}" if "idleNew" in about else ""
    return "\n\n".join(
        (
            f"# {about['new']} against {about['old']}",
            f"{about['time']}, {sizes['rounds']} rounds of {sizes['seconds']:g} s by {sizes['connections']} chargers,"
            f" {sizes['idle']} at rest."
            f" Machine: {machine['cpu']}, {machine['cores']} cores, {machine['system']}. Load average before"
            f" {about['loadBefore']} and after {machine['loadAverage']}{idle}.",
        )
    )


def _failures(failures: Sequence[str]) -> str:
    return "\n".join(("## Failed", "", *(f"- {each}" for each in failures))) if failures else ""


def _cells(found: Ratio, limit: float | None) -> tuple[str, ...]:
    spread = f"{found.least:.3f}..{found.most:.3f}"
    return f"{found.value:.3f}", spread, str(found.rounds), verdict(found, limit)


def _judged(found: Ratio, limit: float | None) -> dict[str, Any]:
    ratio = {"median": found.value, "from": found.least, "to": found.most}
    return {"ratio": ratio, "verdict": verdict(found, limit)}


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
