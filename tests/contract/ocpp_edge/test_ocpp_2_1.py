"""A charging station of OCPP 2.1 on the `ocpp` package, which shares nothing with ours but the schemas, against an edge
node before the real station and transaction services: what it tells and is told is in their rows."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from ocpp.routing import on
from ocpp.v21 import ChargePoint as PackageChargePoint
from ocpp.v21 import call, call_result
from ocpp.v21.enums import Action
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.transaction.v1.change_settings_pb2 import ChangeSettings
from csms.transaction.v1.command_pb2 import ClearCache, CommandBody, GetReport, RemoteStart
from csms.transaction.v1.journal_service_pb2 import OcppMessage
from ocpp_edge.facts.structs import payload_of, struct_of
from services.journal.records import Exchange
from services.postgres.database import Database
from tests.contract.ocpp_edge.node import Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.services.transaction.platform import Stations
from tests.fixtures.background import eventually
from tests.fixtures.calls import refusal
from tests.fixtures.journal import journalled
from tests.fixtures.services import RunningService, ServiceRunner

IDENTITY, BEGUN = "CP21", datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
CARD = {"id_token": "CARD", "type": "AcmePass"}
COSTS = {
    "total_cost": {"currency": "EUR", "type_of_cost": "NormalCost", "total": {"excl_tax": 0.5}},
    "total_usage": {"energy": 1.5, "charging_time": 1200, "idle_time": 0},
}


class Wire:
    """The socket as the package wants it; keeps what came in."""

    def __init__(self, socket: ClientConnection) -> None:
        self.send = socket.send
        self.frames: list[Any] = []
        self._socket = socket

    async def recv(self) -> str:
        frame = str(await self._socket.recv())
        self.frames.append(json.loads(frame))
        return frame

    async def asked(self, action: str) -> str:
        """The id of the request of this action, once it has come."""

        async def has_come() -> bool:
            return any(frame[0] == 2 and frame[2] == action for frame in self.frames)

        await eventually(has_come)
        return str(next(frame[1] for frame in self.frames if frame[0] == 2 and frame[2] == action))


class ChargingStation(PackageChargePoint):  # type: ignore[misc]  # the package has no types
    """Does as it is told, and remembers it."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(IDENTITY, wire, response_timeout=30)
        self.asked_for: dict[str, Any] = {}

    @on(Action.request_start_transaction)  # type: ignore[untyped-decorator]
    def on_request_start_transaction(self, **asked: Any) -> Any:
        self.asked_for["RequestStartTransaction"] = asked
        return call_result.RequestStartTransaction("Accepted")

    @on(Action.set_variables)  # type: ignore[untyped-decorator]
    def on_set_variables(self, set_variable_data: list[dict[str, Any]], **_: Any) -> Any:
        self.asked_for.setdefault("SetVariables", []).append(len(set_variable_data))
        taken = [{**one, "attribute_status": "Accepted"} for one in set_variable_data]
        for one in taken:
            del one["attribute_value"]
        return call_result.SetVariables(taken)

    @on(Action.get_report)  # type: ignore[untyped-decorator]
    def on_get_report(self, request_id: int, **_: Any) -> Any:
        self.asked_for["GetReport"] = request_id
        return call_result.GetReport("Accepted")

    @on(Action.set_der_control)  # type: ignore[untyped-decorator]
    def on_set_der_control(self, **asked: Any) -> Any:
        self.asked_for["SetDERControl"] = asked
        return call_result.SetDERControl("NotSupported")


