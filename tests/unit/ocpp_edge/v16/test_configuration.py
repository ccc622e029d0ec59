"""Configuration keys of OCPP 1.6 are variables of the component `Configuration`."""

from typing import Any

import pytest

from csms.station.v1.device_variable_pb2 import DeviceVariable
from ocpp_edge.versions import Version
from services.kernel.redaction import MASK
from tests.unit.ocpp_edge.exchanges import reported, said


def key(name: str, value: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"key": name, "readonly": False, **({} if value is None else {"value": value}), **fields}


async def read(asked: dict[str, Any], *settings: dict[str, Any], unknown: tuple[str, ...] = ()) -> Any:
    answer: dict[str, Any] = {"configurationKey": list(settings)}
    if unknown:
        answer["unknownKey"] = list(unknown)
    [event] = await reported(Version.V16, "GetConfiguration", asked, answer)
    return event.variable_report


async def test_a_key_is_a_variable_of_its_name() -> None:
    report = await read(
        {"key": ["HeartbeatInterval"]},
        key("HeartbeatInterval", "60"),
        key("NumberOfConnectors", "2", readonly=True),
        key("Acme.Wifi.psk", "secret words"),
        key("AuthorizationKey"),
        unknown=("Nonsense",),
    )
    assert said(report.variables) == [
        ("Configuration.HeartbeatInterval", "60"),
        ("Configuration.NumberOfConnectors", "2"),
        ("Configuration.Acme.Wifi.psk", MASK),
        ("Configuration.AuthorizationKey", None),
        ("Configuration.Nonsense", "-"),
    ]
    assert [one.mutability for one in report.variables[:2]] == [DeviceVariable.READ_WRITE, DeviceVariable.READ_ONLY]
    assert not report.whole_inventory


async def test_all_keys_are_a_whole_inventory() -> None:
    settings = [key("A", "1"), key("B", "2")]
    assert (await read({}, *settings)).whole_inventory
    assert (await read({"key": []}, *settings)).whole_inventory
    assert not (await read({"key": ["A", "B"]}, *settings)).whole_inventory


@pytest.mark.parametrize(
    ("most", "is_whole"),
    [("2", False), ("1", True), ("50", True), ("many", True)],
)
async def test_an_answer_of_as_many_keys_as_may_be_asked_for_may_have_been_cut(most: str, is_whole: bool) -> None:
    report = await read({}, key("A", "1"), key("GetConfigurationMaxKeys", most, readonly=True))
    assert report.whole_inventory is is_whole


async def test_an_answer_of_which_some_is_lost_is_no_inventory() -> None:
    report = await read({}, key("A", "1"), {"readonly": True, "value": "of no key"})
    assert said(report.variables) == [("Configuration.A", "1")]
    assert not report.whole_inventory


async def test_an_answer_without_keys_tells_nothing() -> None:
    assert await reported(Version.V16, "GetConfiguration", {}, {}) == []


@pytest.mark.parametrize(
    ("status", "value"),
    [("Accepted", "60"), ("NotSupported", "-"), ("RebootRequired", ""), ("Rejected", "")],
)
async def test_what_is_set_is_the_value_from_now_on_unless_it_needs_a_restart(status: str, value: str) -> None:
    asked = {"key": "HeartbeatInterval", "value": "60"}
    events = await reported(Version.V16, "ChangeConfiguration", asked, {"status": status})
    assert [said(event.variable_report.variables) for event in events] == (
        [[("Configuration.HeartbeatInterval", value)]] if value else []
    )


async def test_a_password_that_is_set_is_masked() -> None:
    asked = {"key": "AuthorizationKey", "value": "0123456789abcdef"}
    [event] = await reported(Version.V16, "ChangeConfiguration", asked, {"status": "Accepted"})
    assert said(event.variable_report.variables) == [("Configuration.AuthorizationKey", MASK)]
    assert "0123456789abcdef" not in str(event)
