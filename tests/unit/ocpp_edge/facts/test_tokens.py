"""Tokens by their types: what the platform is asked and told about them, and what the charge point is."""

from typing import Any

import pytest

from csms.driver.v1.driver_pb2 import TokenDecision
from csms.transaction.v1.transaction_pb2 import Transaction
from ocpp_edge.facts.context import ChargePointState, ChargerContext
from ocpp_edge.rpc.errors import CallRefused
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.platform import NOW, Platform
from tests.unit.ocpp_edge.platform import context as context_of

TABLES = {Version.V16: v16.route_table(), Version.V201: v201.route_table()}
STAMP = "2026-03-01T11:59:30Z"
NOBODY = {"idToken": "", "type": "NoAuthorization"}
FREE = TokenDecision(status=TokenDecision.ACCEPTED, reason_code=TokenDecision.FREE_VENDING)
NOT_FREE = TokenDecision(status=TokenDecision.INVALID, reason_code=TokenDecision.FREE_VENDING_NOT_ALLOWED)
START = {"connectorId": 2, "idTag": "", "meterStart": 0, "timestamp": STAMP}


@pytest.fixture
def platform() -> Platform:
    return Platform()


def event(kind: str = "Started", **fields: Any) -> dict[str, Any]:
    said = {"eventType": kind, "timestamp": STAMP, "triggerReason": "Authorized", "seqNo": 0}
    return {**said, "transactionInfo": {"transactionId": "T1"}, "evse": {"id": 3, "connectorId": 1}, **fields}


async def ask(
    version: Version, action: str, payload: Any, platform: Platform, peer: ChargerContext | None = None
) -> Any:
    return await TABLES[version].dispatch(action, payload, peer or context_of(version), platform)


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(("decision", "status"), [(FREE, "Accepted"), (NOT_FREE, "Invalid")])
@pytest.mark.parametrize("kind", ["Started", "Updated", "Ended"])
@pytest.mark.parametrize(
    "token",
    [NOBODY, {"type": "NoAuthorization"}, {"idToken": None, "type": "noauthorization"}, {"idToken": "x", **NOBODY}],
)
async def test_who_presents_no_token_is_told_what_holds_there(
    platform: Platform, token: dict[str, Any], kind: str, decision: TokenDecision, status: str
) -> None:
    platform.types["NoAuthorization"] = decision

    answer = await ask(Version.V201, "TransactionEvent", event(kind, idToken=token), platform)

    assert answer == {"idTokenInfo": {"status": status}}
    (asked,) = platform.presentations
    assert (asked.token.value, asked.token.type, asked.evse.evse_id, asked.evse.connector_id) == (
        "",
        "NoAuthorization",
        3,
        1,
    )
    assert (platform.event.token.value, platform.event.token.type) == ("", "NoAuthorization")
    assert platform.event.authorization_reason == decision.reason_code


@pytest.mark.field_case("B1")
async def test_authorize_without_a_token_asks_about_the_charge_point(platform: Platform) -> None:
    platform.types["NoAuthorization"] = FREE
    assert await ask(Version.V201, "Authorize", {"idToken": NOBODY}, platform) == {
        "idTokenInfo": {"status": "Accepted"}
    }
    assert await ask(Version.V16, "Authorize", {"idTag": " "}, platform) == {"idTagInfo": {"status": "Accepted"}}
    places = {(one.evse.evse_id, one.evse.connector_id, one.token.type) for one in platform.presentations}
    assert places == {(0, 0, "NoAuthorization")}


