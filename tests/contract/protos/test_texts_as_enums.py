"""What tables keep as texts has a value in the contract's enum, and is found again by it."""

from typing import Any

import pytest

from csms.billing.v1.charging_session_pb2 import SessionNote
from csms.billing.v1.hold_pb2 import Hold
from csms.billing.v1.tariff_pb2 import PriceLine
from csms.monitoring.v1.monitoring_pb2 import Alert
from services.billing.domain import charging_session, following, settlement
from services.billing.domain.price_component import ComponentKind
from services.monitoring.domain.alert import AlertKind
from services.rpc.protobuf import number_of, text_of

REASONS = {
    *(charging_session.PENDING, charging_session.NO_TARIFF, charging_session.ESTIMATED_END),
    *(following.UNAUTHORIZED, following.CONCURRENT_TX, following.NO_START, following.MERGED, *following.DOUBTS),
    *(settlement.PAID, following.DECIDED, following.RUNNING),
}


NOTES = {
    following.TOLD_OTHERWISE,
    following.UNAUTHORIZED,
    following.CONCURRENT_TX,
    following.NO_START,
    following.MERGED,
}
NOTES |= {*following.DOUBTS, following.RUNNING}


@pytest.mark.parametrize(
    ("wrapper", "texts"),
    [
        (Alert.Kind, {str(kind) for kind in AlertKind}),
        (Hold.Reason, REASONS),
        (SessionNote.Kind, NOTES),
        (PriceLine.Kind, {str(kind).lower() for kind in ComponentKind} | {"discount", "min_price", "max_price"}),
    ],
    ids=["alerts", "holds", "notes", "lines"],
)
def test_every_text_is_a_value_and_every_value_a_text(wrapper: Any, texts: set[str]) -> None:
    assert {text_of(wrapper, number) for number in wrapper.values() if number} == texts
    assert all(text_of(wrapper, number_of(wrapper, text)) == text for text in texts)


def test_a_text_of_a_newer_release_is_unspecified_and_no_failure() -> None:
    assert number_of(Hold.Reason, "a reason of tomorrow") == Hold.REASON_UNSPECIFIED
    assert text_of(Hold.Reason, Hold.REASON_UNSPECIFIED) == ""
