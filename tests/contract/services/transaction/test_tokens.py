"""The tokens of transactions: kept with their types, and with why they may charge or not."""

from typing import Any

import pytest

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1 import journal_service_pb2 as journal_pb
from csms.transaction.v1 import journal_service_pb2_grpc as journal_grpc
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import new_id
from services.rpc.protobuf import timestamp
from tests.contract.services.transaction.conftest import Reader, Record
from tests.contract.services.transaction.reports import (
    ACCEPTED,
    ENDED,
    NOW,
    STARTED,
    UPDATED,
    event_201,
    minutes,
    start_16,
    stop_16,
)
from tests.fixtures.services import RunningService
from tests.fixtures.shorthand import flags_of

FREE = {"token_type": "NoAuthorization", "authorization": ACCEPTED, "authorization_reason": TokenDecision.FREE_VENDING}


@pytest.mark.field_case("B1")
@pytest.mark.parametrize("kind", ["Central", "KeyCode", "MacAddress", "eMAID", "Local", "ISO15693", "acme:badge"])
async def test_a_transaction_keeps_the_type_of_its_token(record: Record, transactions: Reader, kind: str) -> None:
    reported = event_201(STARTED, NOW, 0, id_tag="T", token_type=kind, authorization=ACCEPTED, driver_id="D")
    [answer] = await record(reported)
    transaction = await transactions.get(answer.transaction_id)
    assert (transaction.id_tag, transaction.token_type, transaction.driver_id) == ("T", kind, "D")
    # It is told of by the first good one, whoever ends it.
    await record(event_201(ENDED, minutes(5), 1, id_tag="X", token_type="KeyCode", authorization=ACCEPTED))
    transaction = await transactions.get(answer.transaction_id)
    assert (transaction.id_tag, transaction.token_type) == ("T", kind)


@pytest.mark.field_case("B1")
async def test_a_transaction_without_a_token_is_authorized_where_none_is_needed(
    record: Record, transactions: Reader
) -> None:
    [answer] = await record(event_201(STARTED, NOW, 0, meter_wh=0, **FREE))
    await record(event_201(ENDED, minutes(5), 1, meter_wh=10))
    transaction = await transactions.get(answer.transaction_id)
    assert (transaction.id_tag, transaction.token_type, transaction.driver_id) == ("", "NoAuthorization", "")
    assert (transaction.authorization, transaction.authorization_reason) == (ACCEPTED, TokenDecision.FREE_VENDING)
    assert flags_of(transaction) == []

    # Nobody is anywhere else at the same time.
    [other] = await record(event_201(STARTED, minutes(6), 0, ocpp_transaction_id="T-2", charge_point_id="CP2", **FREE))
    [here] = await record(event_201(STARTED, minutes(6), 0, ocpp_transaction_id="T-3", **FREE))
    assert (other.authorization, here.authorization) == (ACCEPTED, ACCEPTED)


@pytest.mark.field_case("B1")
async def test_a_token_that_comes_later_says_who_it_was(record: Record, transactions: Reader) -> None:
    [answer] = await record(event_201(STARTED, NOW, 0, trigger_reason="CablePluggedIn"))
    assert (await transactions.get(answer.transaction_id)).authorization == Transaction.AUTHORIZATION_UNSPECIFIED
    await record(event_201(UPDATED, minutes(1), 1, **FREE))
    assert (await transactions.get(answer.transaction_id)).authorization_reason == TokenDecision.FREE_VENDING


@pytest.mark.field_case("B10")
async def test_why_a_token_was_refused_is_kept_with_the_transaction(record: Record, transactions: Reader) -> None:
    reason = TokenDecision.CHARGE_POINT_PENDING
    pending: dict[str, Any] = {"authorization": Transaction.INVALID, "authorization_reason": reason}
    [answer] = await record(start_16(**pending))
    await record(stop_16(answer.ocpp_transaction_id, minutes(5)))
    transaction = await transactions.get(answer.transaction_id)
    assert (transaction.authorization, transaction.authorization_reason) == (
        Transaction.INVALID,
        TokenDecision.CHARGE_POINT_PENDING,
    )
    # The next one says something else, and each keeps its own.
    blocked: dict[str, Any] = {"authorization": Transaction.BLOCKED, "authorization_reason": TokenDecision.CARD_BLOCKED}
    [other] = await record(start_16(minutes(6), **blocked))
    assert (await transactions.get(other.transaction_id)).authorization_reason == TokenDecision.CARD_BLOCKED
    assert (await transactions.get(answer.transaction_id)).authorization_reason == TokenDecision.CHARGE_POINT_PENDING


@pytest.mark.field_case("B10", "B1")
async def test_a_token_in_use_elsewhere_is_said_to_be_and_only_the_same_token_is(
    record: Record, transactions: Reader
) -> None:
    valid = TokenDecision.CARD_VALID
    good: dict[str, Any] = {"authorization": ACCEPTED, "authorization_reason": valid, "id_tag": "1234"}
    await record(event_201(STARTED, NOW, 0, token_type="ISO14443", **good))
    there = {"charge_point_id": "CP2", "ocpp_transaction_id": "T-2"}
    [pin] = await record(event_201(STARTED, minutes(1), 0, token_type="KeyCode", **there, **good))
    assert (pin.authorization, pin.authorization_reason) == (ACCEPTED, TokenDecision.CARD_VALID)
    [tag] = await record(start_16(minutes(2), charge_point_id="CP3", **good))
    assert (tag.authorization, tag.authorization_reason) == (Transaction.CONCURRENT_TX, TokenDecision.TOKEN_IN_USE)
    assert (await transactions.get(tag.transaction_id)).authorization_reason == TokenDecision.TOKEN_IN_USE


async def test_a_reason_of_a_newer_contract_is_none_that_is_known(record: Record, transactions: Reader) -> None:
    [answer] = await record(start_16(authorization=ACCEPTED, authorization_reason=9999))
    assert (await transactions.get(answer.transaction_id)).authorization_reason == TokenDecision.REASON_UNSPECIFIED


@pytest.mark.field_case("B10")
async def test_the_journal_shows_with_the_answer_what_was_decided(service: RunningService) -> None:
    edge = journal_grpc.JournalServiceStub(await service.internal_channel("edge"))
    journal = journal_grpc.JournalServiceStub(await service.channel("viewer"))
    Frame = journal_pb.OcppMessage
    asked = Frame(
        id=new_id(),
        charge_point_id="CP1",
        direction=Frame.INBOUND,
        kind=Frame.CALL,
        action="Authorize",
        frame='[2,"1","Authorize",{"idTag":"CARD"}]',
        time=timestamp(NOW),
        answer_kind=Frame.CALL_RESULT,
        answer_frame='[3,"1",{"idTagInfo":{"status":"Invalid"}}]',
        note="CHARGE_POINT_PENDING: The charge point is not accepted yet.",
    )
    await edge.AppendMessages(journal_pb.AppendMessagesRequest(messages=[asked]))
    # A repetition of the batch is stored once, the other way.
    await edge.AppendMessages(journal_pb.AppendMessagesRequest(messages=[asked]))
    answer, call = (await journal.ListMessages(journal_pb.ListMessagesRequest(charge_point_id="CP1"))).messages
    assert (call.note, answer.note) == ("", asked.note)
