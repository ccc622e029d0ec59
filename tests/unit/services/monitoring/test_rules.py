"""The rules of alerts: what raises them, what clears them, what they say."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.monitoring.domain.alert import AlertKind, AlertSeverity, AlertState, Verdict, acknowledged, raised
from services.monitoring.domain.charge_point import ChargePoint, ConnectivityChange
from services.monitoring.domain.connector import Connector, ConnectorStatus, StatusReport
from services.monitoring.domain.rules import (
    OFFLINE_GRACE,
    Incident,
    disconnect,
    fault,
    fault_verdict,
    frequency_verdict,
    is_away,
    offline_verdict,
    session_verdicts,
)
from services.monitoring.domain.transaction import Authorization, TransactionState
from tests.unit.services.monitoring.samples import NOW, a_transaction


def connector(status: ConnectorStatus, number: int = 1) -> Connector:
    return Connector(
        charge_point_id="CP1",
        evse_id=number,
        connector_id=number,
        status=status,
        error_code="GroundFailure",
        info="relay 3",
        status_time=NOW,
        told_time=NOW,
    )


def reported(status: ConnectorStatus, number: int = 1) -> StatusReport:
    return StatusReport(connector=connector(status, number), station_id="S", tenant_id="south")


def test_a_faulted_connector_is_a_cause_that_says_what_is_broken() -> None:
    verdict = fault_verdict(reported(ConnectorStatus.FAULTED), is_news=True)
    assert (verdict.stands, verdict.counts, verdict.subject) == (True, True, "CP1/1/1")
    assert verdict.message == "connector 1 of CP1 is faulted (GroundFailure: relay 3)"
    whole = fault_verdict(reported(ConnectorStatus.FAULTED, 0), is_news=True)
    assert whole.message.startswith("charge point CP1 is faulted")


@pytest.mark.parametrize("status", [status for status in ConnectorStatus if status is not ConnectorStatus.FAULTED])
def test_any_other_status_clears_it(status: ConnectorStatus) -> None:
    assert not fault_verdict(reported(status), is_news=True).stands


@pytest.mark.parametrize(
    ("point", "away"),
    [
        (ChargePoint(id="CP1", changed_time=NOW - OFFLINE_GRACE), True),
        (ChargePoint(id="CP1", changed_time=NOW - OFFLINE_GRACE + timedelta(seconds=1)), False),
        (ChargePoint(id="CP1", changed_time=NOW - OFFLINE_GRACE, online=True), False),
        (ChargePoint(id="CP1", changed_time=NOW - OFFLINE_GRACE, removed=True), False),
        (ChargePoint(id="CP1"), False),
    ],
    ids=["too long", "a moment", "is online", "is gone", "never came"],
)
def test_a_charge_point_is_missed_after_a_grace(point: ChargePoint, away: bool) -> None:
    assert is_away(point, NOW) is away


def test_the_alert_of_a_charge_point_says_since_when() -> None:
    verdict = offline_verdict(ChargePoint(id="CP1", changed_time=NOW), stands=True)
    assert verdict.message == "charge point CP1 is offline since 2030-05-01 12:00:00 UTC"


@pytest.mark.parametrize(
    ("authorization", "state", "standing"),
    [
        (Authorization.ACCEPTED, TransactionState.ACTIVE, []),
        (None, TransactionState.ACTIVE, []),
        (Authorization.CONCURRENT_TX, TransactionState.ACTIVE, []),
        (Authorization.BLOCKED, TransactionState.ACTIVE, [AlertKind.UNAUTHORIZED_SESSION]),
        (
            Authorization.INVALID,
            TransactionState.ORPHAN,
            [AlertKind.UNAUTHORIZED_SESSION, AlertKind.ORPHAN_TRANSACTION],
        ),
        (None, TransactionState.ORPHAN, [AlertKind.ORPHAN_TRANSACTION]),
        (None, TransactionState.MERGED, []),
    ],
)
def test_a_session_is_a_cause_when_its_token_was_refused_or_its_start_is_missing(
    authorization: Authorization | None, state: TransactionState, standing: list[AlertKind]
) -> None:
    session, sound = a_transaction(authorization=authorization, state=state), a_transaction()
    for before in (None, sound, session):
        verdicts = session_verdicts(before, session)
        assert [verdict.kind for verdict in verdicts if verdict.stands] == [verdict.kind for verdict in verdicts]
        assert [verdict.kind for verdict in verdicts] == standing
        # A look at how things are: the next snapshot is not another occurrence.
        assert not any(verdict.counts for verdict in verdicts)
    # What was so before and is so no more is over; of what never was nothing is said.
    over = session_verdicts(session, sound)
    assert [(verdict.kind, verdict.stands) for verdict in over] == [(kind, False) for kind in standing]


@pytest.mark.field_case("C15")
@pytest.mark.parametrize(
    ("fields", "severity", "message"),
    [
        ({}, AlertSeverity.CRITICAL, "transaction 42 at connector 1 of CP1 goes on with a token that is blocked"),
        (
            {"stop_time": NOW, "energy_wh": 520},
            AlertSeverity.WARNING,
            "transaction 42 at connector 1 of CP1 with a token that is blocked ended after 10 min 0 s;"
            " 0.520 kWh were delivered",
        ),
        (
            {"start_time": NOW - timedelta(hours=26, minutes=3), "stop_time": NOW, "energy_wh": 10},
            AlertSeverity.WARNING,
            "transaction 42 at connector 1 of CP1 with a token that is blocked ended after 26 h 3 min;"
            " 0.010 kWh were delivered",
        ),
        (
            {"state": TransactionState.ORPHAN, "start_time": None, "stop_time": NOW, "energy_wh": 4_000},
            AlertSeverity.WARNING,
            "transaction 42 at connector 1 of CP1 with a token that is blocked ended; 4.000 kWh were delivered",
        ),
        # It ended within a second, or what flowed is nothing.
        ({"start_time": NOW - timedelta(seconds=1), "stop_time": NOW}, None, ""),
        ({"stop_time": NOW, "energy_wh": 9}, None, ""),
        ({"state": TransactionState.MERGED, "start_time": None}, None, ""),
    ],
)
def test_the_alert_of_an_unauthorized_session_says_what_is(
    fields: dict[str, Any], severity: AlertSeverity | None, message: str
) -> None:
    ended = {"state": TransactionState.ENDED} if "stop_time" in fields else {}
    session = a_transaction(**{"authorization": Authorization.BLOCKED, **ended, **fields})
    verdict = next(one for one in session_verdicts(None, session) if one.kind is AlertKind.UNAUTHORIZED_SESSION)
    assert verdict.stands == (severity is not None)
    assert verdict.follows
    if severity is not None:
        alert = raised(verdict, "id", NOW)
        assert (alert.severity, alert.message) == (severity, message)


FAULT = StatusReport(connector=connector(ConnectorStatus.FAULTED, 2), station_id="S")
END = ConnectivityChange(charge_point_id="CP1", station_id="S", online=False, epoch=1, reason="", time=NOW)


@pytest.mark.parametrize(
    ("happened", "alert", "enough", "message"),
    [
        (fault(FAULT), AlertKind.FREQUENT_FAULTS, 3, "connector 2 of CP1 faulted 3 times within 24 h"),
        (disconnect(END), AlertKind.FREQUENT_DISCONNECTS, 5, "charge point CP1 lost its connection 5 times within 1 h"),
    ],
)
def test_what_happens_too_often_foretells_trouble(
    happened: tuple[Incident, Verdict], alert: AlertKind, enough: int, message: str
) -> None:
    assert frequency_verdict(happened[0], enough - 1, happened[1]) is None
    verdict = frequency_verdict(happened[0], enough, happened[1])
    assert verdict is not None
    assert (verdict.kind, verdict.stands, verdict.counts) == (alert, True, True)
    assert (verdict.charge_point_id, verdict.station_id) == ("CP1", "S")
    assert verdict.message == f"{message} and may need maintenance"


def test_an_alert_is_acknowledged_once() -> None:
    alert = raised(fault_verdict(reported(ConnectorStatus.FAULTED), is_news=True), "id", NOW)
    assert (alert.state, alert.severity, alert.tenant_id) == (AlertState.OPEN, AlertSeverity.CRITICAL, "south")
    taken = acknowledged(alert, "ann", NOW)
    assert (taken.state, taken.acknowledged_by, taken.acknowledge_time) == (AlertState.ACKNOWLEDGED, "ann", NOW)
    assert acknowledged(taken, "bob", NOW + timedelta(hours=1)) is taken


def test_a_cleared_alert_stays_cleared_when_it_is_acknowledged() -> None:
    alert = raised(offline_verdict(ChargePoint(id="CP1"), stands=True), "id", NOW)
    cleared = replace(alert, state=AlertState.CLEARED, clear_time=NOW)
    taken = acknowledged(cleared, "ann", NOW)
    assert (taken.state, taken.acknowledged_by) == (AlertState.CLEARED, "ann")
