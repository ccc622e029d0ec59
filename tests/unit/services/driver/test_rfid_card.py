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
    is_token,
    token_key,
    validated,
)
from services.kernel.errors import DomainError
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
    assert decision.reason.endswith(".")
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


@pytest.mark.parametrize(
    ("shown", "key"), [("04ab", "04AB"), (" 04Ab\n", "04AB"), ("a b", "A B"), ("straße", "straße"), ("", "")]
)
def test_tokens_are_compared_without_regard_to_case(shown: str, key: str) -> None:
    assert token_key(shown) == key


@given(st.text(max_size=40))
def test_what_a_token_is_compared_by_stays_what_it_is(text: str) -> None:
    key = token_key(text)

    assert token_key(key) == key
    assert not is_token(key) or token_key(text.swapcase()) == key


@pytest.mark.parametrize("id_tag", ["", "x" * 37, "A\0B", "A\tB", "ÄÖ", "卡"])
def test_a_token_is_short_printable_ascii(id_tag: str) -> None:
    with pytest.raises(DomainError) as refused:
        validated(replace(CARD, id_tag=id_tag, group_id="x" * 37))

    assert fields_of(refused.value) == ["rfidCard.idTag", "rfidCard.groupId"]


def test_a_change_counts_the_revision_and_the_time() -> None:
    after = changed(CARD, {"status": RfidCardStatus.BLOCKED, "id_tag": CARD.id_tag}, "1", LATER)

    assert (after.status, after.revision, after.update_time) == (RfidCardStatus.BLOCKED, 2, LATER)


def test_a_card_keeps_its_token() -> None:
    with pytest.raises(DomainError) as refused:
        changed(CARD, {"id_tag": "OTHER"}, "", NOW)

    assert fields_of(refused.value) == ["rfidCard.idTag"]


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
