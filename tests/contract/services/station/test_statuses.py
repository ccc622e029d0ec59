"""ReportStatuses: what connectors are doing."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.error.v1 import error_reason_pb2 as reasons
from csms.event.v1.domain_event_pb2 import ConnectorStatusChanged
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1 import connector_pb2
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.rpc.protobuf import timestamp
from tests.contract.services.station.callers import (
    ChargePoint,
    Connector,
    close_all,
    create_point,
    create_station,
    get_station,
    open_one,
    report,
    status,
    update_connector,
)
from tests.fixtures.calls import bad_fields
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

STALE, BAD = reasons.ERROR_REASON_STALE_EPOCH, reasons.ERROR_REASON_INVALID_FIELD
NOW = datetime.now(UTC).replace(microsecond=0)


def _at(seconds: float) -> datetime:
    return NOW - timedelta(minutes=5) + timedelta(seconds=seconds)


async def _station(stations: StationServiceStub, edge: ConnectivityServiceStub, name: str) -> tuple[str, int]:
    """A station with one charge point that is online: its id, and the epoch."""
    made = await create_station(stations, charge_points=[ChargePoint(id=name)])
    return made.id, await open_one(edge, name)


async def _connectors(stations: StationServiceStub, station_id: str) -> list[connector_pb2.Connector]:
    return list((await get_station(stations, station_id)).connectors)


async def _news(service: RunningService, name: str) -> list[ConnectorStatusChanged]:
    events = await reported(service.database, f"csms.event.station.connector.status_changed.{name}")
    return [event.connector_status_changed for event in events]


async def test_an_unknown_connector_is_made_by_its_first_report(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)

    assert await report(edge, status(name, epoch, Connector.AVAILABLE, _at(1), evse_id=2)) == [0]

    [plug] = await _connectors(stations, station_id)
    assert (plug.charge_point_id, plug.evse_id, plug.connector_id, plug.station_id) == (name, 2, 1, station_id)
    assert (plug.status, plug.error_code, plug.availability) == (Connector.AVAILABLE, "NoError", Connector.OPERATIVE)
    assert plug.status_time.ToDatetime(tzinfo=UTC) == _at(1)
    assert await _news(service, name) == [ConnectorStatusChanged(connector=plug)]


@pytest.mark.field_case("A6")
async def test_the_same_status_after_a_boot_is_confirmed(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    _, epoch = await _station(stations, edge, name)
    await report(edge, status(name, epoch, Connector.AVAILABLE, _at(1), received_time=timestamp(_at(1))))
    booted = pb.BootReport(charge_point_id=name, epoch=epoch, received_time=timestamp(_at(60)))
    await edge.ReportBoots(pb.ReportBootsRequest(boots=[booted]))
    for seconds in (61, 62, 400):
        received = timestamp(_at(seconds))
        # By a clock that was set back.
        await report(edge, status(name, epoch, Connector.AVAILABLE, _at(seconds - 600), received_time=received))

    assert len(await _news(service, name)) == 1
    confirmed = await reported(service.database, f"csms.event.station.connector.status_confirmed.{name}")
    told_at = [one.connector_status_changed.received_time for one in confirmed]
    assert told_at == [timestamp(_at(seconds)) for seconds in (61, 62, 400)]
    first = confirmed[0].connector_status_changed
    assert (first.connector.status, first.boot_time) == (Connector.AVAILABLE, timestamp(_at(60)))
    assert first.connector.status_time == timestamp(_at(61 - 600))


async def test_reports_in_any_order_and_number_give_the_same_connectors(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    shown = []
    said = [
        (Connector.AVAILABLE, 1, "NoError"),
        (Connector.PREPARING, 2, "NoError"),
        (Connector.FAULTED, 3, "GroundFailure"),
    ]
    for number, order in enumerate(itertools.permutations(said)):
        point = f"{name}-{number}"
        station_id, epoch = await _station(stations, edge, point)
        reports = [status(point, epoch, what, _at(when), error_code=error) for what, when, error in order]
        for one in (*reports, reports[0]):
            assert await report(edge, one) == [0]
        await report(edge, *reports)
        [plug] = await _connectors(stations, station_id)
        shown.append((plug.status, plug.error_code, plug.status_time.ToDatetime(tzinfo=UTC)))

    assert set(shown) == {(Connector.FAULTED, "GroundFailure", _at(3))}


async def test_only_news_are_told(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    _, epoch = await _station(stations, edge, name)
    for seconds, what, error in (
        (1, Connector.AVAILABLE, ""),
        (2, Connector.AVAILABLE, "NoError"),
        (2, Connector.AVAILABLE, "NoError"),
        (4, Connector.FAULTED, "OtherError"),
        (3, Connector.CHARGING, "NoError"),
    ):
        told_of = status(name, epoch, what, _at(seconds), error_code=error, info="hot", vendor_error_code="E7")
        await report(edge, told_of)

    first, second = await _news(service, name)

    assert (first.previous_status, first.connector.status) == (Connector.STATUS_UNSPECIFIED, Connector.AVAILABLE)
    assert (second.previous_status, second.connector.status) == (Connector.AVAILABLE, Connector.FAULTED)
    assert (second.connector.error_code, second.info, second.vendor_error_code) == ("OtherError", "hot", "E7")


async def test_several_reports_of_one_connector_in_one_batch_are_told_one_after_the_other(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)

    await report(
        edge,
        status(name, epoch, Connector.PREPARING, _at(1)),
        status(name, epoch, Connector.CHARGING, _at(1)),
        status(name, epoch, Connector.AVAILABLE, _at(0)),
    )

    [plug] = await _connectors(stations, station_id)
    assert plug.status == Connector.CHARGING
    assert [(news.previous_status, news.connector.status) for news in await _news(service, name)] == [
        (Connector.STATUS_UNSPECIFIED, Connector.PREPARING),
        (Connector.PREPARING, Connector.CHARGING),
    ]
    assert {news.connector.id for news in await _news(service, name)} == {plug.id}


async def test_a_report_from_a_connection_that_is_not_the_open_one_is_refused_alone(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(3)]
    for point in names:
        await create_point(points, point)
        await open_one(edge, point)
    await open_one(edge, names[0])
    await close_all(edge, (names[1], 1))

    answers = await report(edge, *(status(point, 1, Connector.AVAILABLE) for point in (*names, f"{name}-X")))

    assert answers == [STALE, STALE, 0, STALE]
    assert [len(await _news(service, point)) for point in names] == [0, 0, 1]


async def test_unfit_reports_do_not_harm_the_others(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)
    out_of_time = status(name, epoch, Connector.AVAILABLE, connector=3)
    out_of_time.device_time.seconds = 10**15

    answers = await report(
        edge,
        status(name, epoch, Connector.STATUS_UNSPECIFIED, connector=1),
        status(name, epoch, 99, connector=2),
        out_of_time,
        status(name, epoch, Connector.AVAILABLE, connector=-1),
        status(name, epoch, Connector.AVAILABLE, connector=1001),
        status(name, epoch, Connector.FAULTED, connector=4, error_code="a\0b", info="\0", vendor_error_code="\0"),
    )

    # A status that only a newer edge knows is kept by its number.
    assert answers == [BAD, 0, BAD, BAD, BAD, 0]
    plugs = await _connectors(stations, station_id)
    assert [(plug.connector_id, plug.error_code, plug.reported_status) for plug in plugs] == [
        (2, "NoError", "99"),
        (4, "ab", ""),
    ]


@pytest.mark.parametrize("device_time", [None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)])
async def test_instead_of_an_impossible_time_the_time_of_receipt_counts(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str, device_time: datetime | None
) -> None:
    station_id, epoch = await _station(stations, edge, name)
    await report(edge, status(name, epoch, Connector.AVAILABLE, device_time, received_time=timestamp(_at(1))))
    await report(edge, status(name, epoch, Connector.CHARGING, _at(2)))

    [plug] = await _connectors(stations, station_id)

    assert (plug.status, plug.status_time.ToDatetime(tzinfo=UTC)) == (Connector.CHARGING, _at(2))


async def test_a_report_leaves_what_the_operator_said(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)
    await report(edge, status(name, epoch, Connector.AVAILABLE, _at(1)))
    fields = {"type": Connector.CCS2, "max_power_w": 50_000, "availability": Connector.INOPERATIVE}
    said = await update_connector(stations, station_id, "1", **fields)

    await report(edge, status(name, epoch, Connector.UNAVAILABLE, _at(2)))

    [plug] = await _connectors(stations, station_id)
    assert (plug.id, plug.type, plug.max_power_w, plug.availability) == (said.id, *fields.values())
    assert plug.status == Connector.UNAVAILABLE


async def test_concurrent_batches_about_the_same_connectors_are_all_taken_in(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    names = [f"{name}-{number}" for number in range(10)]
    epochs = {}
    for point in names:
        await create_point(points, point)
        epochs[point] = await open_one(edge, point)

    def batch(order: list[str], seconds: int, what: Any) -> list[pb.StatusReport]:
        return [status(point, epochs[point], what, _at(seconds)) for point in order]

    answers = await asyncio.gather(
        report(edge, *batch(names, 1, Connector.PREPARING)),
        report(edge, *batch(names[::-1], 2, Connector.CHARGING)),
        report(edge, *batch(names[5:] + names[:5], 3, Connector.FINISHING)),
    )

    assert list(answers) == [[0] * 10] * 3
    for point in names:
        news = await _news(service, point)
        assert news[-1].connector.status == Connector.FINISHING
        assert len({change.connector.id for change in news}) == 1


async def test_a_batch_is_bounded(edge: ConnectivityServiceStub) -> None:
    assert await bad_fields(report(edge, *[status("CP", 1, Connector.AVAILABLE)] * 1001)) == ["statuses"]
    assert await report(edge) == []


@pytest.mark.field_case("B6")
async def test_a_status_that_ocpp_does_not_have_is_unknown_and_kept_as_said_with_its_error(
    stations: StationServiceStub, edge: ConnectivityServiceStub, service: RunningService, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)
    unknown = Connector.STATUS_UNSPECIFIED
    said = status(name, epoch, unknown, _at(2), reported_status="Occupied", error_code="GroundFailure")

    assert await report(edge, status(name, epoch, Connector.CHARGING, _at(1))) == [0]
    assert await report(edge, said) == [0]
    [plug] = await _connectors(stations, station_id)
    assert (plug.status, plug.reported_status, plug.error_code) == (unknown, "Occupied", "GroundFailure")
    assert [change.connector.reported_status for change in await _news(service, name)] == ["", "Occupied"]

    other = status(name, epoch, unknown, _at(3), reported_status="Busy", error_code="GroundFailure")
    assert await report(edge, other) == [0]
    assert await report(edge, status(name, epoch, Connector.AVAILABLE, _at(4))) == [0]
    [plug] = await _connectors(stations, station_id)
    assert (plug.status, plug.reported_status, plug.error_code) == (Connector.AVAILABLE, "", "NoError")
    assert len(await _news(service, name)) == 4


@pytest.mark.field_case("B6")
async def test_an_error_may_be_told_without_a_status(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)
    assert await report(edge, status(name, epoch, 0, _at(1), error_code="GroundFailure")) == [0]
    [plug] = await _connectors(stations, station_id)
    assert (plug.status, plug.reported_status, plug.error_code) == (0, "", "GroundFailure")
    assert await report(edge, status(name, epoch, 0, _at(2))) == [BAD]


async def test_what_is_told_of_an_evse_is_told_of_its_connectors(
    stations: StationServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    station_id, epoch = await _station(stations, edge, name)

    def of_evse(evse_id: int, word: Any, seconds: float) -> pb.StatusReport:
        return status(name, epoch, word, _at(seconds), evse_id=evse_id, connector_id=0)

    def of_plug(evse_id: int, connector_id: int, word: Any) -> pb.StatusReport:
        return status(name, epoch, word, _at(0), evse_id=evse_id, connector_id=connector_id)

    assert await report(edge, of_evse(1, Connector.OCCUPIED, 0)) == [0]
    assert await report(edge, of_plug(2, 1, Connector.OCCUPIED), of_plug(2, 2, Connector.AVAILABLE)) == [0, 0]
    assert await report(edge, of_evse(2, Connector.OCCUPIED, 5), of_evse(1, Connector.AVAILABLE, 5)) == [0, 0]
    before = [(plug.evse_id, plug.connector_id, plug.status) for plug in await _connectors(stations, station_id)]
    assert before == [(1, 1, Connector.AVAILABLE), (2, 1, Connector.OCCUPIED), (2, 2, Connector.AVAILABLE)]
    assert await report(edge, of_evse(2, Connector.FAULTED, 9)) == [0]
    after = [(plug.evse_id, plug.connector_id, plug.status) for plug in await _connectors(stations, station_id)]
    assert after == [(1, 1, Connector.AVAILABLE), (2, 1, Connector.FAULTED), (2, 2, Connector.FAULTED)]
