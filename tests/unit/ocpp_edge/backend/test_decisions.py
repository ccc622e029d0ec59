"""Decisions that are kept: for a while, while changes are heard of, and never against a change."""

from datetime import timedelta

import pytest

from csms.driver.v1.driver_pb2 import TokenDecision
from ocpp_edge.backend.decisions import KEPT_SECONDS, Decisions
from services.kernel.clock import FixedClock
from services.rpc.protobuf import timestamp
from tests.unit.ocpp_edge.harness import NOW, ManualTime

CARD, OTHER = ("CARD", ""), ("CARD", "KeyCode")
GOOD = TokenDecision(status=TokenDecision.ACCEPTED, driver_id="driver")


class Ears:
    """Hears every change in stretch 1."""

    def __init__(self) -> None:
        self.stretch = 1

    def __call__(self) -> int:
        return self.stretch


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
def time() -> ManualTime:
    return ManualTime()


@pytest.fixture
def decisions(ears: Ears, time: ManualTime) -> Decisions:
    return Decisions(ears, time, FixedClock(NOW))


def decide(decisions: Decisions, decision: TokenDecision = GOOD) -> None:
    decisions.keep(CARD, decision, decisions.asking())


def test_a_good_token_is_decided_about_once_in_a_while(decisions: Decisions, time: ManualTime) -> None:
    assert decisions.find(CARD) is None
    decide(decisions)
    assert decisions.find(CARD) == GOOD
    assert decisions.find(OTHER) is None
    time.now += KEPT_SECONDS
    assert decisions.find(CARD) is None


def test_a_change_of_the_token_is_heeded_at_once(decisions: Decisions) -> None:
    decide(decisions)
    decisions.forget("CARD")
    assert decisions.find(CARD) is None


def test_a_decision_that_was_under_way_when_a_token_changed_is_not_kept(decisions: Decisions) -> None:
    asked = decisions.asking()
    decisions.forget("CARD")
    decisions.keep(CARD, GOOD, asked)
    assert decisions.find(CARD) is None


@pytest.mark.parametrize("status", [TokenDecision.BLOCKED, TokenDecision.INVALID, TokenDecision.EXPIRED])
def test_refusals_are_asked_for_each_time(decisions: Decisions, status: TokenDecision.Status.ValueType) -> None:
    decide(decisions, TokenDecision(status=status))
    assert decisions.find(CARD) is None


@pytest.mark.parametrize(("seconds", "is_kept"), [(KEPT_SECONDS, False), (KEPT_SECONDS + 1, True)])
def test_a_token_about_to_expire_is_not_kept(decisions: Decisions, seconds: float, is_kept: bool) -> None:
    expiry = timestamp(NOW + timedelta(seconds=seconds))
    decide(decisions, TokenDecision(status=TokenDecision.ACCEPTED, expiry_time=expiry))
    assert (decisions.find(CARD) is not None) == is_kept


def test_nothing_is_kept_while_changes_are_not_heard_of(decisions: Decisions, ears: Ears) -> None:
    ears.stretch = 0
    decide(decisions)
    assert decisions.find(CARD) is None


def test_what_was_decided_before_a_gap_in_the_hearing_is_forgotten(decisions: Decisions, ears: Ears) -> None:
    decide(decisions)
    asked = decisions.asking()
    ears.stretch = 2
    assert decisions.find(CARD) is None
    decisions.keep(CARD, GOOD, asked)
    assert decisions.find(CARD) is None


@pytest.mark.field_case("B1")
@pytest.mark.parametrize("changed", ["DE-8AA-1", "DE8AA1"])
def test_a_change_is_heeded_however_the_token_is_written(decisions: Decisions, changed: str) -> None:
    contract = ("DE8AA1", "eMAID")
    decisions.keep(contract, GOOD, decisions.asking())
    assert decisions.find(contract) == GOOD
    decisions.forget(changed)
    assert decisions.find(contract) is None
