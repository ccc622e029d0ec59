"""A command about more than a charge point takes in one call"""

from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from csms.edge.v1.edge_service_pb2 import DeliverCommandResponse
from csms.station.v1.device_variable_pb2 import DeviceComponent, DeviceVariable, DeviceVariableName
from csms.transaction.v1.change_settings_pb2 import ChangeSettings, Setting
from csms.transaction.v1.command_pb2 import (
    ChangeConfiguration,
    CommandBody,
    GetConfiguration,
    GetReport,
    RotatePassword,
)
from csms.transaction.v1.component_variable_pb2 import ComponentVariable
from ocpp_edge.commands.delivery import deliver
from ocpp_edge.commands.parts import UNREPORTED, Limits
from ocpp_edge.facts.structs import payload_of
from ocpp_edge.quirks import Profile
from ocpp_edge.rpc.calls import Failed, FailureReason, Outcome, Priority, Refused, Result
from ocpp_edge.rpc.frames import encode_call
from ocpp_edge.rpc.outbound import check_call
from ocpp_edge.rpc.schemas import load
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, unavailable
from services.kernel.ids import new_id
from services.kernel.quirks.asking import MANY_AT_ONCE
from tests.unit.ocpp_edge.platform import Platform, context

V16, V201 = Version.V16, Version.V201
KEYS = [f"OCPPCommCtrlr.Setting{number}" for number in range(9)]


def variable(component: str, name: str, value: str, instance: str = "") -> DeviceVariable:
    return DeviceVariable(
        component=DeviceComponent(name=component),
        variable=DeviceVariableName(name=name, instance=instance),
        value=value,
    )


def limit(name: str, value: object, instance: str = "GetVariables") -> DeviceVariable:
    return variable("DeviceDataCtrlr", name, str(value), instance)


class Station:
    """A charge point that answers by the action, but for those calls that have another `outcomes` by their number."""

    def __init__(self, version: Version, *reported: DeviceVariable, outcomes: dict[int, Outcome] | None = None) -> None:
        self.context = context(version)
        self.backend = Platform()
        self.backend.variables.extend(reported)
        self.asked: list[tuple[str, Any]] = []
        self._outcomes = outcomes or {}

    async def call(self, action: str, payload: Any, **_limits: object) -> Outcome:
        check_call(load(self.context.version), action, payload)
        self.asked.append((action, payload))
        return self._outcomes.get(len(self.asked) - 1) or Result(_answer(action, payload))

    async def deliver(self, **body: Any) -> DeliverCommandResponse:
        connection: Any = self
        return await deliver(connection, "c1", CommandBody(**body), 5, Priority.NORMAL)

    def sizes(self, name: str) -> list[int]:
        return [len(payload[name]) for _, payload in self.asked]


def _answer(action: str, payload: Any) -> Any:
    match action:
        case "GetVariables":
            reported = {"attributeStatus": "Accepted", "attributeValue": "1"}
            return {"getVariableResult": [{**one, **reported} for one in payload["getVariableData"]]}
        case "SetVariables":
            taken = [
                {"component": one["component"], "variable": one["variable"], "attributeStatus": "Accepted"}
                for one in payload["setVariableData"]
            ]
            return {"setVariableResult": taken}
        case "GetConfiguration":
            return {"configurationKey": [{"key": key, "readonly": False, "value": "1"} for key in payload["key"]]}
    return {"status": "Accepted"}


def result(response: DeliverCommandResponse) -> Any:
    return json_format.MessageToDict(response.result)


@pytest.mark.parametrize(
    ("reported", "sizes"),
    [
        ([limit("ItemsPerMessage", 4)], [4, 4, 1]),
        ([limit("itemspermessage", 4, "getvariables")], [4, 4, 1]),
        ([limit("ItemsPerMessageGetVariables", 4, "")], [4, 4, 1]),
        ([limit("ItemsPerMessage", 9)], [9]),
        # Nothing is told of reading, or nothing that is a limit.
        ([], [1] * 9),
        ([limit("ItemsPerMessage", 4, "SetVariables")], [1] * 9),
        ([limit("ItemsPerMessage", 0)], [1] * 9),
        ([limit("ItemsPerMessage", "many")], [1] * 9),
        ([limit("ItemsPerMessage", 50), limit("BytesPerMessage", 300)], [3, 3, 3]),
        ([limit("ItemsPerMessage", 50), limit("BytesPerMessage", 65_536)], [9]),
    ],
)
async def test_a_station_is_never_asked_for_more_than_it_takes(
    reported: Sequence[DeviceVariable], sizes: list[int]
) -> None:
    station = Station(V201, *reported)
    response = await station.deliver(get_configuration=GetConfiguration(keys=KEYS))
    assert station.sizes("getVariableData") == sizes
    assert response.accepted
    assert not response.error
    assert [one["key"] for one in result(response)["configuration"]["entries"]] == KEYS
    assert len(payload_of(response.answer)["getVariableResult"]) == 9
    is_split = len(sizes) > 1
    assert [len(payload_of(call.answer)["getVariableResult"]) for call in response.calls] == (sizes if is_split else [])


