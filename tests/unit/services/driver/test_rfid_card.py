"""services.driver.domain.rfid_card"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.driver.domain.driver import DriverStatus
from services.driver.domain.rfid_card import (
    RfidCardStatus,
    TokenStatus,
    changed,
    decide,
    match,
    spellings,
    validated,
)
from services.kernel.errors import DomainError
from services.kernel.token_reasons import TokenReason
from services.kernel.tokens import token_of
from tests.unit.services.driver.samples import CARD, DRIVER, NOW, fields_of

LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("card", "driver", "status"),
    [
        ({}, {}, TokenStatus.ACCEPTED),
        ({"expiry_time": LATER}, {}, TokenStatus.ACCEPTED),
        ({"expiry_time": NOW}, {}, TokenStatus.EXPIRED),
        ({"expiry_time": NOW - timedelta(seconds=1)}, {}, TokenStatus.EXPIRED),
        ({"status": RfidCardStatus.BLOCKED}, {}, TokenStatus.BLOCKED),
        ({"status": RfidCardStatus.LOST}, {}, TokenStatus.BLOCKED),
        ({}, {"status": DriverStatus.SUSPENDED}, TokenStatus.BLOCKED),
        ({}, {"status": DriverStatus.CLOSED}, TokenStatus.INVALID),
        ({"status": RfidCardStatus.BLOCKED}, {"status": DriverStatus.CLOSED}, TokenStatus.BLOCKED),
        ({"expiry_time": NOW}, {"status": DriverStatus.SUSPENDED}, TokenStatus.BLOCKED),
        ({"driver_id": None}, None, TokenStatus.INVALID),
        ({"driver_id": None, "status": RfidCardStatus.LOST}, None, TokenStatus.BLOCKED),
        (None, None, TokenStatus.INVALID),
    ],
)
def test_what_is_decided_about_a_token(
    card: dict[str, Any] | None, driver: dict[str, Any] | None, status: TokenStatus
) -> None:
    shown = None if card is None else replace(CARD, group_id="FLEET", **card)
    holder = None if driver is None else replace(DRIVER, **driver)

    decision = decide(shown, holder, NOW)

    assert decision.status is status
    assert (decision.reason_code is TokenReason.CARD_VALID) == (status is TokenStatus.ACCEPTED)
    known = ("", "", None) if shown is None else (shown.driver_id or "", "FLEET", shown.expiry_time)
    assert (decision.driver_id, decision.group_id, decision.expiry_time) == known


@given(
    st.sampled_from(RfidCardStatus),
    st.none() | st.sampled_from(DriverStatus),
    st.none() | st.integers(min_value=-5, max_value=5),
)
def test_only_an_active_card_of_an_active_driver_before_its_expiry_is_accepted(
    card_status: RfidCardStatus, driver_status: DriverStatus | None, seconds_left: int | None
) -> None:
    expiry_time = None if seconds_left is None else NOW + timedelta(seconds=seconds_left)
    driver = None if driver_status is None else replace(DRIVER, status=driver_status)

    decision = decide(replace(CARD, status=card_status, expiry_time=expiry_time), driver, NOW)

    is_good = card_status is RfidCardStatus.ACTIVE and driver_status is DriverStatus.ACTIVE
    is_valid_still = seconds_left is None or seconds_left > 0
    assert (decision.status is TokenStatus.ACCEPTED) == (is_good and is_valid_still)


@pytest.mark.field_case("B1")
@pytest.mark.parametrize(
    ("presented", "kind", "types", "found"),
    [
        ("1234", "ISO14443", ["", "ISO14443", "KeyCode"], "ISO14443"),
        ("1234", "KeyCode", ["", "ISO14443"], ""),
        ("1234", "KeyCode", ["ISO14443"], None),
        ("1234", "", ["KeyCode", "ISO14443", ""], ""),
        ("1234", "", ["KeyCode", "ISO15693", "ISO14443"], "ISO14443"),
        ("1234", "", ["KeyCode", "Central"], "Central"),
        ("1234", "vendor:own", ["vendor:own"], "vendor:own"),
        ("1234", "eMAID", [], None),
    ],
)
def test_a_token_finds_the_card_of_its_type_or_one_of_any(
    presented: str, kind: str, types: list[str], found: str | None
) -> None:
    cards = [replace(CARD, id_tag="1234", token_type=of) for of in types]

    card = match(token_of(presented, kind), cards)

    assert (card.token_type if card else None) == found


@pytest.mark.field_case("B1")
def test_a_contract_is_found_as_it_is_compared_and_as_it_is_written() -> None:
    assert set(spellings(token_of("de-8aa-1", "eMAID"), "de-8aa-1")) == {"DE8AA1", "DE-8AA-1"}
    assert spellings(token_of("card"), "card") == ["CARD"]
    assert spellings(token_of("x" * 256), "x" * 256) == []


@pytest.mark.parametrize("id_tag", ["", "x" * 256, "A\0B", "A\tB", "ÄÖ", "卡"])
def test_a_token_is_short_printable_ascii(id_tag: str) -> None:
    with pytest.raises(DomainError) as refused:
        validated(replace(CARD, id_tag=id_tag, group_id="x" * 256))

    assert fields_of(refused.value) == ["rfidCard.idTag", "rfidCard.groupId"]


def test_a_change_counts_the_revision_and_the_time() -> None:
    after = changed(CARD, {"status": RfidCardStatus.BLOCKED, "id_tag": CARD.id_tag}, "1", LATER)

    assert (after.status, after.revision, after.update_time) == (RfidCardStatus.BLOCKED, 2, LATER)


def test_a_card_keeps_its_token() -> None:
    with pytest.raises(DomainError) as refused:
        changed(CARD, {"id_tag": "OTHER"}, "", NOW)

    assert fields_of(refused.value) == ["rfidCard.idTag"]


@pytest.mark.field_case("B1")
def test_a_card_keeps_its_type_and_is_never_that_of_no_token() -> None:
    with pytest.raises(DomainError) as refused:
        changed(CARD, {"token_type": "KeyCode"}, "", NOW)
    assert fields_of(refused.value) == ["rfidCard.tokenType"]

    for wrong in ("NoAuthorization", "x" * 21):
        with pytest.raises(DomainError) as refused:
            validated(replace(CARD, token_type=wrong))
        assert fields_of(refused.value) == ["rfidCard.tokenType"]


def test_a_lost_card_stays_lost_and_can_be_changed_otherwise() -> None:
    lost = replace(CARD, status=RfidCardStatus.LOST)

    with pytest.raises(DomainError) as refused:
        changed(lost, {"status": RfidCardStatus.ACTIVE}, "", NOW)

    assert fields_of(refused.value) == ["rfidCard.status"]
    assert changed(lost, {"status": RfidCardStatus.LOST, "driver_id": None}, "", NOW).driver_id is None


def test_a_change_of_what_somebody_else_changed_is_refused() -> None:
    with pytest.raises(DomainError) as refused:
        changed(CARD, {"group_id": "FLEET"}, "2", NOW)

    assert refused.value.reason == "ETAG_MISMATCH"
