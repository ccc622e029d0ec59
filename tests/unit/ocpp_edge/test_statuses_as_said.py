"""A status report is taken whatever is wrong with it: what is known of it is told, the rest is kept as said (B6)."""

from typing import Any

import pytest

from csms.station.v1.connector_pb2 import Connector
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.rpc.router import RouteTable
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v21 import routes as v21
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from tests.unit.ocpp_edge.platform import Platform, context

pytestmark = pytest.mark.field_case("B6")

STAMP = "2026-03-01T11:59:30Z"
STATUS_16 = {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted"}
STATUS_201 = {"timestamp": STAMP, "connectorStatus": "Faulted", "evseId": 2, "connectorId": 1}
TABLES: dict[Version, RouteTable[Any]] = {
    Version.V16: v16.route_table(),
    Version.V201: v201.route_table(),
    Version.V21: v21.route_table(),
}


async def reported(version: Version, payload: dict[str, Any]) -> tuple[int, int, int, str, str]:
    platform = Platform()
    assert await TABLES[version].dispatch("StatusNotification", payload, context(version), platform) == {}
    (report,) = platform.statuses
    return report.evse.evse_id, report.evse.connector_id, report.status, report.reported_status, report.error_code


@pytest.mark.parametrize(
    ("said", "kept"),
    [("Occupied", "Occupied"), ("", ""), (7, "7"), ({"x": 1}, '{"x":1}'), (["Faulted"], '["Faulted"]'), (None, "")],
    ids=repr,
)
async def test_an_unknown_status_is_kept_as_said_with_the_error_beside_it(said: Any, kept: str) -> None:
    unknown = (1, 1, Connector.STATUS_UNSPECIFIED, kept, "GroundFailure")
    assert await reported(Version.V16, STATUS_16 | {"status": said}) == unknown


async def test_an_error_is_told_without_a_status_and_without_a_connector() -> None:
    assert await reported(Version.V16, {"errorCode": "GroundFailure"}) == (0, 0, 0, "", "GroundFailure")
    payload = {"errorCode": "GroundFailure", "status": "Faulted"}
    assert await reported(Version.V16, payload) == (0, 0, Connector.FAULTED, "", "GroundFailure")


@pytest.mark.parametrize("number", ["one", -1, 1.5, 2**40, 1001, None, [1], True], ids=repr)
async def test_a_connector_that_cannot_be_does_not_cost_the_report(number: Any) -> None:
    assert await reported(Version.V16, STATUS_16 | {"connectorId": number}) == (0, 0, 9, "", "GroundFailure")
    for version in (Version.V201, Version.V21):
        assert (await reported(version, STATUS_201 | {"evseId": number}))[:3] == (0, 1, Connector.FAULTED)


@pytest.mark.parametrize(
    ("said", "kept"), [("E42", "E42"), (42, "42"), ({"code": 1}, '{"code":1}'), (None, "NoError")], ids=repr
)
async def test_an_error_code_of_the_vendors_own_is_kept_as_said(said: Any, kept: str) -> None:
    assert await reported(Version.V16, STATUS_16 | {"errorCode": said}) == (1, 1, Connector.FAULTED, "", kept)


@pytest.mark.parametrize(("said", "kept"), [("Charging", "Charging"), (7, "7"), ({"x": 1}, '{"x":1}')], ids=repr)
async def test_an_unknown_status_of_2_x_is_kept_as_said(said: Any, kept: str) -> None:
    for version in (Version.V201, Version.V21):
        assert await reported(version, STATUS_201 | {"connectorStatus": said}) == (2, 1, 0, kept, "")


@pytest.mark.parametrize(
    "broken", [{"info": []}, {"vendorErrorCode": {}}, {"timestamp": 5}, {"timestamp": {}}, {"x": 1}]
)
async def test_whatever_else_is_broken_does_not_cost_the_report(broken: dict[str, Any]) -> None:
    assert await reported(Version.V16, STATUS_16 | broken) == (1, 1, Connector.FAULTED, "", "GroundFailure")
    for version in (Version.V201, Version.V21):
        assert (await reported(version, STATUS_201 | broken))[:3] == (2, 1, Connector.FAULTED)


async def test_an_error_of_the_vendors_own_is_an_error() -> None:
    only = {"connectorId": 1, "status": None, "errorCode": None, "vendorErrorCode": "E7"}
    assert await reported(Version.V16, only) == (1, 1, 0, "", "OtherError")


@pytest.mark.parametrize(
    ("version", "payload"),
    [
        (Version.V16, {}),
        (Version.V16, {"connectorId": 1}),
        (Version.V16, {"connectorId": 1, "errorCode": "NoError"}),
        (Version.V201, {"evseId": 1, "connectorId": 1, "timestamp": STAMP}),
    ],
)
async def test_a_report_of_neither_a_status_nor_an_error_is_refused(version: Version, payload: dict[str, Any]) -> None:
    with pytest.raises(CallRefused) as refused:
        await reported(version, payload)
    assert refused.value.fault is Fault.OCCURRENCE