@dataclass(frozen=True)
class World:
    """The node, and both services behind it."""

    node: Node
    station: RunningService
    transaction: RunningService

    @asynccontextmanager
    async def charging_station(self) -> AsyncIterator[tuple[ChargingStation, Wire]]:
        url = f"ws://127.0.0.1:{self.node.edge.gateway.port}/ocpp/{IDENTITY}"
        offers = [Subprotocol(name) for name in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")]
        async with connect(url, subprotocols=offers, ping_interval=None, proxy=None) as socket:
            assert socket.subprotocol == "ocpp2.1"
            wire = Wire(socket)
            station = ChargingStation(wire)
            reading = asyncio.ensure_future(station.start())
            boot = call.BootNotification(charging_station={"model": "M", "vendor_name": "V"}, reason="PowerUp")
            assert (await station.call(boot, suppress=False)).status == "Accepted"
            yield station, wire
            reading.cancel()


@pytest.fixture
async def world(run_service: ServiceRunner, platform: Platform, start_node: Starter) -> World:
    """Tokens are decided about by a service of a few lines; all else is real."""
    station = await run_service("station", ocpp_ask_inventory=False)
    transaction = await run_service("transaction", station_service_url=station.address)
    platform.addresses |= {"station": station.address, "transaction": transaction.address}
    await Stations(station).create(IDENTITY)
    return World(await start_node(), station, transaction)


async def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    async with database.read() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


async def until_journalled(
    database: Database,
    is_meant: Callable[[Exchange], bool],
    told: Callable[[Exchange], tuple[Any, ...]],
    expected: list[tuple[Any, ...]],
) -> None:
    """Wait until the journal holds these, in any order."""

    async def found() -> list[tuple[Any, ...]]:
        return sorted(told(one) for one in await journalled(database) if is_meant(one))

    async def are_there() -> bool:
        return await found() == sorted(expected)

    try:
        await eventually(are_there)
    except TimeoutError:
        assert await found() == sorted(expected)


async def until_rows(database: Database, query: str, expected: list[tuple[Any, ...]]) -> None:
    """Wait until a query finds these: what is written beside an answer comes a moment later."""

    async def found() -> bool:
        return await rows(database, query) == expected

    try:
        await eventually(found)
    except TimeoutError:
        assert await rows(database, query) == expected


def at(minutes: int) -> str:
    return f"{BEGUN + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def variable(component: str, name: str, value: str) -> dict[str, Any]:
    return {
        "event_id": 1,
        "timestamp": at(0),
        "trigger": "Delta",
        "actual_value": value,
        "event_notification_type": "HardWiredNotification",
        "component": {"name": component, "evse": {"id": 1, "connector_id": 1}},
        "variable": {"name": name},
    }


def event(kind: str, trigger: str, number: int, session: dict[str, Any] | None = None, **fields: Any) -> Any:
    info = {"transaction_id": "T-21", **(session or {})}
    return call.TransactionEvent(
        event_type=kind,
        timestamp=at(number),
        trigger_reason=trigger,
        seq_no=number,
        transaction_info=info,
        evse={"id": 1, "connector_id": 1},
        **fields,
    )


def meter(minutes: int, energy_wh: int, context: str) -> list[dict[str, Any]]:
    return [{"timestamp": at(minutes), "sampled_value": [{"value": energy_wh, "context": context}]}]


@pytest.mark.effect("2.1", "NotifyChargingLimit", "NotifyEvent", "NotifyPeriodicEventStream", "TransactionEvent")
async def test_a_session_by_2_1_is_in_the_rows(world: World) -> None:
    limit = {"max_cost": 20.5, "max_soc": 80}
    async with world.charging_station() as (station, wire):
        # It sends no StatusNotification.
        asked_for = [variable("Connector", "AvailabilityState", "Occupied"), variable("Connector", "Problem", "true")]
        await station.call(call.NotifyEvent(generated_at=at(0), seq_no=0, event_data=asked_for))
        info = {"operation_mode": "ChargingOnly", "tariff_id": "t-1", "transaction_limit": limit}
        begun = event("Started", "Authorized", 0, info, id_token=CARD, meter_value=meter(0, 1000, "Transaction.Begin"))
        assert (await station.call(begun)).id_token_info == {"status": "Accepted"}
        await station.call(event("Updated", "RunningCost", 1, cost_details=COSTS, evse_sleep=False))
        over = {"stopped_reason": "ReqEnergyTransferRejected"}
        await station.call(event("Ended", "CostLimitReached", 2, over, meter_value=meter(2, 2500, "Transaction.End")))
        await station.call(call.NotifyChargingLimit(charging_limit={"charging_limit_source": "DSO-7"}))
        stream = {"id": 7, "pending": 0, "basetime": at(1), "data": [{"t": 0, "v": "230.1"}]}
        await wire.send(json.dumps([6, "s1", "NotifyPeriodicEventStream", stream]))
        await wire.send(json.dumps([6, "s2", "NotifyCoffee", {}]))
        await wire.send(json.dumps([5, "r1", "FormatViolation", "no", {}]))
        await wire.send(json.dumps([2, "d1", "NotifySettlement", {}]))
        await station.call(call.Heartbeat())
        refused = ["NotImplemented", "NotifySettlement is not implemented here", {}]
        assert [frame[2:] for frame in wire.frames if frame[1] == "d1"] == [refused]
        # A SEND and a CALLRESULTERROR are answered by nothing.
        assert not [frame for frame in wire.frames if frame[1] in ("s1", "s2", "r1")]

    sessions = "SELECT protocol, state, energy_wh, id_tag, token_type, stop_reason, charge_point_id FROM transactions"
    assert await rows(world.transaction.database, sessions) == [
        ("ocpp2.1", "ENDED", 1500, "CARD", "AcmePass", "ReqEnergyTransferRejected", IDENTITY)
    ]
    facts = await rows(
        world.transaction.database,
        "SELECT trigger_reason, token_type, dropped_json, flags FROM transaction_events ORDER BY device_time",
    )
    assert [(trigger, kind, flags) for trigger, kind, _, flags in facts] == [
        ("Authorized", "AcmePass", []),
        ("RunningCost", "", []),
        ("CostLimitReached", "", []),
    ]
    assert [json.loads(kept) if kept else None for _, _, kept, _ in facts] == [
        {
            "transactionInfo.operationMode": "ChargingOnly",
            "transactionInfo.tariffId": "t-1",
            "transactionInfo.transactionLimit": {"maxCost": 20.5, "maxSoC": 80},
        },
        {
            "costDetails": {
                "totalCost": {"currency": "EUR", "typeOfCost": "NormalCost", "total": {"exclTax": 0.5}},
                "totalUsage": {"energy": 1.5, "chargingTime": 1200, "idleTime": 0},
            },
            "evseSleep": False,
        },
        None,
    ]
    connectors = "SELECT evse_id, connector_id, status FROM connectors WHERE evse_id > 0"
    await until_rows(world.station.database, connectors, [(1, 1, "OCCUPIED")])
    events = "SELECT kind, subject, status, severity, protocol FROM device_events ORDER BY received_time, kind, subject"
    await until_rows(
        world.station.database,
        events,
        [
            ("variable", "Connector.AvailabilityState", "Occupied", "INFO", "ocpp2.1"),
            ("variable", "Connector.Problem", "true", "WARNING", "ocpp2.1"),
            ("charging_limit", "DSO-7", "", "INFO", "ocpp2.1"),
            ("event_stream", "7", "", "INFO", "ocpp2.1"),
        ],
    )
    await until_journalled(
        world.transaction.database,
        lambda one: one.kind != OcppMessage.CALL,
        lambda one: (one.kind, one.action, one.error_code, one.protocol),
        [
            (OcppMessage.SEND, "NotifyCoffee", "NotImplemented", "ocpp2.1"),
            (OcppMessage.SEND, "NotifyPeriodicEventStream", "", "ocpp2.1"),
            (OcppMessage.CALL_ERROR, "", "FormatViolation", "ocpp2.1"),
        ],
    )


@pytest.mark.effect("2.1", "NotifyReport")
@pytest.mark.effect_of_call("2.1", "SetVariables")
async def test_a_station_of_2_1_does_as_it_is_told(world: World) -> None:
    edge = await world.node.service()
    async with world.charging_station() as (station, wire):
        entries = [
            {
                "component": {"name": "DeviceDataCtrlr"},
                "variable": {"name": "ItemsPerMessage", "instance": "SetVariables"},
                "variable_attribute": [{"value": "2"}],
            },
            {
                "component": {"name": "Connector", "evse": {"id": 1, "connector_id": 1}},
                "variable": {"name": "ConnectorType"},
                "variable_attribute": [{"value": "cAcmePlug"}],
            },
        ]
        await station.call(call.NotifyReport(request_id=1, generated_at=at(0), seq_no=0, report_data=entries))

        async def deliver(**body: Any) -> edge_pb.DeliverCommandResponse:
            request = edge_pb.DeliverCommandRequest(
                command_id="c1", charge_point_id=IDENTITY, body=CommandBody(**body), timeout=Duration(seconds=30)
            )
            return await edge.DeliverCommand(request)

        started = await deliver(remote_start=RemoteStart(id_tag="X" * 40, token_type="AcmePass", connector_id=1))
        assert started.accepted
        assert station.asked_for["RequestStartTransaction"]["id_token"] == {"id_token": "X" * 40, "type": "AcmePass"}
        settings = ChangeSettings()
        for key, value in (("A.B", "1"), ("WebPaymentsCtrlr.SharedSecret", "topsecret-7"), ("A.C", "x" * 2000)):
            settings.settings.add(key=key, value=value)
        changed = await deliver(change_settings=settings)
        # It takes two in a call.
        assert (changed.accepted, station.asked_for["SetVariables"]) == (True, [2, 1])
        reported = await deliver(get_report=GetReport(component_criteria=[GetReport.PROBLEM]))
        assert (reported.accepted, "GetReport" in station.asked_for) == (True, True)

        # What it has no handler for gets no answer of the package: by hand, and badly.
        asking = asyncio.ensure_future(deliver(clear_cache=ClearCache()))
        await wire.send(json.dumps([3, await wire.asked("ClearCache"), {"status": []}]))
        assert (await refusal(asking)).reason == "OCPP_CALL_ERROR"

        raw = edge_pb.SendOcppCallRequest(
            charge_point_id=IDENTITY,
            action="SetDERControl",
            payload=struct_of({"isDefault": True, "controlId": "1", "controlType": "FreqDroop"}),
            timeout=Duration(seconds=30),
        )
        assert payload_of((await edge.SendOcppCall(raw)).payload) == {"status": "NotSupported"}
        assert station.asked_for["SetDERControl"]["control_type"] == "FreqDroop"
        raw.payload.CopyFrom(struct_of({"controlType": "FreqDroop"}))
        assert (await refusal(edge.SendOcppCall(raw))).reason == "OCPP_SCHEMA_VIOLATION"
        raw.action = "NotifyPeriodicEventStream"
        assert (await refusal(edge.SendOcppCall(raw))).reason == "NOT_SUPPORTED_BY_CHARGE_POINT"

    values = "SELECT component, variable, value FROM device_variables ORDER BY component, variable"
    found = {(component, name): value for component, name, value in await rows(world.station.database, values)}
    assert found == {
        ("A", "B"): "1",
        ("A", "C"): "x" * 2000,
        ("Connector", "ConnectorType"): "cAcmePlug",
        ("DeviceDataCtrlr", "ItemsPerMessage"): "2",
        ("WebPaymentsCtrlr", "SharedSecret"): "***",
    }
    database = world.transaction.database
    await until_journalled(
        database,
        lambda one: one.kind == OcppMessage.CALL_ERROR,
        lambda one: (one.is_inbound, one.action, one.error_code),
        [(False, "ClearCache", "FormatViolation")],
    )
    await until_journalled(
        database,
        lambda one: b'"SharedSecret"' in one.frame,
        lambda one: (one.action, b"***" in one.frame),
        [("SetVariables", True)],
    )
    assert not any(b"topsecret" in one.frame + one.answer for one in await journalled(database))
