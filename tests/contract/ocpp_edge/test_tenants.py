"""Whose charge points are: the edge learns it when it lets them in, says it of all that they tell, and shows nobody
else that they are there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.message_factory import GetMessageClass

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.edge.v1.edge_service_pb2_grpc import EdgeServiceStub
from csms.transaction.v1.command_pb2 import ClearCache, CommandBody
from services.kernel.tenancy import as_tenant
from services.rpc.auth import AUTHORIZATION_KEY
from services.rpc.tenants import TENANT_KEY
from tests.contract.ocpp_edge.edge import until
from tests.contract.ocpp_edge.node import Node, Starter
from tests.contract.ocpp_edge.platform import Platform
from tests.contract.ocpp_edge.test_charging import START, meter_values
from tests.contract.services.tenants import methods_for_people, path_of
from tests.fixtures.calls import reason
from tests.fixtures.tokens import Tokens

OWNER, NAME = "south", "CP-OF-SOUTH"
ALL = edge_pb.ListConnectionsRequest(page_size=250)
CLEAR = edge_pb.DeliverCommandRequest(command_id="c1", charge_point_id=NAME, body=CommandBody(clear_cache=ClearCache()))


@pytest.fixture
def owned(platform: Platform) -> Platform:
    """One charge point is not the default tenant's."""
    platform.owners[NAME] = OWNER
    return platform


@asynccontextmanager
async def _asking(node: Node, tokens: Tokens, tenant: str | None) -> AsyncIterator[Callable[..., Any]]:
    """`ask(method, request)` calls the node as an admin of the tenant."""
    shown = ((AUTHORIZATION_KEY, f"Bearer {tokens.user('admin', tenant=tenant)}"),)
    async with grpc.aio.insecure_channel(node.address) as channel:

        def ask(method: str, request: Any) -> Any:
            return getattr(EdgeServiceStub(channel), method)(request, metadata=shown)

        yield ask


async def test_facts_and_frames_name_the_tenant_of_their_charge_point(node: Node, owned: Platform) -> None:
    for identity in (NAME, "CP1"):
        async with node.charger(identity) as charger:
            await charger.ask("StartTransaction", START)
            await charger.ask("MeterValues", meter_values("1500", 1000))
    await until(lambda: len(owned.frames) >= 4)
    expected = {(NAME, OWNER), ("CP1", "")}
    for reported in (owned.events, owned.frames.values()):
        assert {(one.charge_point_id, one.tenant_id) for one in reported} == expected


@pytest.mark.parametrize("stranger", ["north", None])
async def test_to_another_tenant_a_charge_point_is_not_connected_to_any_node(
    start_node: Starter, owned: Platform, tokens: Tokens, stranger: str | None
) -> None:
    here, there = await start_node(), await start_node()
    async with here.charger(NAME) as charger:
        for node in (here, there):
            async with _asking(node, tokens, stranger) as ask:
                for method in methods_for_people("csms.edge.v1.EdgeService"):
                    if method.name == "ListConnections":
                        assert not (await ask(method.name, ALL)).connections
                        continue
                    request: Any = GetMessageClass(method.input_type)(charge_point_id=NAME)
                    if method.name == "SendOcppCall":
                        request.action = "ClearCache"
                    assert await reason(ask(method.name, request)) == "CONNECTION_NOT_FOUND", path_of(method)
            with as_tenant(stranger or "default"):
                delivering = (await node.service()).DeliverCommand(CLEAR)
                assert await reason(delivering) == "CONNECTION_NOT_FOUND"
        # It has heard nothing of all that, and nobody has cut it off.
        assert await charger.ask("Heartbeat", {})


async def test_the_owner_reaches_it_on_any_node_and_what_it_answers_is_stored_for_the_platform(
    start_node: Starter, owned: Platform, tokens: Tokens
) -> None:
    here, there = await start_node(), await start_node()
    request = edge_pb.SendOcppCallRequest(charge_point_id=NAME, action="GetConfiguration")
    async with here.charger(NAME) as charger, _asking(there, tokens, OWNER) as ask:
        assert len((await ask("ListConnections", ALL)).connections) == 1
        for node in (here, there):
            async with _asking(node, tokens, OWNER) as ask_node:
                sending = asyncio.ensure_future(ask_node("SendOcppCall", request))
                await charger.answer({"configurationKey": [{"key": "K", "readonly": True}]}, "GetConfiguration")
                await sending
            with as_tenant(OWNER):
                delivering = asyncio.ensure_future((await node.service()).DeliverCommand(CLEAR))
            await charger.answer({"status": "Accepted"}, "ClearCache")
            assert (await delivering).accepted
        assert len(owned.device_events) == 2
        await ask("DisconnectChargePoint", edge_pb.DisconnectChargePointRequest(charge_point_id=NAME))
        await charger.socket.wait_closed()
    await until(lambda: owned.closed)
    assert owned.stored_for == {None}


async def test_a_person_cannot_ask_for_another_tenant(node: Node, owned: Platform, tokens: Tokens) -> None:
    shown = ((AUTHORIZATION_KEY, f"Bearer {tokens.user('admin', tenant='north')}"), (TENANT_KEY, OWNER))
    async with node.charger(NAME), grpc.aio.insecure_channel(node.address) as channel:
        request = edge_pb.GetConnectionRequest(charge_point_id=NAME)
        asking = EdgeServiceStub(channel).GetConnection(request, metadata=shown)
        assert await reason(asking) == "CONNECTION_NOT_FOUND"
