"""The device model: what events tell of variables is kept once, the newest of it, and found again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from csms.error.v1.error_reason_pb2 import ERROR_REASON_INVALID_FIELD as INVALID_FIELD
from csms.station.v1 import charge_point_service_pb2 as point_pb
from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1 import device_model_service_pb2 as model_pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.device_event_pb2 import DeviceEvent
from csms.station.v1.device_model_service_pb2_grpc import DeviceModelServiceStub
from csms.station.v1.device_variable_pb2 import (
    DeviceComponent,
    DeviceVariable,
    DeviceVariableName,
    ReportedVariable,
    ReportPart,
    ReportRequest,
    VariableCharacteristics,
    VariableReport,
)
from services.rpc.protobuf import timestamp
from services.station.sql import device_variables
from tests.contract.services.station.callers import create_point
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model(service: RunningService) -> DeviceModelServiceStub:
    """DeviceModelService as an operator calls it."""
    return DeviceModelServiceStub(await service.channel("operator"))


@pytest_asyncio.fixture(loop_scope="module", autouse=True)
async def known(points: ChargePointServiceStub, name: str) -> None:
    """Variables are shown to whom their charge point belongs."""
    await create_point(points, name)


def variable(
    name: str, value: str | None = None, *, component: str = "OCPPCommCtrlr", **fields: Any
) -> ReportedVariable:
    return ReportedVariable(
        component=DeviceComponent(name=component, evse_id=fields.pop("evse_id", 0)),
        variable=DeviceVariableName(name=name, instance=fields.pop("instance", "")),
        value=value,
        **fields,
    )


def reported(name: str, at: float, *variables: ReportedVariable, whole: bool = False, **fields: Any) -> DeviceEvent:
    """An answer that tells of variables."""
    time = timestamp(NOW + timedelta(seconds=at))
    report = VariableReport(variables=variables, whole_inventory=whole)
    usual: dict[str, Any] = {
        "kind": "variables",
        "action": "GetVariables",
        "protocol": "ocpp2.0.1",
        "received_time": time,
        "payload_json": "{}",
        "message_id": f"answer at {at}",
        "variable_report": report,
    }
    return DeviceEvent(charge_point_id=name, **{**usual, **fields})


def part(
    name: str, seq_no: int, *variables: ReportedVariable, last: bool = False, at: float = 0, number: int = 7
) -> DeviceEvent:
    """A part of a report."""
    time = timestamp(NOW + timedelta(seconds=at))
    report = VariableReport(variables=variables, part=ReportPart(request_id=number, seq_no=seq_no, last=last))
    return reported(
        name,
        at,
        kind="report",
        action="NotifyReport",
        time=time,
        device_time=time,
        request_id=number,
        payload_json=f'{{"seqNo":{seq_no},"at":{at}}}',
        variable_report=report,
    )


def asked(name: str, at: float, *, number: int = 7, scope: Any = ReportRequest.FULL_INVENTORY) -> DeviceEvent:
    """That a report was asked for."""
    request = ReportRequest(request_id=number, scope=scope, ask_time=timestamp(NOW + timedelta(seconds=at)))
    event = reported(name, at, kind="report_request", action="GetBaseReport", message_id=f"request at {at}")
    event.ClearField("variable_report")
    event.report_request.CopyFrom(request)
    return event


async def record(edge: ConnectivityServiceStub, *events: DeviceEvent) -> list[int]:
    answer = await edge.RecordDeviceEvents(pb.RecordDeviceEventsRequest(events=events))
    return [item.error.reason for item in answer.answers]


async def variables_of(model: DeviceModelServiceStub, name: str, **fields: Any) -> Sequence[DeviceVariable]:
    request = model_pb.ListDeviceVariablesRequest(charge_point_id=name, **fields)
    return (await model.ListDeviceVariables(request)).variables


async def values_of(model: DeviceModelServiceStub, name: str, **fields: Any) -> dict[str, str]:
    return {one.variable.name: one.value for one in await variables_of(model, name, **fields)}


async def gone_of(model: DeviceModelServiceStub, name: str) -> set[str]:
    return set(await values_of(model, name, gone=True))


def at(seconds: float) -> Any:
    return timestamp(NOW + timedelta(seconds=seconds))


async def test_a_variable_is_shown_as_it_was_told(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    described: dict[str, Any] = {
        "mutability": DeviceVariable.READ_WRITE,
        "persistent": True,
        "constant": False,
        "characteristics": VariableCharacteristics(
            unit="s", data_type="integer", min_limit=0, max_limit=3600.5, supports_monitoring=True
        ),
    }
    said = variable("MessageTimeout", "30", instance="Default", evse_id=2, **described)
    assert await record(edge, part(name, 0, said, at=3)) == [0]
    [shown] = await variables_of(model, name)
    assert (shown.component, shown.variable) == (said.component, said.variable)
    assert shown.attribute_type == DeviceVariable.ACTUAL
    assert (shown.value, shown.characteristics) == ("30", described["characteristics"])
    assert (shown.mutability, shown.persistent, shown.constant) == (DeviceVariable.READ_WRITE, True, False)
    assert shown.first_seen_time == shown.reported_time == shown.changed_time == at(3)
    assert (shown.action, shown.HasField("previous_value"), shown.HasField("gone_time")) == (
        "NotifyReport",
        False,
        False,
    )
    # What told it is found, and does not repeat it.
    assert len(shown.event_id) == 36


async def test_what_was_told_later_counts_whatever_comes_later(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, reported(name, 50, variable("HeartbeatInterval", "300")))
    await record(edge, part(name, 0, variable("heartbeatinterval", "60"), at=10))
    await record(edge, reported(name, 20, variable("HeartbeatInterval", "60")))
    [shown] = await variables_of(model, name)
    assert (shown.value, shown.previous_value) == ("300", "60")
    assert (shown.reported_time, shown.changed_time, shown.previous_time) == (at(50), at(50), at(20))
    assert shown.first_seen_time == at(10)


async def test_a_clock_that_is_ahead_does_not_outlive_what_is_told_afterwards(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    early = part(name, 0, variable("HeartbeatInterval", "60"), at=10)
    early.time.CopyFrom(at(55))
    early.device_time.CopyFrom(at(55))
    await record(edge, early)
    await record(edge, reported(name, 20, variable("HeartbeatInterval", "300")))
    assert await values_of(model, name) == {"HeartbeatInterval": "300"}


async def changes_of(model: DeviceModelServiceStub, name: str, **fields: Any) -> list[tuple[str, str, Any, str]]:
    """The changes of its only variable."""
    [shown] = await variables_of(model, name)
    request = model_pb.ListDeviceVariableChangesRequest(charge_point_id=name, variable_id=shown.id, **fields)
    changes = (await model.ListDeviceVariableChanges(request)).changes
    assert all(change.variable_id == shown.id and len(change.event_id) == 36 for change in changes)
    return [(change.previous_value, change.value, change.time, change.action) for change in changes]


async def test_every_change_of_a_variable_is_listed_with_what_told_it(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, part(name, 0, variable("Interval", "60"), at=1), part(name, 0, variable("Interval", "60"), at=2))
    assert await changes_of(model, name) == []
    await record(edge, reported(name, 10, variable("Interval", "300"), action="SetVariables"))
    await record(edge, reported(name, 20, variable("interval", "60"), action="NotifyEvent"))
    await record(edge, part(name, 0, variable("Interval", "60"), at=30))
    set_by_us, by_itself = ("60", "300", at(10), "SetVariables"), ("300", "60", at(20), "NotifyEvent")
    assert await changes_of(model, name) == [by_itself, set_by_us]
    # What comes late and again makes the same of it.
    late = reported(name, 15, variable("Interval", "120"), action="GetVariables")
    await record(edge, late)
    await record(edge, late)
    between = ("300", "120", at(15), "GetVariables")
    assert await changes_of(model, name) == [("120", *by_itself[1:]), between, set_by_us]
    assert await changes_of(model, name, time_from=at(15), time_to=at(20)) == [between]
    # Of one batch each counts.
    await record(edge, *(reported(name, 40 + n, variable("Interval", str(n))) for n in range(3)))
    assert [after for _, after, _, _ in await changes_of(model, name, time_from=at(40))] == ["2", "1", "0"]


async def test_changes_are_listed_in_pages_and_go_with_their_charge_point(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, *(reported(name, n, variable("Power", str(n))) for n in range(7)))
    [shown] = await variables_of(model, name)
    request = model_pb.ListDeviceVariableChangesRequest(charge_point_id=name, variable_id=shown.id, page_size=4)
    first = await model.ListDeviceVariableChanges(request)
    request.page_token = first.next_page_token
    rest = await model.ListDeviceVariableChanges(request)
    pairs = [(one.previous_value, one.value) for one in (*first.changes, *rest.changes)]
    assert pairs == [(str(n - 1), str(n)) for n in range(6, 0, -1)]
    assert (first.total_size, rest.next_page_token) == (6, "")
    bad = model_pb.ListDeviceVariableChangesRequest(charge_point_id=name, variable_id="Power")
    assert await bad_fields(model.ListDeviceVariableChanges(bad)) == ["variableId"]
    await points.DeleteChargePoint(point_pb.DeleteChargePointRequest(charge_point_id=name))
    request.page_token = ""
    assert list((await model.ListDeviceVariableChanges(request)).changes) == []


async def test_what_a_whole_inventory_is_without_is_gone(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, reported(name, 0, variable("A", "1"), variable("B", "1"), variable("C", "1")))
    events = [
        asked(name, 10),
        part(name, 0, variable("A", "2"), at=11),
        part(name, 2, last=True, at=11),
        part(name, 1, variable("B", "2"), at=11),
    ]
    # One that lacks a part tells nothing of what it is without.
    await record(edge, *events[:3])
    assert await gone_of(model, name) == set()
    await record(edge, *reversed(events), *events)
    assert await gone_of(model, name) == {"C"}
    [gone] = await variables_of(model, name, gone=True)
    assert (gone.gone_time, gone.value) == (at(11), "1")
    assert set(await values_of(model, name, gone=False)) == {"A", "B"}
    # An older report that comes late does not bring it back, and a newer one does.
    await record(edge, reported(name, 5, variable("C", "0")))
    assert await gone_of(model, name) == {"C"}
    await record(edge, reported(name, 20, variable("C", "3")))
    assert await gone_of(model, name) == set()


@pytest.mark.parametrize("scope", [ReportRequest.SELECTION, ReportRequest.CONFIGURATION_INVENTORY])
async def test_other_reports_say_nothing_of_what_they_are_without(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str, scope: Any
) -> None:
    await record(edge, reported(name, 0, variable("A", "1"), variable("B", "1")))
    await record(edge, asked(name, 10, scope=scope), part(name, 0, variable("A", "2"), last=True, at=11))
    assert await gone_of(model, name) == set()


async def test_parts_before_the_same_number_was_asked_again_are_of_the_report_before(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, reported(name, 0, variable("A", "1"), variable("B", "1")))
    await record(edge, asked(name, 10), part(name, 0, variable("A", "2"), at=11))
    await record(edge, asked(name, 100), part(name, 1, last=True, at=101))
    assert await gone_of(model, name) == set()
    await record(edge, part(name, 0, variable("A", "3"), at=102))
    assert await gone_of(model, name) == {"B"}


async def test_an_answer_that_has_all_is_an_inventory_and_one_that_knows_no_such_is_news_of_it(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, reported(name, 0, variable("A", "1"), variable("B", "1"), variable("C", "1")))
    await record(edge, reported(name, 10, variable("A", "1"), variable("C", "1"), whole=True))
    assert await gone_of(model, name) == {"B"}
    await record(edge, reported(name, 20, variable("C", unknown=True), variable("Nowhere", unknown=True)))
    assert await gone_of(model, name) == {"B", "C"}
    assert set(await values_of(model, name)) == {"A", "B", "C"}


async def test_variables_are_found_by_what_they_are_called_hold_and_when_they_changed(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(
        edge,
        reported(
            name,
            0,
            variable("Interval", "60"),
            variable("Power", "11000", component="EVSE", evse_id=1),
            variable("Power", "22000", component="EVSE", evse_id=2, attribute_type=DeviceVariable.MAX_SET),
            variable("Timeout", "30_%", instance="Default"),
        ),
        reported(name, 50, variable("Interval", "61")),
        reported(f"{name}-2", 0, variable("Interval", "1")),
    )
    assert set(await values_of(model, name)) == {"Interval", "Power", "Timeout"}
    assert await values_of(model, name, component="ocppCOMMctrlr", variable="interval") == {"Interval": "61"}
    assert await values_of(model, name, text="DEFAULT") == {"Timeout": "30_%"}
    assert await values_of(model, name, text="0_%") == {"Timeout": "30_%"}
    assert await values_of(model, name, text="evse", evse_id=1) == {"Power": "11000"}
    assert await values_of(model, name, attribute_type=DeviceVariable.MAX_SET) == {"Power": "22000"}
    assert await values_of(model, name, changed_since=at(50)) == {"Interval": "61"}
    refused = model.ListDeviceVariables(model_pb.ListDeviceVariablesRequest(charge_point_id=name, text="x" * 201))
    assert await reason(refused) == "INVALID_FIELD"


async def test_reports_that_were_asked_for_are_shown_with_whether_all_of_them_has_come(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, asked(name, 0), part(name, 0, variable("A", "1"), at=1))
    await record(edge, asked(name, 10, number=8, scope=ReportRequest.SELECTION))
    await record(edge, part(name, 0, variable("A", "1"), last=True, at=11, number=8))
    await record(edge, reported(name, 20, variable("A", "1"), whole=True))
    request = model_pb.ListDeviceReportsRequest(charge_point_id=name)
    shown = (await model.ListDeviceReports(request)).reports
    assert [(one.request_id, one.scope, one.ask_time) for one in shown] == [
        (0, ReportRequest.FULL_INVENTORY, at(20)),
        (8, ReportRequest.SELECTION, at(10)),
        (7, ReportRequest.FULL_INVENTORY, at(0)),
    ]
    assert [one.report_time if one.HasField("report_time") else None for one in shown] == [at(20), at(11), None]


async def test_a_large_report_is_shown_in_pages(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    many = [variable(f"Variable{number:04}", str(number)) for number in range(2000)]
    await record(edge, part(name, 0, *many[:1000]), part(name, 1, *many[1000:], last=True))
    request = model_pb.ListDeviceVariablesRequest(charge_point_id=name, page_size=250)
    seen: list[str] = []
    while True:
        page = await model.ListDeviceVariables(request)
        assert page.total_size == 2000
        seen += [one.value for one in page.variables]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert seen == [str(number) for number in range(2000)]


async def test_what_names_nothing_fails_alone(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    assert await record(edge, reported(name, 0, variable("")), reported(name, 1, variable("A", "1"))) == [
        INVALID_FIELD,
        0,
    ]
    assert await values_of(model, name) == {"A": "1"}


async def test_nobody_fills_the_database_with_names_that_he_makes_up(
    edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_variables, "MOST_VARIABLES", 3)
    await record(edge, reported(name, 0, variable("A", "1"), variable("B", "1")))
    await record(
        edge, reported(name, 1, variable("A", "2"), variable("C", "1"), variable("D", "1"), variable("E", "1"))
    )
    values = await values_of(model, name)
    assert len(values) == 3
    assert values["A"] == "2"


async def test_variables_go_with_their_charge_point(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, model: DeviceModelServiceStub, name: str
) -> None:
    await record(edge, asked(name, 0), part(name, 0, variable("A", "1"), last=True, at=1))
    await points.DeleteChargePoint(point_pb.DeleteChargePointRequest(charge_point_id=name))
    assert await values_of(model, name) == {}


async def test_events_are_found_by_their_text(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, name: str
) -> None:
    said = [
        reported(name, 0, subject="TamperDetection"),
        reported(name, 1, status="Installed"),
        reported(name, 2, info="50% done"),
    ]
    await record(edge, *said)
    for text, found in (("tamper", 1), ("INSTALLED", 1), ("50%", 1), ("5_%", 0), ("", 3)):
        request = point_pb.ListDeviceEventsRequest(charge_point_id=name, text=text)
        assert len((await points.ListDeviceEvents(request)).events) == found


@pytest.mark.parametrize(
    ("told", "currency"),
    [
        ([("Enabled", "true", "Cost"), ("Currency", "eur", "")], "EUR"),
        ([("enabled", "True", "cost")], "XXX"),
        ([("Enabled", "true", "Cost"), ("Currency", "Euro", "")], "XXX"),
        ([("Enabled", "true", "Tariff"), ("Currency", "EUR", "")], ""),
        ([("Enabled", "false", "Cost"), ("Currency", "EUR", "")], ""),
    ],
)
async def test_it_is_known_of_a_charge_point_in_what_it_shows_costs(
    edge: ConnectivityServiceStub,
    points: ChargePointServiceStub,
    name: str,
    told: Sequence[tuple[str, str, str]],
    currency: str,
) -> None:
    variables = [
        variable(called, value, component="TariffCostCtrlr", instance=instance) for called, value, instance in told
    ]
    await record(edge, *(reported(name, at, one) for at, one in enumerate(variables)))

    found = (await points.GetChargePoint(point_pb.GetChargePointRequest(charge_point_id=name))).charge_point
    assert found.cost_currency == currency
    attempt = pb.ConnectionAttempt(charge_point_id=name, protocol="ocpp2.0.1", node="n1", node_address="127.0.0.1:1")
    [admission] = (await edge.OpenConnections(pb.OpenConnectionsRequest(attempts=[attempt]))).admissions
    assert admission.cost_currency == currency

    # What it says later counts, also that it has no such thing any more.
    gone = variable("Enabled", component="TariffCostCtrlr", instance="Cost", unknown=True)
    await record(edge, reported(name, 10, gone))
    found = (await points.GetChargePoint(point_pb.GetChargePointRequest(charge_point_id=name))).charge_point
    assert found.cost_currency == ""
