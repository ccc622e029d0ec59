"""services.kernel.quirks"""

import ast
import re
from itertools import chain
from pathlib import Path

import pytest

from services.kernel import quirks
from services.kernel.quirks import GROUPS, QUIRKS, Needed, Quirk, Scope, of_flag

ROOT = Path(__file__).parents[3]
REGISTRY = ROOT / "services" / "kernel" / "quirks"
SOURCES = [
    path.read_text(encoding="utf-8")
    for path in chain((ROOT / "ocpp_edge").rglob("*.py"), (ROOT / "services").rglob("*.py"))
    if REGISTRY not in path.parents and not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))
]
VERSIONS = {"1.6", "2.0.1", "2.1"}


def constants() -> dict[str, Quirk]:
    """Every quirk by the name of its constant."""
    modules = [getattr(quirks, path.stem) for path in REGISTRY.glob("*.py") if path.stem not in ("__init__", "quirk")]
    return {name: value for module in modules for name, value in vars(module).items() if isinstance(value, Quirk)}


def test_each_rule_has_an_id_of_its_own() -> None:
    assert len(QUIRKS) == sum(map(len, GROUPS.values())) == len(constants()) > 40
    for quirk in QUIRKS.values():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", quirk.id)
        assert quirk.forgives.endswith(".")
        assert quirk.clause
        assert set(quirk.versions) <= VERSIONS


def test_a_rule_is_needed_or_says_what_happens_without_it() -> None:
    for quirk in QUIRKS.values():
        assert (quirk.needed is None) == bool(quirk.otherwise), quirk.id


@pytest.mark.parametrize("name", constants())
def test_every_rule_is_referred_to_where_it_is_forgiven(name: str) -> None:
    assert any(re.search(rf"\b{name}\b", source) for source in SOURCES), f"nobody forgives {name}"


def test_no_flag_of_the_edge_is_made_without_a_rule() -> None:
    """Flags are named after their words, so one that is written out is a constant like CLOCK_CORRECTED."""
    written = {
        target.id
        for path in (ROOT / "ocpp_edge").rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.lower() == node.value.value and "_" in target.id
    }
    assert written == set()


@pytest.mark.parametrize("flag", ["coerced:meterStart", "dropped:meterValue.timestamp", "clock_corrected"])
def test_a_flag_leads_to_its_rules(flag: str) -> None:
    assert of_flag(flag)
    assert all(flag.startswith(quirk.flag) for quirk in of_flag(flag))


@pytest.mark.parametrize("flag", ["", "coerced", "clock_corrected:now", "energy_missing"])
def test_other_flags_lead_nowhere(flag: str) -> None:
    assert of_flag(flag) == []


@pytest.mark.parametrize(
    ("scope", "reported", "covered"),
    [
        (Scope(), ("", "", ""), True),
        (Scope(vendor="acme*"), ("ACME Ltd", "X", "1"), True),
        (Scope(vendor="acme*"), ("", "X", "1"), False),
        (Scope(vendor="acme", model="x?"), ("Acme", "X2", ""), True),
        (Scope(vendor="acme", firmware="1.*"), ("acme", "X2", "2.0"), False),
    ],
)
def test_a_scope_covers_what_its_patterns_match(scope: Scope, reported: tuple[str, str, str], covered: bool) -> None:
    assert scope.covers(*reported) is covered


def test_what_is_needed_covers_everybody() -> None:
    quirk = Quirk(id="a", forgives="A.", clause="b", scope=(), needed=Needed.DATA_LOST)
    assert quirk.covers("", "", "")
