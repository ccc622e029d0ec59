"""A connector's status follows from the facts."""

from datetime import UTC, datetime

from simulator.connector import Connector, ConnectorStatus, StopReason, Transaction
from simulator.meter import Meter

_NOW = datetime(2025, 1, 1, tzinfo=UTC)


def _connector() -> Connector:
    return Connector(1, Meter(lambda: 0))


def test_the_status_follows_a_session() -> None:
    connector = _connector()
    seen = [connector.status]
    connector.plugged_in = True
    seen.append(connector.status)
    connector.transaction = Transaction(1, "TAG", 0, _NOW)
    seen.append(connector.status)
    connector.meter.begin(11_000, limit_wh=0)
    seen.append(connector.status)
    connector.transaction.stop_time = _NOW
    seen.append(connector.status)
    connector.release()
    seen.append(connector.status)
    assert seen == ["Available", "Preparing", "Charging", "SuspendedEV", "Finishing", "Available"]


def test_a_fault_outweighs_everything() -> None:
    connector = _connector()
    connector.transaction = Transaction(1, "TAG", 0, _NOW)
    connector.fault = "GroundFailure"
    assert connector.status is ConnectorStatus.FAULTED
    assert not connector.free


def test_a_scheduled_change_of_availability_takes_effect_when_the_cable_is_out() -> None:
    connector = _connector()
    connector.becomes_inoperative = True
    before = connector.status
    connector.release()
    assert (before, connector.status) == (ConnectorStatus.AVAILABLE, ConnectorStatus.UNAVAILABLE)


def test_the_first_reason_to_stop_stays() -> None:
    transaction = Transaction(1, "TAG", 0, _NOW)
    transaction.request_stop(StopReason.REMOTE)
    transaction.request_stop(StopReason.LOCAL)
    assert transaction.stop_reason is StopReason.REMOTE


def test_events_are_numbered_without_gaps() -> None:
    transaction = Transaction(1, "TAG", 0, _NOW)
    assert [transaction.take_seq_no() for _ in range(3)] == [0, 1, 2]
