"""Billing beside the transaction service itself: what charge points tell becomes bills."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1.billing_service_pb2 import ListChargingSessionsRequest
from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.event.v1.domain_event_pb2 import ConnectorStatusChanged, DomainEvent
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import recording_service_pb2_grpc as recording_grpc
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.kernel.ids import new_id
from services.messaging.event_batches import OutgoingEvent
from services.messaging.event_bus import EventBus
from services.messaging.subjects import subject
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Caller
from tests.contract.services.billing.messages import amount, component, new_tariff
from tests.contract.services.billing.neighbours import Neighbours
from tests.contract.services.transaction import reports
from tests.fixtures.background import eventually
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import ServiceRunner

BEGIN = (datetime.now(UTC) - timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)
_START, _END = "Transaction.Begin", "Transaction.End"


def at(minutes: float) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


class Platform:
    """Both services, an operator and a charge point."""

    def __init__(self, operator: Caller, edge: recording_grpc.RecordingServiceStub, bus: EventBus) -> None:
        self.operator = operator
        self._edge = edge
        self._bus = bus

    async def status(self, status: Connector.Status.ValueType, minutes: float) -> None:
        """Report the status of connector 1 of CP1, as the station service tells of it."""
        told_time = timestamp(at(minutes))
        connector = Connector(charge_point_id="CP1", evse_id=1, connector_id=1, status=status, status_time=told_time)
        event = DomainEvent(
            id=new_id(),
            subject=subject("connector_status_changed", "status_changed", "CP1"),
            create_time=told_time,
            connector_status_changed=ConnectorStatusChanged(connector=connector, received_time=told_time),
        )
        assert all(await self._bus.publish([OutgoingEvent(event.id, event.subject, event.SerializeToString())]))

    async def tell(self, *events: recording_pb.TransactionEvent) -> str:
        """Report events of a charge point, one after the other; the number of the session."""
        number = ""
        for event in events:
            request = recording_pb.RecordTransactionEventsRequest(events=[event])
            [answer] = (await self._edge.RecordTransactionEvents(request)).answers
            assert not answer.HasField("error"), answer.error
            number = answer.ocpp_transaction_id
        return number

    async def session(self, charge_point_id: str, state: ChargingSession.State.ValueType) -> ChargingSession:
        """The only session of a charge point as soon as it stands so."""
        found: list[ChargingSession] = []

        async def stands() -> bool:
            request = ListChargingSessionsRequest(state=state)
            sessions = (await self.operator.sessions.ListChargingSessions(request)).charging_sessions
            found[:] = [one for one in sessions if one.charge_point_id == charge_point_id]
            return bool(found)

        await eventually(stands)
        [session] = found
        return session


@pytest.fixture
async def platform(
    run_service: ServiceRunner, neighbours: Neighbours, emptied_database: FreshDatabase, database_url: str
) -> Platform:
    addresses = neighbours.settings()
    transaction = await run_service(
        "transaction", background=True, database_url=emptied_database("transaction"), **addresses
    )
    addresses["transaction_service_url"] = transaction.address
    billing = await run_service("billing", background=True, database_url=database_url, **addresses)
    edge = recording_grpc.RecordingServiceStub(await transaction.internal_channel("edge"))
    return Platform(Caller(await billing.channel()), edge, transaction.bus)


def readings(*points: tuple[float, int] | tuple[float, int, int]) -> list[transaction_pb.MeterValue]:
    """By minutes after BEGIN: the register, and the power where it was read."""
    found = []
    for minutes, wh, *power in points:
        measured: dict[str, Any] = {"power_w": power[0]} if power else {}
        found.append(reports.reading(at(minutes), energy_wh=wh, **measured))
    return found


async def _session_16(
    platform: Platform,
    values: Sequence[transaction_pb.MeterValue],
    length: float,
    meter_stop_wh: int,
    name: str = "CP1",
) -> str:
    """By OCPP 1.6, with a register that stood at 1,000,000 Wh at the start."""
    named: dict[str, Any] = {"charge_point_id": name}
    number = await platform.tell(reports.start_16(at(0), meter_wh=1_000_000, **named))
    if values:
        await platform.tell(reports.meter_values_16(number, at(1), meter_values=values, **named))
    await platform.tell(reports.stop_16(number, at(length), meter_wh=meter_stop_wh, **named))
    return number


def _shifted(points: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    return [(minutes, 1_000_000 + wh) for minutes, wh in points]


@pytest.mark.field_case("D2")
async def test_a_fast_session_is_billed_by_its_readings(platform: Platform) -> None:
    window = {"start_time_of_day": f"{at(15):%H:%M}", "end_time_of_day": f"{at(375):%H:%M}"}
    cheaper_later = (component(price="0.39", **window), component(price="0.79"))
    await platform.operator.tariffs.CreateTariff(new_tariff(*cheaper_later, is_default=True))
    points = [(5, 8_333), (10, 16_667), (15, 25_000), (20, 30_500), (25, 34_700), (35, 39_500)]
    await _session_16(platform, readings(*_shifted(points)), 45, 1_041_160)
    await _session_16(platform, [], 45, 1_041_160, "CP2")
    # By OCPP 2.0.1, with registers that count from the start of the session.
    named: dict[str, Any] = {"charge_point_id": "CP3", "id_tag": "TAG", "authorization": reports.ACCEPTED}
    begin = [reports.reading(at(0), _START, energy_wh=0)]
    end = [reports.reading(at(45), _END, energy_wh=41_160)]
    await platform.tell(
        reports.event_201(reports.STARTED, at(0), 0, meter_values=begin, **named),
        *(
            reports.event_201(
                reports.UPDATED, at(minutes), n, meter_values=readings((minutes, wh)), charge_point_id="CP3"
            )
            for n, (minutes, wh) in enumerate(points, 1)
        ),
        reports.event_201(reports.ENDED, at(45), 9, meter_values=end, charge_point_id="CP3"),
    )
    shown = [await platform.session(name, ChargingSession.COMPLETED) for name in ("CP1", "CP2", "CP3")]
    assert [(amount(one.cost), list(one.flags)) for one in shown] == [
        ("26.05 EUR", []),
        ("21.54 EUR", [ChargingSession.EVENLY_SPREAD]),
        ("26.05 EUR", []),
    ]


IDLE: tariff_pb.PriceComponent = component("IDLE", "6.00", grace_minutes=15)
FULL = [(minute, 11_000 * min(minute, 90) // 60, 11_000 if minute < 90 else 0) for minute in range(0, 180, 5)]


@pytest.mark.field_case("D1")
async def test_a_vehicle_that_is_full_idles_until_it_leaves(platform: Platform) -> None:
    await platform.operator.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    with_power = [(minutes, 1_000_000 + wh, power) for minutes, wh, power in FULL]
    await _session_16(platform, readings(*with_power), 180, 1_016_500)
    # The register alone tells as much.
    await _session_16(platform, readings(*((minutes, wh) for minutes, wh, _ in with_power)), 180, 1_016_500, "CP2")
    for name in ("CP1", "CP2"):
        session = await platform.session(name, ChargingSession.COMPLETED)
        assert (session.idle_minutes, amount(session.cost)) == (90, "15.58 EUR")


@pytest.mark.field_case("D1")
async def test_a_vehicle_idles_that_is_said_to_by_the_status_of_its_connector(platform: Platform) -> None:
    await platform.operator.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    number = await platform.tell(reports.start_16(at(0), meter_wh=1_000_000, evse_id=1))
    await platform.status(Connector.CHARGING, 1)
    await platform.status(Connector.SUSPENDED_EV, 90)

    async def idles() -> bool:
        return (await platform.session("CP1", ChargingSession.ACTIVE)).idle_minutes > 0

    await eventually(idles)
    await platform.tell(reports.stop_16(number, at(180), meter_wh=1_016_500))
    session = await platform.session("CP1", ChargingSession.COMPLETED)
    assert (session.idle_minutes, amount(session.cost)) == (90, "15.58 EUR")


@pytest.mark.field_case("D1")
async def test_a_vehicle_idles_that_is_said_to_by_its_charging_state(platform: Platform) -> None:
    await platform.operator.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    begin = [reports.reading(at(0), _START, energy_wh=1_000_000)]
    end = [reports.reading(at(180), _END, energy_wh=1_016_500)]
    await platform.tell(
        reports.event_201(reports.STARTED, at(0), 0, meter_values=begin, id_tag="TAG", authorization=reports.ACCEPTED),
        *(
            reports.event_201(reports.UPDATED, at(minutes), number, charging_state=state)
            for number, (minutes, state) in enumerate(((1, "Charging"), (90, "SuspendedEV")), 1)
        ),
        reports.event_201(reports.ENDED, at(180), 3, meter_values=end),
    )
    session = await platform.session("CP1", ChargingSession.COMPLETED)
    assert (session.idle_minutes, amount(session.cost)) == (90, "15.58 EUR")


@pytest.mark.field_case("D1")
async def test_a_session_that_runs_shows_how_long_it_idles(platform: Platform) -> None:
    await platform.operator.tariffs.CreateTariff(new_tariff(component(price="0.49"), IDLE, is_default=True))
    number = await platform.tell(reports.start_16(at(0), meter_wh=1_000_000))
    values = readings(*((minutes, 1_000_000 + wh, power) for minutes, wh, power in FULL))
    await platform.tell(reports.meter_values_16(number, at(1), meter_values=values))
    session = await platform.session("CP1", ChargingSession.ACTIVE)
    # Until the last reading, at 2 h 55 min.
    assert (session.idle_minutes, amount(session.cost)) == (85, "15.08 EUR")