async def test_keys_of_the_older_version_are_read_as_many_at_a_time_as_it_says() -> None:
    keys = ["A", "B", "C", "D", "E"]
    for reported, sizes in (
        ([variable("Configuration", "GetConfigurationMaxKeys", "2")], [2, 2, 1]),
        ([], [1, 1, 1, 1, 1]),
    ):
        station = Station(V16, *reported)
        response = await station.deliver(get_configuration=GetConfiguration(keys=keys))
        assert station.sizes("key") == sizes
        assert [one["key"] for one in result(response)["configuration"]["entries"]] == keys
        assert list(response.calls[0].keys) == keys[: sizes[0]]


async def test_one_key_needs_nobody_to_be_asked_about_limits() -> None:
    station = Station(V16)
    asked: list[str] = []

    async def known(charge_point_id: str, component: str, text: str) -> Sequence[DeviceVariable]:
        asked.append(charge_point_id)
        return ()

    station.backend.known_variables = known  # type: ignore[method-assign]
    await station.deliver(get_configuration=GetConfiguration(keys=["A"]))
    assert asked == []
    await station.deliver(get_configuration=GetConfiguration(keys=["A", "B"]))
    assert asked == ["CP1"]


@pytest.mark.parametrize(
    ("version", "reported", "sizes"),
    [
        (V16, [], [9]),
        (V201, [], [9]),
        (V201, [limit("BytesPerMessage", 300)], [3, 3, 3]),
        # What it has told holds whatever an operator has switched.
        (V201, [limit("ItemsPerMessage", 4)], [4, 4, 1]),
        (V201, [limit("ItemsPerMessage", 1)], [1] * 9),
    ],
)
async def test_one_that_is_said_to_take_many_is_asked_for_all_at_once_unless_it_tells(
    version: Version, reported: Sequence[DeviceVariable], sizes: list[int]
) -> None:
    station = Station(version, *reported)
    station.context.forgives.become(Profile(on=(MANY_AT_ONCE.id,)))
    await station.deliver(get_configuration=GetConfiguration(keys=KEYS))
    assert station.sizes("key" if version is V16 else "getVariableData") == sizes


async def test_limits_that_cannot_be_asked_for_are_taken_as_untold() -> None:
    station = Station(V201, limit("ItemsPerMessage", 4))
    station.backend.down["known_variables"] = unavailable("the station service is down")
    await station.deliver(get_configuration=GetConfiguration(keys=KEYS))
    assert station.sizes("getVariableData") == [UNREPORTED.items] * 9


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Refused("InternalError", "busy", {}), "OCPP_CALL_ERROR: the charge point answered InternalError: busy"),
        (Failed(FailureReason.TIMED_OUT), "CHARGE_POINT_TIMEOUT: the charge point did not answer in time"),
        (
            Failed(FailureReason.CONNECTION_LOST),
            "CHARGE_POINT_TIMEOUT: the connection was lost before the charge point answered",
        ),
    ],
)
async def test_what_was_answered_before_a_call_failed_is_told_and_the_rest_is_named(
    outcome: Outcome, error: str
) -> None:
    station = Station(V201, limit("ItemsPerMessage", 4), outcomes={1: outcome})
    response = await station.deliver(get_configuration=GetConfiguration(keys=KEYS))
    assert len(station.asked) == 2
    assert response.error == error
    reported = result(response)["configuration"]
    assert [one["key"] for one in reported["entries"]] == KEYS[:4]
    assert reported["unansweredKeys"] == KEYS[4:]
    assert [(call.action, list(call.keys), call.error) for call in response.calls] == [
        ("GetVariables", KEYS[:4], ""),
        ("GetVariables", KEYS[4:8], error),
    ]
    # What was answered counts as told, though not all was.
    assert len(station.backend.device_events) == 1


async def test_a_first_call_that_fails_is_the_failure_of_the_command() -> None:
    station = Station(V201, outcomes={0: Failed(FailureReason.TIMED_OUT)})
    with pytest.raises(DomainError) as raised:
        await station.deliver(get_configuration=GetConfiguration(keys=KEYS))
    assert raised.value.reason == "CHARGE_POINT_TIMEOUT"
    assert len(station.asked) == 1


