"""The auditor can fail: damage of every kind, planted in the real tables of the services, is found and named."""

from collections import Counter
from typing import NamedTuple

import pytest

from chaos import stored
from chaos.audit import doubled, lost
from tests.contract.chaos.world import LEFT, PAID, UNPAID, World
from tests.fixtures.postgres import FreshDatabase


class Damage(NamedTuple):
    """What is done in whose database, and the claims that do not hold then."""

    service: str
    statements: tuple[str, ...]
    broken: set[str]


_BOTH_USAGES = {
    "the driver service counts each ended session once",
    "the monitoring service counts each ended session once",
}
_COPY_SESSION = (
    "INSERT INTO charging_sessions SELECT gen_random_uuid(), transaction_id, station_id, charge_point_id, connector_id,"
    " driver_id, id_tag, state, start_time, end_time, energy_wh, idle_minutes, cost_minor, currency_code, tariff_id,"
    " tariff_version, invoice_id, hold_reason, revision, create_time, update_time FROM charging_sessions"
    " WHERE state = 'COMPLETED'"
)
_COPY_INVOICE = (
    "INSERT INTO invoices SELECT gen_random_uuid(), '2026-000002', driver_id, charging_session_id, state, issue_time,"
    " currency_code, total_minor, tax_minor, paid_minor, lines FROM invoices"
)
_COPY_STOP = (
    "INSERT INTO transaction_events SELECT transaction_id, device_time, gen_random_uuid(), ocpp_transaction_id,"
    ' charge_point_id, epoch, kind, protocol, evse_id, connector_id, id_tag, "authorization", driver_id, station_id,'
    " received_time, corrected_time, seq_no, offline, trigger_reason, charging_state, stop_reason, meter_wh,"
    " remote_start_id, reservation_id, flags, estimated FROM transaction_events WHERE kind = 'ENDED' LIMIT 1"
)
_STRAY_READING = "UPDATE meter_values SET transaction_id = gen_random_uuid() WHERE charge_point_id = 'CP16'"

_ORPHAN = (
    "INSERT INTO transactions SELECT gen_random_uuid(), '-1', charge_point_id, 0, 0, '', 'ORPHAN', begin_time, NULL,"
    " stop_time, NULL, meter_stop_wh, meter_last_wh, 0, stop_reason, NULL, '', station_id, protocol, '', false, flags,"
    " NULL, '', '', '', '', 0, create_time, update_time"
    f" FROM transactions WHERE id = '{PAID}'"
)

