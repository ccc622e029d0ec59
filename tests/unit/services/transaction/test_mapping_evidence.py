from datetime import UTC, datetime

import pytest

from csms.event.v1.domain_event_pb2 import DomainEvent
from services.transaction.mapping.evidence import boot_to_ask_after

BOOTED = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.mark.parametrize(("protocol", "is_asked"), [("ocpp1.6", False), ("ocpp2.0.1", True), ("ocpp2.1", True)])
def test_who_has_booted_is_asked_after_transactions_in_a_version_that_has_words_for_it(
    protocol: str, is_asked: bool
) -> None:
    event = DomainEvent()
    event.charge_point_booted.charge_point.id = "CP1"
    event.charge_point_booted.charge_point.protocol = protocol
    event.charge_point_booted.charge_point.boot_time.FromDatetime(BOOTED)
    assert boot_to_ask_after(event) == (("CP1", BOOTED) if is_asked else None)


def test_what_is_no_boot_asks_for_nothing() -> None:
    event = DomainEvent()
    event.connectivity_changed.charge_point_id = "CP1"
    assert boot_to_ask_after(event) is None