@pytest.mark.field_case("B1")
@pytest.mark.parametrize("left_out", ["idTag", None])
async def test_a_start_by_ocpp_1_6_without_a_tag_is_one_without_a_token(
    platform: Platform, left_out: str | None
) -> None:
    platform.types["NoAuthorization"] = FREE
    payload = {name: value for name, value in START.items() if name != left_out}

    answer = await ask(Version.V16, "StartTransaction", payload, platform)

    assert answer == {"transactionId": 42, "idTagInfo": {"status": "Accepted"}}
    (asked,) = platform.presentations
    assert (asked.token.type, asked.evse.evse_id, asked.evse.connector_id) == ("NoAuthorization", 2, 2)
    assert platform.event.token.type == "NoAuthorization"
    assert platform.event.authorization == Transaction.ACCEPTED


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(
    ("reported", "kept"),
    [
        ("Central", "Central"),
        ("KeyCode", "KeyCode"),
        ("MacAddress", "MacAddress"),
        ("eMAID", "eMAID"),
        ("EMAID", "eMAID"),
        ("Local", "Local"),
        ("ISO15693", "ISO15693"),
        # OCPP 2.1, and vendors' own.
        ("EVCCID", "EVCCID"),
        ("acme:badge", "acme:badge"),
    ],
)
async def test_a_type_goes_from_the_frame_to_the_fact(platform: Platform, reported: str, kept: str) -> None:
    await ask(Version.V201, "TransactionEvent", event(idToken={"idToken": "card", "type": reported}), platform)
    assert {one.token.type for one in platform.presentations} == {kept}
    assert (platform.event.token.value, platform.event.token.type) == ("CARD", kept)


@pytest.mark.field_case("B1")
async def test_a_contract_is_kept_without_hyphens_and_asked_about_as_it_is_written(platform: Platform) -> None:
    contract = {"idToken": "de-8aa-c12345678-9", "type": "eMAID"}
    await ask(Version.V201, "TransactionEvent", event(idToken=contract), platform)
    assert platform.presented == ["DE-8AA-C12345678-9"]
    assert platform.event.token.value == "DE8AAC123456789"


@pytest.mark.field_case("B1")
async def test_a_tag_that_no_card_has_may_be_one_that_we_made_up(platform: Platform) -> None:
    ours = TokenDecision(status=TokenDecision.ACCEPTED, reason_code=TokenDecision.REMOTE_START)
    platform.types["Central"] = ours
    assert await ask(Version.V16, "Authorize", {"idTag": "made-up"}, platform) == {"idTagInfo": {"status": "Accepted"}}
    assert [(one.token.value, one.token.type) for one in platform.presentations] == [
        ("MADE-UP", ""),
        ("MADE-UP", "Central"),
    ]
    # One of a type that was told is just that.
    pin = {"idToken": {"idToken": "made-up", "type": "KeyCode"}}
    assert await ask(Version.V201, "Authorize", pin, platform) == {"idTokenInfo": {"status": "Invalid"}}


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(
    "token", ["NOBODY", "", ["CARD"], {}, {"type": 7}, {"idToken": ["x"]}, {"idToken": "", "type": ""}]
)
@pytest.mark.parametrize("kind", ["Started", "Updated", "Ended"])
async def test_whoever_presents_something_is_told_about_it(platform: Platform, token: Any, kind: str) -> None:
    answer = await ask(Version.V201, "TransactionEvent", event(kind, idToken=token), platform)
    assert answer == {"idTokenInfo": {"status": "Invalid"}}


@pytest.mark.field_case("A2", "B1")
@pytest.mark.parametrize("kind", ["Started", "Updated", "Ended"])
async def test_a_token_written_as_in_ocpp_1_6_is_that_card(platform: Platform, kind: str) -> None:
    answer = await ask(Version.V201, "TransactionEvent", event(kind, idToken="CARD"), platform)
    assert answer == {"idTokenInfo": {"status": "Accepted"}}
    assert platform.event.token.value == "CARD"


async def test_whoever_presents_nothing_is_told_nothing(platform: Platform) -> None:
    assert await ask(Version.V201, "TransactionEvent", event(), platform) == {}
    assert platform.presented == []
    assert (platform.event.token.type, platform.event.authorization) == ("", Transaction.AUTHORIZATION_UNSPECIFIED)


