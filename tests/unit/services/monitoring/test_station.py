"""Stations: which snapshot counts, how healthy a station is, and what runs at which connector."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from services.monitoring.domain.charge_point import ChargePoint
from services.monitoring.domain.connector import Connector, ConnectorStatus, is_newer
from services.monitoring.domain.station import (
    Health,
    Station,
    StationSnapshot,
    StationView,
    changed_time_of,
    connector_counts,
    connector_views,
    health_of,
    power_of,
)
from services.monitoring.domain.station import is_newer as is_newer_station
from services.monitoring.domain.transaction import POWER_IS_FRESH
from tests.unit.services.monitoring.samples import NOW, a_transaction

AVAILABLE, FAULTED = ConnectorStatus.AVAILABLE, ConnectorStatus.FAULTED


def point(name: str, *, online: bool = True) -> ChargePoint:
    return ChargePoint(id=name, online=online)


def plug(name: str, number: int, status: ConnectorStatus | None = AVAILABLE, *, evse: int | None = None) -> Connector:
    evse_id = number if evse is None else evse
    return Connector(
        charge_point_id=name, evse_id=evse_id, connector_id=number, status=status, status_time=NOW, told_time=NOW
    )


@pytest.mark.parametrize(
    ("points", "plugs", "health"),
    [
        ([], [], Health.OK),
        ([point("A")], [plug("A", 1)], Health.OK),
        ([point("A")], [], Health.OK),
        ([point("A")], [plug("A", 1), plug("A", 2, FAULTED)], Health.DEGRADED),
        ([point("A"), point("B", online=False)], [plug("A", 1), plug("B", 1)], Health.DEGRADED),
        ([point("A"), point("B")], [plug("A", 1), plug("B", 1), plug("B", 0, FAULTED)], Health.DEGRADED),
        ([point("A")], [plug("A", 0, FAULTED)], Health.DEGRADED),
        ([point("A")], [plug("A", 1), plug("A", 2), plug("A", 0, FAULTED)], Health.DOWN),
        ([point("A")], [plug("A", 1, FAULTED), plug("A", 2, FAULTED)], Health.DOWN),
        ([point("A", online=False), point("B", online=False)], [plug("A", 1)], Health.DOWN),
    ],
)
def test_the_health_of_a_station_follows_from_what_stands_there(
    points: list[ChargePoint], plugs: list[Connector], health: Health
) -> None:
    assert health_of(points, plugs) is health


def test_of_reports_the_later_device_time_counts_then_the_later_telling() -> None:
    def report(seconds: int | None, reported: int) -> Connector:
        time = None if seconds is None else NOW + timedelta(seconds=seconds)
        return Connector(
            charge_point_id="A",
            evse_id=1,
            connector_id=1,
            status=AVAILABLE,
            status_time=time,
            told_time=NOW + timedelta(seconds=reported),
        )

    in_order = [report(None, 90), report(1, 80), report(2, 10), report(2, 20)]
    for earlier, later in itertools.combinations(in_order, 2):
        assert is_newer(later, earlier)
        assert not is_newer(earlier, later)
    assert is_newer(in_order[0], None)
    assert not is_newer(in_order[0], in_order[0])


def test_of_snapshots_the_higher_revision_counts_then_the_later_telling() -> None:
    def reported(revision: int, seconds: int, *, deleted: bool = False) -> StationSnapshot:
        return StationSnapshot(
            id="S",
            name="S",
            revision=revision,
            told_time=NOW + timedelta(seconds=seconds),
            deleted=deleted,
            charge_points=(),
            connectors=(),
        )

    def known(snapshot: StationSnapshot) -> Station:
        return Station(
            id="S",
            name="S",
            revision=snapshot.revision,
            told_time=snapshot.told_time,
            deleted=snapshot.deleted,
            update_time=NOW,
        )

    in_order = [
        reported(1, 5),
        reported(2, 1),
        reported(2, 3),
        reported(2, 3, deleted=True),
        reported(2, 9, deleted=True),
    ]
    for earlier, later in itertools.combinations(in_order, 2):
        assert is_newer_station(later, known(earlier))
        assert not is_newer_station(earlier, known(later))


def test_connectors_show_what_runs_at_them() -> None:
    view = StationView(
        station=Station(id="S", name="S", revision=1, told_time=NOW, update_time=NOW),
        charge_points=[point("A"), point("B", online=False)],
        connectors=[plug("A", 0), plug("A", 1), plug("A", 2, None), plug("B", 1, evse=2)],
        transactions=[
            a_transaction(id="ocpp 1.6", charge_point_id="A", evse_id=0, connector_id=2, power_w=7_000),
            a_transaction(id="ocpp 2.0.1", charge_point_id="B", evse_id=2, connector_id=0, power_w=400),
        ],
        open_alert_count=0,
    )
    shown = connector_views(view)
    assert [(each.online, each.transaction_id) for each in shown] == [
        (True, ""),
        (True, "ocpp 1.6"),
        (False, "ocpp 2.0.1"),
    ]
    assert connector_counts(shown) == {"AVAILABLE": 2, "STATUS_UNSPECIFIED": 1}
    assert power_of(view, NOW) == 7_400
    assert power_of(view, NOW + POWER_IS_FRESH + timedelta(seconds=1)) == 0


def test_a_station_changed_when_anything_of_it_did() -> None:
    later = NOW + timedelta(minutes=3)
    view = StationView(
        station=Station(id="S", name="S", revision=1, told_time=NOW, update_time=NOW),
        charge_points=(),
        connectors=(),
        transactions=[a_transaction(update_time=later)],
        open_alert_count=0,
    )
    assert changed_time_of(view) == later == datetime(2030, 5, 1, 12, 3, tzinfo=UTC)
