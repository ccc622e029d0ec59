"""Request ids that were stored before their callers and requests were: what the migrations make of them."""

from collections.abc import Mapping

import psycopg
import pytest

from services.postgres import migrations
from tests.fixtures.postgres import FreshDatabase

pytestmark = pytest.mark.field_case("C2")

_AS_BEFORE = (
    "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey",
    "ALTER TABLE idempotency_keys DROP COLUMN caller, DROP COLUMN digest",
    "ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, request_id)",
)
_COMMAND = "01900000-0000-7000-8000-00000000000"
_RPCS = "/csms.transaction.v1.CommandService/"
_KINDS = {
    "remote_start": "RemoteStart",
    "remote_stop": "RemoteStop",
    "reset": "ResetChargePoint",
    "unlock": "UnlockConnector",
    "change_availability": "ChangeAvailability",
    "get_configuration": "GetConfiguration",
    "change_configuration": "ChangeConfiguration",
    "trigger_message": "TriggerMessage",
    "clear_cache": "ClearCache",
    "transfer_data": "SendDataTransfer",
}


def _upgraded(url: str, service: str, before: str, keys: Mapping[tuple[str, str], str]) -> set[tuple[str, ...]]:
    """What is left of `keys`, scope and request id to resource, once the migration behind `before` has run."""
    with psycopg.connect(url) as connection:
        for statement in _AS_BEFORE:
            connection.execute(statement)
        for (scope, request_id), resource_id in keys.items():
            connection.execute(
                "INSERT INTO idempotency_keys (scope, request_id, resource_id) VALUES (%s, %s, %s)",
                (scope, request_id, resource_id),
            )
        connection.execute("UPDATE alembic_version SET version_num = %s", (before,))
    migrations.upgrade(url, service, f"{int(before) + 1:04d}")
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT scope, caller, request_id, resource_id FROM idempotency_keys")
        return {tuple(map(str, row)) for row in rows}


@pytest.mark.parametrize(
    ("service", "before", "scopes"),
    [
        ("station", "0004", {"stations": "/csms.station.v1.StationService/CreateStation"}),
        (
            "driver",
            "0006",
            {
                "drivers": "/csms.driver.v1.DriverService/CreateDriver",
                "rfid_cards": "/csms.driver.v1.RfidCardService/CreateRfidCard",
            },
        ),
        (
            "billing",
            "0004",
            {
                "sessions": "/csms.billing.v1.BillingService/CreateChargingSession",
                "tariffs": "/csms.billing.v1.TariffService/CreateTariff",
                "payments": "/csms.billing.v1.PaymentService/CreatePayment",
            },
        ),
        ("monitoring", "0004", {}),
    ],
)
def test_keys_go_on_under_the_name_of_their_call(
    service: str, before: str, scopes: dict[str, str], fresh_database: FreshDatabase
) -> None:
    keys = {(scope, "r1"): f"made by {scope}" for scope in (*scopes, "charge_points/CP1", "payment_methods/d1")}
    left = _upgraded(fresh_database(service), service, before, keys)
    assert left == {(rpc, "", "r1", f"made by {scope}") for scope, rpc in scopes.items()}


def test_commands_are_not_carried_out_twice_for_who_has_sent_them(fresh_database: FreshDatabase) -> None:
    url = fresh_database("transaction")
    with psycopg.connect(url) as connection:
        for number, kind in enumerate(_KINDS):
            connection.execute(
                "INSERT INTO commands (id, charge_point_id, kind, body, state, status, error, transaction_id,"
                " requested_by, create_time, update_time, expire_time)"
                " VALUES (%s, 'CP1', %s, '{}', 'SENT', '', '', '', 'ann', now(), now(), now())",
                (f"{_COMMAND}{number}", kind),
            )
    keys = {("commands/ann", f"r{number}"): f"{_COMMAND}{number}" for number in range(len(_KINDS))}
    left = _upgraded(url, "transaction", "0008", {**keys, ("commands/bob", "r1"): f"{_COMMAND}a"})
    assert left == {
        (_RPCS + rpc, "ann", f"r{number}", f"{_COMMAND}{number}") for number, rpc in enumerate(_KINDS.values())
    }