DAMAGES = {
    "a start is lost": Damage(
        "transaction", ("DELETE FROM transaction_events WHERE kind = 'STARTED'",), {"starts are stored"}
    ),
    "an end is lost": Damage(
        "transaction", ("DELETE FROM transaction_events WHERE kind = 'ENDED'",), {"ends are stored"}
    ),
    "an update is lost": Damage(
        "transaction", ("DELETE FROM transaction_events WHERE kind = 'UPDATED'",), {"updates are stored"}
    ),
    "a reading is lost": Damage(
        "transaction", ("DELETE FROM meter_values WHERE energy_wh = 200",), {"readings are stored with their session"}
    ),
    "a fact is stored twice": Damage("transaction", (_COPY_STOP,), {"events are stored once"}),
    "a reading is stored twice": Damage(
        "transaction",
        (
            "INSERT INTO meter_values SELECT transaction_id, sampled_time, digest + 1, charge_point_id, evse_id,"
            " connector_id, received_time, seq_no, context, energy_wh FROM meter_values LIMIT 1",
        ),
        {"readings are stored once"},
    ),
    "a reading lies beside its session": Damage(
        "transaction",
        (_STRAY_READING,),
        {"readings are stored with their session", "no reading lies beside its session"},
    ),
    "a status is of yesterday": Damage(
        "station",
        ("UPDATE connectors SET status_time = status_time - interval '1 day'",),
        {"the last status of each connector is stored"},
    ),
    "a status is another one": Damage(
        "station", ("UPDATE connectors SET status = 'FAULTED'",), {"the last status of each connector is stored"}
    ),
    "a boot is not known": Damage(
        "station", ("UPDATE charge_points SET boot_time = NULL",), {"the last boot of each charge point is stored"}
    ),
    "a session is gone": Damage(
        "transaction",
        (f"DELETE FROM transactions WHERE id = '{PAID}'",),
        {
            "a started session exists once",
            "no charging session is without its session",
            "readings are stored with their session",
            "each change of a session was told once",
            "metrics count each session once",
            *_BOTH_USAGES,
        },
    ),
    "the energy of a session is another one": Damage(
        "transaction",
        (f"UPDATE transactions SET energy_wh = 251 WHERE id = '{PAID}'",),
        {"an ended session is as its charger told it", "metrics count each session once", *_BOTH_USAGES},
    ),
    "the decision about a card is another one than was told": Damage(
        "transaction",
        ("UPDATE transactions SET \"authorization\" = 'ACCEPTED' WHERE charge_point_id = 'CP201'",),
        {"an ended session is as its charger told it", "an ended session has one invoice, if one is due"},
    ),
    "the energy of a bill is another one": Damage(
        "billing",
        ("UPDATE charging_sessions SET energy_wh = 251 WHERE state = 'COMPLETED'",),
        {"the bill is for the energy that the meter counted"},
    ),
    "the amount of an invoice is another one": Damage(
        "billing",
        ("UPDATE invoices SET total_minor = 249",),
        {"the bill is for the energy that the meter counted", *_BOTH_USAGES},
    ),
    "a bill is doubled": Damage(
        "billing",
        ("ALTER TABLE charging_sessions DROP CONSTRAINT charging_sessions_transaction_id_key", _COPY_SESSION),
        {"a session has one charging session", "an ended session has one invoice, if one is due"},
    ),
    "an invoice is doubled": Damage(
        "billing",
        ("DROP INDEX invoices_session_key", _COPY_INVOICE),
        {
            "an ended session has one invoice, if one is due",
            "a bill is that of its session and of who charged",
            "each invoice was told once",
        },
    ),
    "a bill goes to somebody else": Damage(
        "billing",
        ("UPDATE invoices SET driver_id = gen_random_uuid()",),
        {"a bill is that of its session and of who charged"},
    ),
    "a session names another bill": Damage(
        "billing",
        ("UPDATE charging_sessions SET invoice_id = gen_random_uuid() WHERE state = 'COMPLETED'",),
        {"a bill is that of its session and of who charged"},
    ),
    "a number of an invoice is missing": Damage(
        "billing", ("UPDATE invoices SET number = '2026-000002'",), {"the numbers of invoices have no gaps"}
    ),
    "a paid invoice is void": Damage(
        "billing",
        ("UPDATE invoices SET state = 'VOID', paid_minor = 250",),
        {
            "a bill for which money was paid is taken back by a credit note alone",
            "an ended session has one invoice, if one is due",
            *_BOTH_USAGES,
        },
    ),
    "an invoice is credited by nothing": Damage(
        "billing",
        ("UPDATE invoices SET state = 'CREDITED', paid_minor = 250",),
        {
            "a bill for which money was paid is taken back by a credit note alone",
            "an ended session has one invoice, if one is due",
            *_BOTH_USAGES,
        },
    ),
    "a cost outlives its bill": Damage(
        "driver",
        (f"UPDATE usage_sessions SET amount_minor = 5, currency_code = 'EUR' WHERE transaction_id = '{LEFT}'",),
        {"the driver service counts each ended session once"},
    ),
    "an event had no effect on drivers": Damage(
        "driver",
        (f"UPDATE usage_sessions SET revision = 1 WHERE transaction_id = '{LEFT}'",),
        {"driver knows the last state of each session"},
    ),
    "a reading that named no session is in another one": Damage(
        "transaction",
        (f"UPDATE meter_values SET transaction_id = '{UNPAID}' WHERE energy_wh = 250",),
        {"a reading without a session is with the one that ran"},
    ),
    "a reading lies with what is no session": Damage(
        "transaction",
        (f"UPDATE meter_values SET transaction_id = '{LEFT}' WHERE energy_wh = 250",),
        {"no reading lies beside its session"},
    ),
    "what is left of an orphan counts as a session": Damage(
        "billing",
        ("UPDATE charging_sessions SET state = 'ACTIVE' WHERE hold_reason = 'merged'",),
        {"an ended session has one invoice, if one is due"},
    ),
    "a session was never billed": Damage(
        "billing",
        ("UPDATE invoices SET state = 'VOID'", "UPDATE charging_sessions SET state = 'HELD', hold_reason = 'pending'"),
        {"an ended session has one invoice, if one is due", *_BOTH_USAGES},
    ),
    "an end was not matched with its session": Damage(
        "transaction",
        ("UPDATE transaction_events SET estimated = true WHERE kind = 'ENDED' AND meter_wh = 350", _ORPHAN),
        {
            "no orphan could have been matched",
            "ends are stored",
            "a session has one charging session",
            "billing knows the last state of each session",
            "monitoring knows the last state of each session",
            "driver knows the last state of each session",
            "metrics count each session once",
            *_BOTH_USAGES,
        },
    ),
    "an event waits in the outbox": Damage(
        "transaction",
        ("UPDATE outbox SET publish_time = NULL WHERE subject LIKE '%ended.CP16'",),
        {"every event was published"},
    ),
    "an event was never written": Damage(
        "transaction",
        ("DELETE FROM outbox WHERE subject LIKE '%ended.CP16'",),
        {"each change of a session was told once"},
    ),
    "an event was not handled": Damage(
        "driver", ("DELETE FROM consumed_events",), {"driver-usage handled each of its events once"}
    ),
    "an event had its effect twice": Damage(
        "monitoring",
        ("UPDATE station_metrics SET started_transaction_count = started_transaction_count + 1",),
        {"metrics count each session once"},
    ),
    "an event had no effect on billing": Damage(
        "billing", ("UPDATE charging_sessions SET revision = 1",), {"billing knows the last state of each session"}
    ),
    "an event had no effect on monitoring": Damage(
        "monitoring", ("DELETE FROM transactions",), {"monitoring knows the last state of each session"}
    ),
    "an event had no effect on usage": Damage(
        "monitoring",
        ("DELETE FROM usage_analytics",),
        {"the monitoring service counts each ended session once"},
    ),
    "a charge point that has gone counts as connected": Damage(
        "station",
        ("UPDATE connections SET close_time = NULL WHERE charge_point_id = 'CP16'",),
        {"nobody counts as connected after the last has gone", "monitoring shows who is connected as it is"},
    ),
    "a charge point that has gone is shown as connected": Damage(
        "monitoring", ("UPDATE charge_points SET online = true",), {"monitoring shows who is connected as it is"}
    ),
    "an event was given up": Damage(
        "monitoring",
        (
            "INSERT INTO parked_events (consumer, event_id, subject, payload, attempts, error)"
            " VALUES ('monitoring-sessions', 'one', 'csms.event.x', '', 10, 'boom')",
        ),
        {"no event was given up"},
    ),
}


