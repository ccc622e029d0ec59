"""The auditor can fail where chargers lie, too: damage of every kind is found by the check that is for it."""

import pytest

from tests.contract.chaos.liars import CLOCK, GHOST, HELD, LiarsWorld
from tests.contract.chaos.test_audit import Damage
from tests.fixtures.postgres import FreshDatabase

_ONCE = "a liar's session exists once, with all its facts"
_OVER = "it is over, and not before it began"
_IN_TIME = "it has the times that can be known"
_METERED = "it has the energy that can be known"
_BILLED = "it is billed once for that, or held for the true reason"
_FLAGGED = "nothing is flagged but its own lies, and those are"
_KNOWN = "no session is there that its charge point knows nothing of"
_READINGS = "their readings are stored as they were told, once"
_COUNTED = {
    "the driver service counts each ended session once",
    "the monitoring service counts each ended session once",
}
_SUMMED = "metrics count each session once"


def _of(session: str, change: str) -> tuple[str, ...]:
    return (f"UPDATE transactions SET {change} WHERE id = '{session}'",)


def _bill(session: str, change: str) -> tuple[str, ...]:
    return (f"UPDATE charging_sessions SET {change} WHERE transaction_id = '{session}'",)


DAMAGES = {
    "a start of a liar is lost": Damage(
        "transaction",
        (f"DELETE FROM transaction_events WHERE kind = 'STARTED' AND transaction_id = '{CLOCK}'",),
        {_ONCE},
    ),
    "an end of a liar is lost": Damage(
        "transaction", (f"DELETE FROM transaction_events WHERE kind = 'ENDED' AND transaction_id = '{CLOCK}'",), {_ONCE}
    ),
    "a ghost runs for ever": Damage(
        "transaction",
        _of(GHOST, "state = 'ACTIVE', stop_time = NULL"),
        {_OVER, _SUMMED, *_COUNTED},
    ),
    "a session ends before it begins": Damage(
        "transaction", _of(CLOCK, "stop_time = start_time - interval '1 hour'"), {_OVER, _IN_TIME, *_COUNTED}
    ),
    "a wrong clock was believed": Damage(
        "transaction", _of(CLOCK, "start_time = start_time + interval '1 hour'"), {_OVER, _IN_TIME}
    ),
    "a ghost ended before it was heard of last": Damage(
        "transaction", _of(GHOST, "stop_time = start_time"), {_IN_TIME, *_COUNTED}
    ),
    "a ghost ended after it was gone": Damage(
        "transaction", _of(GHOST, "stop_time = stop_time + interval '1 hour'"), {_IN_TIME, *_COUNTED}
    ),
    "the energy of a ghost is not what was read last": Damage(
        "transaction", _of(GHOST, "energy_wh = 0"), {_METERED, _BILLED, _SUMMED, *_COUNTED}
    ),
    "the energy of a session with a wrong clock is another one": Damage(
        "transaction", _of(CLOCK, "energy_wh = 249"), {_METERED, _BILLED, _SUMMED, *_COUNTED}
    ),
    "a session that nobody can know is billed": Damage(
        "billing", _bill(HELD, "state = 'COMPLETED', hold_reason = ''"), {_METERED, _BILLED}
    ),
    "a session is held for another reason": Damage("billing", _bill(HELD, "hold_reason = 'unauthorized'"), {_BILLED}),
    "a session is held and nobody is told why": Damage("billing", _bill(HELD, "remarks = NULL"), {_BILLED}),
    "a session is held with figures that nobody told": Damage(
        "billing", _bill(HELD, 'remarks = \'{"hold_detail": "123 Wh cannot be"}\''), {_BILLED}
    ),
    "a session that can be known is held": Damage(
        "billing",
        (*_bill(CLOCK, "state = 'HELD', hold_reason = 'register_went_back'"), "UPDATE invoices SET state = 'VOID'"),
        {_BILLED, *_COUNTED},
    ),
    "a ghost waits for its bill for ever": Damage(
        "billing",
        (*_bill(GHOST, "state = 'HELD', hold_reason = 'estimated_end'"), "UPDATE invoices SET state = 'VOID'"),
        {_BILLED, *_COUNTED},
    ),
    "the bill of a liar is over another energy": Damage(
        "billing", ("UPDATE invoices SET total_minor = 99 WHERE total_minor = 100",), {_BILLED, *_COUNTED}
    ),
    "what nobody lied about is flagged": Damage(
        "transaction", _of(CLOCK, "flags = '{clock_corrected,transaction_register}'"), {_FLAGGED}
    ),
    "a lie is not flagged": Damage("transaction", _of(GHOST, "flags = '{}'"), {_FLAGGED}),
    "a start without a stamp made a second session": Damage(
        "transaction",
        (f"UPDATE transactions SET ocpp_transaction_id = '4711' WHERE id = '{HELD}'",),
        {_ONCE, _KNOWN, _BILLED},
    ),
    "an end of a liar belongs to no session": Damage(
        "transaction",
        _of(HELD, "ocpp_transaction_id = '4711', start_time = NULL, state = 'ORPHAN'"),
        {_ONCE, _KNOWN, _BILLED, "an ended session has one invoice, if one is due", _SUMMED},
    ),
    "a reading of a liar is lost": Damage("transaction", ("DELETE FROM meter_values",), {_READINGS}),
    "a reading that was told again is stored again": Damage(
        "transaction",
        (
            "INSERT INTO meter_values SELECT transaction_id, sampled_time + interval '1 minute', digest,"
            " charge_point_id, evse_id, connector_id, received_time, seq_no, context, energy_wh FROM meter_values",
        ),
        {_READINGS},
    ),
    "a status of a liar is not known": Damage(
        "station",
        ("UPDATE connectors SET status_time = NULL",),
        {"the last status of each connector is stored"},
    ),
}


@pytest.fixture(scope="module")
def world(module_database: FreshDatabase) -> LiarsWorld:
    return LiarsWorld(module_database)


def test_where_all_is_well_nothing_is_found_and_every_claim_about_liars_was_looked_at(world: LiarsWorld) -> None:
    checks = world.audited()
    assert [check for check in checks if not check.is_clean] == []
    assert [check for check in checks if check.subject == "what liars told" and not check.checked] == []


@pytest.mark.parametrize("name", DAMAGES)
def test_planted_damage_is_found_and_nothing_else_is(world: LiarsWorld, name: str) -> None:
    service, statements, broken = DAMAGES[name]
    found = world.audited(service, statements)
    assert {check.claim for check in found if not check.is_clean} == broken