async def test_what_is_too_long_for_any_call_is_refused_before_anything_is_sent() -> None:
    station = Station(V201, limit("ItemsPerMessage", 50), limit("BytesPerMessage", 180))
    long = f"OCPPCommCtrlr.{'x' * 50}"
    with pytest.raises(DomainError, match="the charge point takes 180 ") as raised:
        await station.deliver(get_configuration=GetConfiguration(keys=["A.B", "C.D", long]))
    assert [one.field for one in raised.value.violations] == ["keys[2]"]
    assert station.asked == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"change_configuration": ChangeConfiguration(key="A.B", value="x" * 300)}, "value"),
        ({"change_settings": ChangeSettings(settings=[Setting(key="A.B", value="x" * 300)])}, "settings[0].value"),
        ({"rotate_password": RotatePassword(password="x" * 40)}, "password"),
        ({"get_configuration": GetConfiguration(keys=[f"{'x' * 50}.{'y' * 50}"])}, "keys[0]"),
    ],
)
async def test_a_single_thing_that_is_too_long_is_refused_by_its_name(body: dict[str, Any], field: str) -> None:
    def limits(size: int) -> list[DeviceVariable]:
        return [limit("BytesPerMessage", size, name) for name in ("GetVariables", "SetVariables")]

    station = Station(V201, *limits(180))
    with pytest.raises(DomainError, match=r"needs a message of \d+ bytes; .* takes 180 \(BytesPerMessage\)") as raised:
        await station.deliver(**body)
    assert (raised.value.reason, raised.value.violations[0].field, station.asked) == ("INVALID_FIELD", field, [])
    # By so many as it was said to need it goes.
    needed = next(int(word) for word in raised.value.message.split() if word.isdigit())
    large = Station(V201, *limits(needed))
    await large.deliver(**body)
    assert len(encode_call(new_id(), *large.asked[0])) == needed


async def test_each_part_of_a_report_has_a_number_of_its_own() -> None:
    expected = [ComponentVariable(component=DeviceComponent(name=f"C{number}")) for number in range(5)]
    empty = Result({"status": "EmptyResultSet"})
    station = Station(V201, limit("ItemsPerMessage", 2, "GetReport"), outcomes={0: empty})
    response = await station.deliver(get_report=GetReport(component_variables=expected))
    assert station.sizes("componentVariable") == [2, 2, 1]
    assert len({payload["requestId"] for _, payload in station.asked}) == 3
    # Something will be reported, though not of the first two.
    assert (response.accepted, response.status, result(response)) == (
        True,
        "Accepted",
        {"status": {"status": "ACCEPTED"}},
    )


SETTINGS = ChangeSettings(settings=[Setting(key=key, value="7") for key in KEYS[:3]])


async def test_settings_are_changed_as_many_at_a_time_as_the_station_takes() -> None:
    station = Station(V201, limit("ItemsPerMessage", 2, "SetVariables"))
    response = await station.deliver(change_settings=SETTINGS)
    assert station.sizes("setVariableData") == [2, 1]
    assert response.accepted
    assert result(response)["settings"]["entries"] == [
        {"key": key, "status": {"status": "ACCEPTED"}} for key in KEYS[:3]
    ]


async def test_the_older_version_changes_one_after_the_other_and_says_which_it_refused() -> None:
    settings = ChangeSettings(settings=[Setting(key=key, value="7") for key in ("A", "B", "C")])
    rejected = Result({"status": "Rejected"})
    station = Station(V16, outcomes={1: rejected})
    response = await station.deliver(change_settings=settings)
    assert station.asked == [("ChangeConfiguration", {"key": key, "value": "7"}) for key in ("A", "B", "C")]
    assert (response.accepted, response.status) == (False, "Rejected")
    assert [one["status"]["status"] for one in result(response)["settings"]["entries"]] == [
        "ACCEPTED",
        "REJECTED",
        "ACCEPTED",
    ]


async def test_settings_behind_a_lost_connection_are_said_to_be_unanswered() -> None:
    settings = ChangeSettings(settings=[Setting(key=key, value="7") for key in ("A", "B", "C")])
    station = Station(V16, outcomes={1: Failed(FailureReason.CONNECTION_LOST)})
    response = await station.deliver(change_settings=settings)
    assert response.error
    assert not response.accepted
    assert result(response)["settings"]["unansweredKeys"] == ["B", "C"]


@given(
    st.lists(st.text(min_size=1, max_size=40), min_size=2, max_size=60),
    st.integers(1, 70),
    st.none() | st.integers(330, 2000),
)
def test_parts_keep_the_limits_and_are_the_whole_in_order(names: list[str], items: int, size: int | None) -> None:
    divisible = SERVED[V201].divisible
    expected = [{"component": {"name": "C"}, "variable": {"name": name}} for name in names]
    parts = divisible.parts(("GetVariables", {"getVariableData": expected}), Limits(items, size), "c1", "keys[{}]")
    assert [one for _, payload in parts for one in payload["getVariableData"]] == expected
    for action, payload in parts:
        assert 1 <= len(payload["getVariableData"]) <= items
        assert size is None or len(encode_call(new_id(), action, payload)) <= size