@pytest.fixture(scope="module")
def world(module_database: FreshDatabase) -> World:
    return World(module_database)


def test_where_all_is_well_nothing_is_found_and_everything_was_looked_at(world: World) -> None:
    checks = world.audited()
    assert [check for check in checks if not check.is_clean] == []
    assert {check.subject for check in checks if not check.checked} == {"what liars told"}


@pytest.mark.parametrize("name", DAMAGES)
def test_planted_damage_is_found_and_nothing_else_is(world: World, name: str) -> None:
    service, statements, broken = DAMAGES[name]
    found = world.audited(service, statements)
    assert {check.claim for check in found if not check.is_clean} == broken


def test_an_event_that_the_stream_lost_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = world.in_stream
    monkeypatch.setattr(world, "in_stream", Counter({**world.in_stream, first: 0, second: 2}))
    [found] = [check for check in world.audited() if not check.is_clean]
    assert found.claim == "the stream has every event"
    assert found.failed == 1
    assert first in found.examples[0]


def test_a_consumer_that_is_gone_is_found(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "consumers", [name for name in world.consumers if name != "station-settings"])
    [found] = [check for check in world.audited() if not check.is_clean]
    assert (found.claim, found.examples) == ("every consumer is there", ("station-settings",))


_MISSING = ("DELETE FROM transaction_events WHERE kind = 'STARTED'",)
_TWICE = DAMAGES["a reading is stored twice"].statements


def test_of_a_fleet_on_a_stack_in_use_it_is_asked_only_what_is_lost_and_what_is_doubled(world: World) -> None:
    book, whole = world.book(), world.kept()
    assert [each for each in (*lost(book, whole), *doubled(book, whole)) if not each.is_clean] == []
    missing, twice = world.kept(statements=_MISSING), world.kept(statements=_TWICE)
    assert {each.claim for each in lost(book, missing) if not each.is_clean} == {"starts are stored"}
    assert {each.claim for each in doubled(book, twice) if not each.is_clean} == {"readings are stored once"}
    assert [each for each in (*doubled(book, missing), *lost(book, twice)) if not each.is_clean] == []


def test_what_is_stored_of_other_charge_points_is_left_out(world: World) -> None:
    kept = world.kept()
    [name, *_] = {one.charge_point_id for one in kept.transactions}
    mine, nobodys = stored.of(kept, [name]), stored.of(kept, ["NOBODY"])
    assert {one.charge_point_id for one in mine.transactions} == {name}
    assert {one.charge_point_id for one in mine.events} == {name}
    assert mine.charging_sessions
    assert (nobodys.transactions, nobodys.events, nobodys.charging_sessions, nobodys.connectors) == ([], [], [], [])
