"""Numbers of enums that only a newer release knows: in what it tells they pass, in what callers ask they do not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.message import Message

from csms.billing.v1.billing_service_pb2 import ListChargingSessionsRequest
from csms.event.v1 import domain_event_pb2 as event_pb
from csms.health.v1.health_service_pb2 import BackgroundTask
from csms.monitoring.v1.alert_service_pb2 import ListAlertsRequest
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import device_event_pb2, device_variable_pb2, refusal_pb2
from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.connector_pb2 import Connector
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2
from csms.transaction.v1.command_pb2 import CommandBody, GetReport, Reset
from csms.transaction.v1.command_service_pb2 import ChangeAvailabilityRequest, CreateCommandRequest
from csms.transaction.v1.transaction_service_pb2 import ListTransactionsRequest
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.kernel.clock import SystemClock
from services.kernel.errors import DomainError
from services.messaging.subjects import subject
from services.monitoring.domain.service_info import TaskState
from services.monitoring.mapping import from_proto
from services.rpc import values
from services.rpc.protobuf import timestamp
from services.station.mapping import connectors, device_variables, refusals
from services.transaction.mapping.evidence import connector_report
from services.transaction.mapping.recording import EventMessage

NEWER: Any = 4242
NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)
CLOCK = SystemClock()


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (ListAlertsRequest(kind=NEWER), "kind"),
        (ListChargingSessionsRequest(hold_reason=NEWER), "holdReason"),
        (ListTransactionsRequest(state=NEWER), "state"),
        (ChangeAvailabilityRequest(charge_point_id="CP1", availability=NEWER), "availability"),
        (CreateCommandRequest(command=CommandBody(reset=Reset(type=NEWER))), "command.reset.type"),
        (
            CreateCommandRequest(
                command=CommandBody(get_report=GetReport(component_criteria=[GetReport.ACTIVE, NEWER]))
            ),
            "componentCriteria[1]",
        ),
    ],
)
def test_a_caller_who_asks_by_such_a_number_is_told_the_field_and_its_choices(request_: Message, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        values.check(request_)
    [violation] = refused.value.violations
    assert violation.field.endswith(field)
    assert violation.description.startswith("must be one of ")


def test_a_transaction_is_followed_with_what_is_known_of_it() -> None:
    message = transaction_pb2.Transaction(
        id="T",
        charge_point_id="CP1",
        state=NEWER,
        authorization=NEWER,
        authorization_reason=NEWER,
        start_time=timestamp(NOW),
        energy_wh=7_000,
    )
    read = transaction_pb2.Transaction.FromString(message.SerializeToString())
    seen = from_proto.transaction(read, CLOCK)
    assert (seen.id, seen.energy_wh, seen.authorization) == ("T", 7_000, None)
    assert transaction_snapshot(read, "").energy_wh == 7_000


def test_a_status_is_kept_by_its_number_and_is_no_evidence() -> None:
    report = connectors.status_report(connectivity_pb.StatusReport(charge_point_id="CP1", status=NEWER), CLOCK)
    assert (report.status, report.reported_status) == (None, str(NEWER))
    changed = event_pb.ConnectorStatusChanged(connector=Connector(charge_point_id="CP1", connector_id=2, status=NEWER))
    seen = from_proto.status_report(changed, NOW, "")
    assert (seen.connector.status, seen.connector.connector_id) == (None, 2)
    event = event_pb.DomainEvent(
        subject=subject("connector_status_changed", "status_changed", "CP1"),
        create_time=timestamp(NOW),
        connector_status_changed=changed,
    )
    assert connector_report(event) is None


def test_events_about_charge_points_count() -> None:
    snapshot = from_proto.charge_point_snapshot(ChargePoint(id="CP1", state=NEWER, online=True), NOW)
    assert (snapshot.id, snapshot.online, snapshot.accepted) == ("CP1", True, False)
    recorded = event_pb.DeviceEventRecorded(event=device_event_pb2.DeviceEvent(kind="security_event", severity=NEWER))
    assert from_proto.device_event(recorded, "").kind == "security_event"
    assert from_proto.refusal(event_pb.ConnectionRefused(charge_point_id="CP1", rule=NEWER), NOW, "").rule == ""
    assert from_proto.background_task(BackgroundTask(name="relay", state=NEWER), "r").state is TaskState.WORKING


def test_of_refused_handshakes_those_by_known_rules_are_kept() -> None:
    said = [
        connectivity_pb.RefusedHandshakes(identity="CP1", rule=rule)
        for rule in (NEWER, refusal_pb2.Refusal.IDENTITY_MISSING)
    ]
    assert [one.rule for one in refusals.refused(said, CLOCK)] == ["IDENTITY_MISSING"]


def test_a_report_is_taken_but_for_attributes_that_nobody_here_knows() -> None:
    def variable(**fields: Any) -> device_variable_pb2.ReportedVariable:
        named = {"component": {"name": "EVSE"}, "variable": {"name": "Power"}, "value": "1"}
        return device_variable_pb2.ReportedVariable(**{**named, **fields})

    report = device_variables.variable_report(
        device_variable_pb2.VariableReport(variables=[variable(attribute_type=NEWER), variable(mutability=NEWER)])
    )
    [kept] = report.variables
    assert (kept.place.attribute_type, kept.value, kept.description) == ("ACTUAL", "1", None)


def test_a_fact_that_cannot_be_folded_is_left_to_its_charge_point() -> None:
    """What its decision was, can be unknown; what it tells, cannot: acknowledged, it would be lost."""
    fields: dict[str, Any] = {"charge_point_id": "CP1", "received_time": timestamp(NOW), "device_time": timestamp(NOW)}
    started = recording_pb.TransactionEvent(
        kind=recording_pb.TransactionEvent.STARTED, authorization=NEWER, authorization_reason=NEWER, **fields
    )
    assert EventMessage(started).event().authorization is None
    with pytest.raises(DomainError) as refused:
        EventMessage(recording_pb.TransactionEvent(kind=NEWER, **fields)).event()
    assert [violation.field for violation in refused.value.violations] == ["kind"]
