"""StagePassword, WithdrawPassword: a new password on its way to its charge point."""

import pytest
import pytest_asyncio
from sqlalchemy import select

from csms.station.v1 import connectivity_service_pb2 as pb
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.connectivity_service_pb2_grpc import ConnectivityServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from services.station.tables import CHARGE_POINTS
from tests.contract.services.station.callers import (
    create_point,
    create_station,
    get_point,
    open_one,
    rule_for,
    update_point,
    update_station,
)
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.services import RunningService

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.field_case("E3")]

OLD, NEW = "the old password", "the new password"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def transactions(service: RunningService) -> ConnectivityServiceStub:
    """ConnectivityService as the transaction service calls it."""
    return ConnectivityServiceStub(await service.internal_channel("transaction"))


async def stage(transactions: ConnectivityServiceStub, name: str, source: str, password: str) -> None:
    request = pb.StagePasswordRequest(charge_point_id=name, source=source, password=password)
    await transactions.StagePassword(request)


async def withdraw(transactions: ConnectivityServiceStub, name: str, source: str) -> None:
    await transactions.WithdrawPassword(pb.WithdrawPasswordRequest(charge_point_id=name, source=source))


async def test_a_staged_password_is_valid_beside_the_old_one_until_it_is_used(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, transactions: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, password=OLD)
    await stage(transactions, name, "c1", NEW)
    await stage(transactions, name, "c1", NEW)
    waiting = await get_point(points, name)
    assert (waiting.etag, waiting.has_password, waiting.rotation_pending) == ("1", True, True)
    await open_one(edge, name, password=OLD)
    await open_one(edge, name, password=NEW)
    assert await rule_for(edge, name, password=OLD) == "WRONG_PASSWORD"
    assert not (await get_point(points, name)).rotation_pending
    # Late news changes nothing.
    await withdraw(transactions, name, "c1")
    await open_one(edge, name, password=NEW)


async def test_a_withdrawn_password_is_void(
    points: ChargePointServiceStub, edge: ConnectivityServiceStub, transactions: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name, password=OLD)
    await stage(transactions, name, "c1", NEW)
    await update_point(points, name, password="set by an operator")
    await withdraw(transactions, name, "c1")
    assert await rule_for(edge, name, password=NEW) == "WRONG_PASSWORD"
    await open_one(edge, name, password=OLD)
    await open_one(edge, name, password="set by an operator")


async def test_what_is_stored_tells_no_password(
    service: RunningService, points: ChargePointServiceStub, transactions: ConnectivityServiceStub, name: str
) -> None:
    await create_point(points, name)
    await stage(transactions, name, "c1", NEW)
    async with service.database.read() as connection:
        query = select(CHARGE_POINTS.c.next_passwords).where(CHARGE_POINTS.c.id == name)
        [stored] = (await connection.scalars(query)).one()
    assert stored.startswith("c1:")
    assert NEW not in stored
    assert NEW.encode().hex() not in stored


async def test_what_cannot_be_is_refused(
    points: ChargePointServiceStub, transactions: ConnectivityServiceStub, name: str
) -> None:
    assert await reason(stage(transactions, name, "c1", NEW)) == "CHARGE_POINT_NOT_FOUND"
    await withdraw(transactions, name, "c1")
    await create_point(points, name)
    assert await bad_fields(stage(transactions, name, "", "short")) == ["source", "password"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("AuthorizationKey", "0123456789abcdef"), ("Wifi.Psk", "geheim"), ("LogUrl", "ftp://me:secret@host/logs")],
)
async def test_the_settings_of_a_station_are_no_place_for_secrets(
    stations: StationServiceStub, key: str, value: str
) -> None:
    refused = create_station(stations, configuration={"HeartbeatInterval": "60", key: value})
    assert await bad_fields(refused) == [f"station.configuration[{key}]"]
    station = await create_station(stations, configuration={"HeartbeatInterval": "60"})
    changed = update_station(stations, station.id, "configuration", configuration={key: value})
    assert await bad_fields(changed) == [f"station.configuration[{key}]"]
