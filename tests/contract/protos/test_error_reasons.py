import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.errors import ErrorKind
from stack.descriptors import Contracts

CHECKOUT = Path(__file__).resolve().parents[3]
PREFIX = "ERROR_REASON_"
STATUSES = {kind.value for kind in ErrorKind} - {"CONFLICT"} | {"ABORTED"}
# Where the shortcuts of services/kernel/errors.py take their reason, and what they make of it.
REASON_ARGUMENT = {"DomainError": 1, "failed_precondition": 0, "conflict": 0}
NOUN_SUFFIX = {"not_found": "_NOT_FOUND", "already_exists": "_EXISTS"}


@pytest.fixture(scope="module")
def reasons(contracts: Contracts) -> dict[str, str]:
    """Every reason without its prefix, with its comment."""
    enum = contracts.enum("csms.error.v1.ErrorReason")
    names = [value.name for value in enum.values if value.number]
    return {name.removeprefix(PREFIX): contracts.comment(f"{enum.full_name}.{name}") for name in names}


def test_every_reason_tells_its_status_and_what_it_means(reasons: dict[str, str]) -> None:
    assert len(reasons) > 40
    for reason, comment in reasons.items():
        status, _, meaning = comment.partition(". ")
        assert status in STATUSES, f"{reason} begins with {status}"
        assert len(meaning.replace("\n", " ").split()) >= 3, reason


def test_every_reason_that_an_rpc_names_exists(contracts: Contracts, reasons: dict[str, str]) -> None:
    named = 0
    names = [service.full_name for service in contracts.services] + [rpc.full_name for rpc in contracts.methods]
    for name in names:
        text = contracts.comment(name)
        for sentence in re.findall(r"[Ff]ails?(?: as \w+ does)?,? with\b.*?(?:\.(?=\s|$)|$)", text, re.DOTALL):
            words = set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", re.sub(r"`[^`]*`", "", sentence)))
            named += len(words)
            assert words <= reasons.keys(), f"{name}: {words - reasons.keys()}"
    assert named > 40


def test_every_reason_that_the_code_gives_exists(reasons: dict[str, str]) -> None:
    given = {(reason, place) for path in _sources() for reason, place in _reasons_given(path)}
    assert given
    assert sorted(f"{reason} at {place}" for reason, place in given if reason not in reasons) == []


def _sources() -> Iterator[Path]:
    for folder in ("services", "ocpp_edge"):
        yield from sorted((CHECKOUT / folder).rglob("*.py"))


def _reasons_given(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        reason = _reason(name, node)
        if reason:
            yield reason, f"{path.relative_to(CHECKOUT)}:{node.lineno}"


def _reason(name: str, call: ast.Call) -> str | None:
    if name in REASON_ARGUMENT:
        return _literal(call.args[REASON_ARGUMENT[name] :][:1])
    if name in NOUN_SUFFIX:
        noun = _literal(call.args[:1])
        return noun.upper().replace(" ", "_") + NOUN_SUFFIX[name] if noun else None
    if name == "invalid":
        return _literal([*call.args[2:3], *(word.value for word in call.keywords if word.arg == "reason")][:1])
    return None


def _literal(arguments: list[ast.expr]) -> str | None:
    if arguments and isinstance(arguments[0], ast.Constant) and isinstance(arguments[0].value, str):
        return arguments[0].value
    return None