HASH = {
    "hashAlgorithm": "SHA256",
    "issuerNameHash": "ab",
    "issuerKeyHash": "cd",
    "serialNumber": "1",
    "responderURL": "http://ocsp.example",
}


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(
    "certificate",
    [
        {"iso15118CertificateHashData": [HASH]},
        {"certificate": "-----BEGIN CERTIFICATE-----"},
        # What cannot be read is no reason to look away.
        {"iso15118CertificateHashData": [{"hashAlgorithm": "SHA256"}]},
        {"iso15118CertificateHashData": "ab"},
        {"certificate": {"pem": 1}},
    ],
)
async def test_a_contract_whose_certificate_nobody_has_looked_at_does_not_charge(
    platform: Platform, certificate: dict[str, Any]
) -> None:
    peer = context_of(Version.V201)
    contract = {"idToken": {"idToken": "card", "type": "eMAID"}, **certificate}
    answer = await ask(Version.V201, "Authorize", contract, platform, peer)
    assert answer == {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "NoCertificateAvailable"}
    assert peer.note.startswith("CERTIFICATE_NOT_VERIFIED: ")


async def test_a_blocked_contract_stays_blocked_whatever_its_certificate(platform: Platform) -> None:
    contract = {"idToken": {"idToken": "lost", "type": "eMAID"}, "iso15118CertificateHashData": [HASH]}
    answer = await ask(Version.V201, "Authorize", contract, platform)
    assert answer == {"idTokenInfo": {"status": "Blocked"}, "certificateStatus": "NoCertificateAvailable"}


@pytest.mark.field_case("B10")
@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        (ChargePointState.PENDING, TokenDecision.CHARGE_POINT_PENDING, "The charge point is not accepted yet."),
        (ChargePointState.REJECTED, TokenDecision.CHARGE_POINT_REJECTED, "The charge point was rejected."),
    ],
)
async def test_a_good_card_at_a_charge_point_that_is_not_taken_in_is_refused_with_the_reason(
    platform: Platform, state: ChargePointState, reason: TokenDecision.Reason.ValueType, says: str
) -> None:
    peer = context_of(Version.V16, state)
    assert await ask(Version.V16, "Authorize", {"idTag": "card"}, platform, peer) == {
        "idTagInfo": {"status": "Invalid"}
    }
    assert peer.note == f"{TokenDecision.Reason.Name(reason)}: {says}"
    await ask(Version.V16, "StartTransaction", START | {"idTag": "card"}, platform, peer)
    assert (platform.event.authorization, platform.event.authorization_reason) == (Transaction.INVALID, reason)
    card = {"idToken": {"idToken": "card", "type": "ISO14443"}}
    with pytest.raises(CallRefused, match=state.lower()):
        await ask(Version.V201, "Authorize", card, platform, context_of(Version.V201, state))


@pytest.mark.field_case("B10")
async def test_every_other_reason_is_noted_and_that_of_a_good_card_is_not(platform: Platform) -> None:
    peer = context_of()
    await ask(Version.V16, "Authorize", {"idTag": "card"}, platform, peer)
    assert peer.note == ""
    await ask(Version.V16, "Authorize", {"idTag": "lost"}, platform, peer)
    assert peer.note == "CARD_BLOCKED: The card is blocked."
    await ask(Version.V16, "Authorize", {"idTag": "who"}, platform, peer)
    assert peer.note == "UNKNOWN_TOKEN: The token is unknown."
    platform.concurrent = True
    await ask(Version.V16, "StartTransaction", START | {"idTag": "card"}, platform, peer)
    assert peer.note == "TOKEN_IN_USE: The token is in use in another session."


async def test_what_holds_at_a_place_is_asked_with_the_time_of_the_device(platform: Platform) -> None:
    platform.types["NoAuthorization"] = FREE
    await ask(Version.V201, "TransactionEvent", event(idToken=NOBODY), platform)
    (asked,) = platform.presentations
    assert asked.time.ToJsonString() == STAMP
    await ask(Version.V201, "Authorize", {"idToken": NOBODY}, platform)
    assert platform.presentations[-1].time.ToDatetime(tzinfo=NOW.tzinfo) == NOW
