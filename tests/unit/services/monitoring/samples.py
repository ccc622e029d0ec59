"""What the tests of the monitoring rules are about, sound in all that a test does not say."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.monitoring.domain.transaction import Authorization, Transaction, TransactionState

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


def a_transaction(**fields: Any) -> Transaction:
    """A transaction that started ten minutes before NOW."""
    usual: dict[str, Any] = {
        "id": "0190a0c8-0000-7000-8000-000000000001",
        "ocpp_transaction_id": "42",
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "station_id": "0190a0c8-0000-7000-8000-00000000000a",
        "driver_id": None,
        "state": TransactionState.ACTIVE,
        "authorization": Authorization.ACCEPTED,
        "start_time": NOW - timedelta(minutes=10),
        "stop_time": None,
        "meter_start_wh": 1_000,
        "energy_wh": 0,
        "power_w": None,
        "power_time": NOW,
        "revision": 1,
        "update_time": NOW,
    }
    return Transaction(**{**usual, **fields})
