"""Every message of OCPP is handled, with an effect that a test has seen, or named among those to come."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from ocpp_edge.effects import Effect
from ocpp_edge.rpc.errors import CallRefused, error_code
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from services.messaging.subjects import kinds
from stack import coverage_page
from stack.coverage_page import Direction, Message
from stack.descriptors import Contracts
from tests.unit.ocpp_edge.platform import Platform, context

_SERVICES = ("station", "driver", "billing", "monitoring", "transaction")
_TEST = "tests/test_x.py::test_y"
_EFFECT = Effect(rows=("device_events.status",))


@pytest.fixture(scope="module")
def found() -> Sequence[Message]:
    return coverage_page.messages()


@pytest.fixture(scope="module")
def to_come() -> Mapping[str, Sequence[str]]:
    return coverage_page.to_come()


def test_every_message_is_covered_or_named_as_missing(
    found: Sequence[Message], to_come: Mapping[str, Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = coverage_page.gaps(found, to_come)
    with capsys.disabled():
        print("\nmessages of OCPP that are to come:", *coverage_page.missing(found, to_come), sep="\n  ")
    assert not wrong, "\n".join(wrong)


def test_no_message_of_any_version_is_left_out(found: Sequence[Message]) -> None:
    names = {version: {one.action for one in found if one.version is version} for version in Version}
    assert {version: len(actions) for version, actions in names.items()} == {
        Version.V16: 28 + 11,  # with those of the security whitepaper
        Version.V201: 64,
        Version.V21: 91,
    }
    both = {one.action for one in found if sum(other[:3:2] == one[:3:2] for other in found) == 2}
    assert both == {"DataTransfer"}


def test_what_is_handled_is_what_its_side_begins(found: Sequence[Message]) -> None:
    """A handler of what only we ask, or a command that only charge points may send, is on neither side."""
    for version in Version:
        reported = {one.action for one in found if (one.version, one.direction) == (version, Direction.REPORTED)}
        assert coverage_page.effects_of_messages(version).keys() <= reported


def test_what_effects_name_exists(found: Sequence[Message]) -> None:
    tables = [importlib.import_module(f"services.{name}.tables").METADATA.tables for name in _SERVICES]
    columns = {f"{table.name}.{column.name}" for each in tables for table in each.values() for column in table.columns}
    calls = {f"{method.containing_service.full_name}/{method.name}" for method in Contracts.load().methods}
    for one in found:
        for effect in one.effects:
            assert effect is not None
            assert set(effect.rows) <= columns, one
            assert set(effect.events) <= set(kinds()), one
            assert set(effect.questions) <= calls, one


async def test_what_is_not_handled_is_refused_by_name(found: Sequence[Message]) -> None:
    unhandled = [one for one in found if not one.is_handled and one.direction is Direction.REPORTED]
    assert {one.refusal for one in unhandled} == {"NotSupported", "NotImplemented"}
    for one in unhandled:
        with pytest.raises(CallRefused) as refused:
            await SERVED[one.version].routes().dispatch(one.action, {}, context(one.version), Platform())
        assert error_code(one.version, refused.value.fault) == one.refusal
        assert one.action in refused.value.description


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ({"effects": (), "tests": ()}, "nobody handles it"),
        ({"effects": [None]}, "declares no effect"),
        ({"effects": [Effect()]}, "declares no effect"),
        ({"tests": ()}, "no test is marked"),
    ],
)
def test_a_gap_has_its_name(found: Sequence[Message], message: Mapping[str, Any], complaint: str) -> None:
    boot = next(one for one in found if one.action == "BootNotification")
    others = [one for one in found if one is not boot]
    whole = boot._replace(effects=[_EFFECT], tests=[_TEST])
    to_come = coverage_page.to_come()
    assert coverage_page.gaps([whole, *others], to_come) == []
    [wrong, *_] = coverage_page.gaps([whole._replace(**message), *others], to_come)
    assert "BootNotification of 1.6, from charge points" in wrong
    assert complaint in wrong


def test_what_is_to_come_and_is_there_has_to_go(found: Sequence[Message], to_come: Mapping[str, Sequence[str]]) -> None:
    [wrong] = coverage_page.gaps(found, {**to_come, "Again": ["Heartbeat"]})
    assert wrong == "docs/ocpp-to-come.toml: Heartbeat is handled"
