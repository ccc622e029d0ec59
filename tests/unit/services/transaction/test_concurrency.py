"""Tokens that charge in two places: what the operator's policy says of the second, and what keeps a token in use."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.transaction.domain.batch import keyed, needs_of
from services.transaction.domain.concurrency import CONCURRENT_TX_ALLOWED, Concurrency, Policy, rivals
from services.transaction.domain.fact import Authorization
from services.transaction.domain.folding import fold
from services.transaction.domain.reading import LastRead
from services.transaction.domain.recording import Answer, Recording
from services.transaction.domain.transaction import CONCURRENT_TX, Transaction
from tests.unit.services.transaction.facts import T0, ended, minutes, placed, started, updated

pytestmark = pytest.mark.field_case("A14")

CARD, SAME_GROUP = {"id_tag": "TAG"}, {"id_tag": "OTHER", "group_id": "FLEET"}
HOURS = timedelta(hours=1)


def running(**fields: Any) -> Transaction:
    """A transaction that began elsewhere, with a card of the fleet."""
    usual = {"charge_point_id": "CP9", "ocpp_transaction_id": "T-9", "group_id": "FLEET", **fields}
    return fold([placed(started(**usual), transaction_id="other")])


def record(
    other: Transaction, rules: Concurrency, at: datetime, heard: datetime | None = None, **fields: Any
) -> tuple[Answer, Transaction]:
    """The answer to a start at `at` beside the other transaction, and the transaction that it begins."""
    read = {} if heard is None else {"other": LastRead(heard, heard)}
    recording = Recording([other], iter(()), T0, rules=rules, read=read)
    answer = recording.record(keyed(started(at, **fields)))
    [transaction] = recording.outcome({}).transactions
    return answer, transaction


@pytest.mark.parametrize(
    ("per_card", "per_group", "token", "authorization", "flags"),
    [
        (Policy.OFF, Policy.OFF, CARD, Authorization.ACCEPTED, ()),
        (Policy.WARN, Policy.OFF, CARD, Authorization.ACCEPTED, (CONCURRENT_TX_ALLOWED,)),
        (Policy.REFUSE, Policy.OFF, CARD, Authorization.CONCURRENT_TX, (CONCURRENT_TX,)),
        (Policy.REFUSE, Policy.OFF, SAME_GROUP, Authorization.ACCEPTED, ()),
        (Policy.REFUSE, Policy.WARN, SAME_GROUP, Authorization.ACCEPTED, (CONCURRENT_TX_ALLOWED,)),
        (Policy.OFF, Policy.REFUSE, SAME_GROUP, Authorization.CONCURRENT_TX, (CONCURRENT_TX,)),
        (Policy.WARN, Policy.REFUSE, CARD | {"group_id": "FLEET"}, Authorization.ACCEPTED, (CONCURRENT_TX_ALLOWED,)),
        (Policy.REFUSE, Policy.REFUSE, {"id_tag": "OTHER", "group_id": ""}, Authorization.ACCEPTED, ()),
        (Policy.REFUSE, Policy.REFUSE, {"id_tag": "OTHER", "group_id": "ELSE"}, Authorization.ACCEPTED, ()),
    ],
)
def test_the_policy_decides_about_a_token_in_use(
    per_card: Policy, per_group: Policy, token: dict[str, Any], authorization: Authorization, flags: tuple[str, ...]
) -> None:
    answer, transaction = record(running(), Concurrency(per_card, per_group), minutes(5), **token)
    assert (answer.authorization, transaction.authorization, transaction.flags) == (authorization, authorization, flags)


def test_a_card_of_one_tenant_is_not_in_use_by_a_card_of_another() -> None:
    rules = Concurrency(Policy.REFUSE, Policy.REFUSE)
    token: dict[str, Any] = CARD | {"group_id": "FLEET"}
    answers = [
        record(running(tenant_id="north"), rules, minutes(5), tenant_id=own, **token) for own in ("south", "north")
    ]

    assert [answer.authorization for answer, _ in answers] == [Authorization.ACCEPTED, Authorization.CONCURRENT_TX]
    start = keyed(started(minutes(5), tenant_id="south", **token))
    assert rivals([start], [running(tenant_id="north")], rules) == []


@pytest.mark.parametrize(
    ("heard", "authorization"),
    [
        (None, Authorization.ACCEPTED),
        (T0 + HOURS, Authorization.ACCEPTED),
        (T0 + HOURS + timedelta(minutes=1), Authorization.CONCURRENT_TX),
    ],
)
@pytest.mark.field_case("A6")
def test_a_transaction_of_which_nothing_is_heard_keeps_no_card_in_use(
    heard: datetime | None, authorization: Authorization
) -> None:
    answer, _ = record(running(), Concurrency(), T0 + 3 * HOURS + timedelta(minutes=1), heard)
    assert answer.authorization is authorization


def test_told_again_a_start_that_was_warned_of_is_the_same() -> None:
    start = keyed(started(minutes(5)))
    recording = Recording([running()], iter(()), T0, rules=Concurrency(Policy.WARN))
    first, again = recording.record(start), recording.record(start)
    [transaction] = recording.outcome({}).transactions
    assert (first, transaction.flags) == (again, (CONCURRENT_TX_ALLOWED,))


def test_only_what_the_policy_looks_at_is_locked_and_looked_up() -> None:
    batch = [keyed(started(minutes(5), group_id="FLEET")), keyed(ended(minutes(6), id_tag="END"))]
    for per_card in Policy:
        for per_group in Policy:
            needs = needs_of(batch, Concurrency(per_card, per_group))
            assert needs.tokens == (set() if per_card is Policy.OFF else {"TAG"})
            assert needs.groups == (set() if per_group is Policy.OFF else {"FLEET"})


def test_rivals_are_other_transactions_that_run_with_the_same_token() -> None:
    stored = [running(), running(id_tag="OTHER")]
    stored[1].id = "same group"
    start = started(minutes(5), group_id="FLEET")
    mine = fold([placed(start, transaction_id="mine")])
    over = fold([placed(started(), transaction_id="over"), placed(ended(minutes(1)), transaction_id="over")])
    batch = [keyed(start), keyed(updated(minutes(6)))]
    assert rivals(batch, [*stored, over], Concurrency()) == ["other"]
    assert rivals(batch, [*stored, over], Concurrency(Policy.OFF, Policy.WARN)) == ["other", "same group"]
    assert rivals(batch, [*stored, over], Concurrency(Policy.OFF)) == []
    mine.start_key = batch[0].key
    assert rivals(batch, [mine], Concurrency()) == []
