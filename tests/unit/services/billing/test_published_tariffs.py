"""Worked examples of tariffs: those that OCPI publishes, and those of our own documentation."""

from pathlib import Path
from typing import Any

import pytest

from services.billing.adapters.tariff_cases import run_cases
from services.kernel.errors import DomainError
from stack.cli import main
from stack.tariff_tests import read

EXAMPLES = Path(__file__).parents[4] / "examples" / "tariffs"


@pytest.mark.parametrize(("name", "least"), [("ocpi", 30), ("readings", 13)])
def test_examples_come_to_what_they_say(name: str, least: int) -> None:
    report = run_cases(read(EXAMPLES / f"{name}.yaml"))
    assert {outcome.name: outcome.differences for outcome in report.outcomes if outcome.differences} == {}
    assert len(report.outcomes) >= least


def test_the_command_says_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (EXAMPLES / "readings.yaml").read_text(encoding="utf-8")
    path = tmp_path / "cases.yaml"
    path.write_text(text.replace("net: 26.05", "net: 21.54", 1), encoding="utf-8")
    assert main(["tariff", "test", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "DIFFERS by readings (field case D2): 26.05 before tax, 26.05 with tax" in printed
    assert "net is 26.05, expected 21.54" in printed
    assert "13 cases, 1 differ" in printed


def _document(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    case = {"tariff": "t", "start": "2026-03-02T10:00Z", "end": "2026-03-02T11:00Z", **more}
    return {"tariffs": {"t": {"currency": "EUR", "elements": [element]}}, "cases": [case]}


ENERGY = {"price_components": [{"type": "ENERGY", "price": "0.25", "step_size": 1}]}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (_document({**ENERGY, "restrictions": {"min_energy": 3}}), "elements[0].restrictions.min_energy"),
        (_document({**ENERGY, "restrictions": {"day_of_week": ["MONTAG"]}}), "elements[0].restrictions.day_of_week"),
        (_document({**ENERGY, "restrictions": {"start_date": "2026-02-30"}}), "elements[0].restrictions.start_date"),
        (_document({"price_components": [{"type": "POWER", "price": 1}]}), "elements[0].price_components[0].type"),
        (_document({"price_components": [{"type": "ENERGY", "price": 0.25}]}), "elements[0].price_components[0].price"),
        (_document({"price_components": [{"type": "ENERGY", "price": "x"}]}), "elements[0].price_components[0].price"),
        (_document({"price_components": [{"type": "ENERGY", "price": 1, "vat": "5.125"}]}), "vat"),
        (_document({**ENERGY, "restrictions": {"min_kwh": 5, "max_kwh": 5}}), "components[0].maxEnergyWh"),
        (_document(ENERGY, energy=3), "cases[0].energy"),
        (_document(ENERGY, tariff="other"), "cases[0].tariff"),
        (_document(ENERGY, end="2026-03-02T09:00Z"), "cases[0]"),
        (_document(ENERGY, tier="DIAMOND"), "cases[0]"),
        ({"tariffs": {}, "cases": []}, "cases"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(document: dict[str, Any], place: str) -> None:
    with pytest.raises(DomainError) as refused:
        run_cases(document)
    assert refused.value.reason == "INVALID_FIELD"
    assert place in f"{refused.value.violations[0].field} {refused.value.message}"


def test_warnings_say_what_may_be_read_in_two_ways() -> None:
    report = run_cases(read(EXAMPLES / "ocpi.yaml"))
    warned = {name for name, _ in report.warnings}
    assert warned == {"complex", "steps", "time and parking"}
