"""services.rpc.tenants: whose data a call is narrowed to, on real servers"""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import grpc
import grpc.aio
import pytest

from services.kernel.errors import DomainError
from services.kernel.tenancy import TenantState, current_tenant, set_tenant
from services.rpc.channels import channel as channel_to
from services.rpc.known_tenants import KnownTenants
from services.rpc.server import running_server
from services.rpc.status import from_rpc_error
from tests.fixtures.library import Client, handlers, message
from tests.fixtures.tenants import every_tenant
from tests.fixtures.tokens import Tokens

GetBookRequest, GetBookResponse = message("GetBookRequest"), message("GetBookResponse")
AppendPagesRequest, AppendPagesResponse = message("AppendPagesRequest"), message("AppendPagesResponse")
GreetRequest, GreetResponse = message("GreetRequest"), message("GreetResponse")


class Library:
    """Notes what its calls are narrowed to."""

    def __init__(self) -> None:
        self.tenants: list[str | None] = []

    async def note(self, request: Any, context: Any) -> Any:
        self.tenants.append(current_tenant())
        if isinstance(request, GreetRequest):
            return GreetResponse()
        return AppendPagesResponse() if isinstance(request, AppendPagesRequest) else GetBookResponse()

    def register(self, server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers(
            [handlers({"GetBook": self.note, "AppendPages": self.note, "Greet": self.note})]
        )


@pytest.fixture
async def library() -> Library:
    """The servicer of every server here."""
    return Library()


@pytest.fixture
async def port(tokens: Tokens, library: Library) -> AsyncIterator[int]:
    """Where a server listens."""
    tenants = every_tenant()
    async with running_server("library", tokens.settings(), register=library.register, tenants=tenants) as (port, _):
        yield port


async def _ask(port: int, method: str, request: Any, *metadata: tuple[str, str]) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await getattr(Client(channel), method)(request, metadata=metadata)


def _bearer(token: str) -> tuple[str, str]:
    return "authorization", f"Bearer {token}"


async def _refusal(port: int, method: str, request: Any, *metadata: tuple[str, str]) -> DomainError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _ask(port, method, request, *metadata)
    return from_rpc_error(refused.value)


async def test_a_person_is_narrowed_to_the_tenant_of_the_token(port: int, tokens: Tokens, library: Library) -> None:
    for claims in ({}, {"tenant": "default"}, {"tenant": "north"}):
        await _ask(port, "GetBook", GetBookRequest(book_id="b"), _bearer(tokens.user("viewer", **claims)))

    assert library.tenants == ["default", "default", "north"]


async def test_a_person_cannot_ask_for_another_tenant(port: int, tokens: Tokens, library: Library) -> None:
    token = _bearer(tokens.user("viewer", tenant="north"))
    await _ask(port, "GetBook", GetBookRequest(book_id="b"), token, ("csms-tenant", "south"))

    assert library.tenants == ["north"]


async def test_a_service_works_for_the_platform_unless_it_asks_for_a_tenant(
    port: int, tokens: Tokens, library: Library
) -> None:
    edge = _bearer(tokens.identity("edge").token_for("library"))
    await _ask(port, "AppendPages", AppendPagesRequest(), edge)
    await _ask(port, "AppendPages", AppendPagesRequest(), edge, ("csms-tenant", "north"))
    refused = await _refusal(port, "AppendPages", AppendPagesRequest(), edge, ("csms-tenant", "*"))

    assert library.tenants == [None, "north"]
    assert refused.reason == "PERMISSION_DENIED"


async def test_what_is_public_belongs_to_no_tenant(port: int, library: Library) -> None:
    await _ask(port, "Greet", GreetRequest(), ("csms-tenant", "north"))

    assert library.tenants == [None]


async def test_a_tenant_is_handed_on_to_the_next_service(port: int, tokens: Tokens, library: Library) -> None:
    """Whose narrowed work calls another service."""
    async with channel_to(f"127.0.0.1:{port}", "library", tokens.identity("edge")) as channel:
        for tenant in ("north", None):
            set_tenant(tenant)
            await Client(channel).AppendPages(AppendPagesRequest())

    assert library.tenants == ["north", None]


async def test_a_server_that_was_told_of_no_tenants_serves_the_default_one_alone(
    tokens: Tokens, library: Library
) -> None:
    async with running_server("library", tokens.settings(), register=library.register) as (port, _):
        await _ask(port, "GetBook", GetBookRequest(book_id="b"), _bearer(tokens.user("viewer")))
        north = _bearer(tokens.user("admin", tenant="north"))
        refused = await _refusal(port, "GetBook", GetBookRequest(book_id="b"), north)

    assert refused.reason == "UNAUTHENTICATED"
    assert library.tenants == ["default"]


async def test_a_stream_of_a_tenant_that_is_disabled_ends_with_its_next_message(tokens: Tokens) -> None:
    states = {"north": TenantState.ACTIVE}
    may_go_on = asyncio.Event()

    async def ask(tenant_id: str) -> TenantState:
        return states[tenant_id]

    async def watch(request: Any, context: Any) -> AsyncIterator[Any]:
        yield GetBookResponse()
        await may_go_on.wait()
        yield GetBookResponse()

    def register(server: grpc.aio.Server) -> None:
        server.add_generic_rpc_handlers([handlers({"WatchBooks": watch})])

    # Whose clock stands far ahead whenever it is looked at: nothing is remembered.
    tenants = KnownTenants(ask, clock=count(0, 1000).__next__)
    async with running_server("library", tokens.settings(), register=register, tenants=tenants) as (port, _):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            shown = (_bearer(tokens.user("viewer", tenant="north")),)
            stream = Client(channel).WatchBooks(GetBookRequest(book_id="b"), metadata=shown)
            assert await stream.read() == GetBookResponse()
            states["north"] = TenantState.DISABLED
            may_go_on.set()
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                await stream.read()

    assert from_rpc_error(ended.value).reason == "TENANT_DISABLED"
