"""What the key of a service is good for: every RPC of the platform, called at the real services by each of them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from csms.billing.v1.billing_service_pb2 import ListChargingSessionsRequest
from csms.billing.v1.billing_service_pb2_grpc import BillingServiceStub
from csms.health.v1.health_service_pb2 import CheckRequest
from csms.health.v1.health_service_pb2_grpc import HealthServiceStub
from csms.identity.v1 import identity_service_pb2 as identity_pb
from csms.identity.v1.account_pb2 import Account
from csms.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from services.kernel.errors import DomainError, ErrorKind
from services.rpc.auth import AUTHORIZATION_KEY
from services.rpc.channels import channel
from services.rpc.status import describe
from stack.descriptors import Contracts, access_rule
from stack.topology import EDGE, SERVICES
from tests.contract.ocpp_edge.node import starting
from tests.contract.ocpp_edge.platform import running_platform
from tests.fixtures.calls import refusal
from tests.fixtures.processes import process_of
from tests.fixtures.services import ServiceRunner
from tests.fixtures.tokens import Tokens

pytestmark = [pytest.mark.field_case("E1"), pytest.mark.asyncio(loop_scope="module")]

NAMES = (*SERVICES, EDGE)
Addresses = Mapping[str, str]


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    return Contracts.load()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory, module_services: ServiceRunner) -> Tokens:
    return module_services.tokens


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def addresses(module_services: ServiceRunner, keys: Tokens) -> AsyncIterator[Addresses]:
    """Where every service of the platform answers; each by itself."""
    async with AsyncExitStack() as stack:
        found = {name: (await module_services(name)).address for name in SERVICES}
        platform = await stack.enter_async_context(running_platform(keys))
        start = await stack.enter_async_context(starting(keys, platform))
        yield {**found, EDGE: (await start()).address}


def _home(method: MethodDescriptor) -> str:
    """The service whose process answers the RPC."""
    home = process_of(method.full_name)
    return "station" if home == "health" else home


async def _verdict(to: grpc.aio.Channel, method: MethodDescriptor) -> ErrorKind | None:
    """What an empty request is refused with, if that is for who calls; None for whatever else comes of it."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    make: Any = to.unary_stream if method.server_streaming else to.unary_unary
    call = make(
        path,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )(GetMessageClass(method.input_type)(), timeout=10)
    try:
        if isinstance(call, grpc.aio.UnaryStreamCall):
            await call.read()
        else:
            await call
    except (grpc.aio.AioRpcError, DomainError) as error:
        kind = describe(error).kind
        return kind if kind in (ErrorKind.UNAUTHENTICATED, ErrorKind.PERMISSION_DENIED) else None
    finally:
        call.cancel()
    return None


@pytest.mark.parametrize("caller", NAMES)
async def test_a_service_is_let_in_where_the_contracts_name_it_and_nowhere_else(
    addresses: Addresses, keys: Tokens, contracts: Contracts, caller: str
) -> None:
    identity = keys.identity(caller)
    verdicts, expected = {}, {}
    async with AsyncExitStack() as stack:
        opened = {
            name: await stack.enter_async_context(channel(address, name, identity))
            for name, address in addresses.items()
        }
        for method in contracts.methods:
            rule = access_rule(method)
            assert rule is not None
            may = rule.public or caller in rule.internal_callers
            expected[method.full_name] = None if may else ErrorKind.PERMISSION_DENIED
            verdicts[method.full_name] = await _verdict(opened[_home(method)], method)

    assert verdicts == expected
    assert len(verdicts) > 50


async def test_a_token_for_one_service_is_not_good_at_another(addresses: Addresses, keys: Tokens) -> None:
    """By an RPC that the bearer may call where the token is for."""
    for callee in NAMES:
        shown = [(AUTHORIZATION_KEY, f"Bearer {keys.identity('monitoring').token_for(callee)}")]
        async with grpc.aio.insecure_channel(addresses["billing"]) as to_billing:
            call = BillingServiceStub(to_billing).ListChargingSessions(ListChargingSessionsRequest(), metadata=shown)
            if callee == "billing":
                await call
            else:
                assert (await refusal(call)).kind is ErrorKind.UNAUTHENTICATED


@pytest.mark.parametrize("caller", NAMES)
async def test_no_service_makes_an_administrator(addresses: Addresses, keys: Tokens, caller: str) -> None:
    account = Account(name="mallory", role=Account.ADMIN, password="a good password")
    async with channel(addresses["driver"], "driver", keys.identity(caller)) as to_driver:
        stub = IdentityServiceStub(to_driver)

        refused = await refusal(stub.CreateAccount(identity_pb.CreateAccountRequest(account=account)))

    assert refused.kind is ErrorKind.PERMISSION_DENIED


@pytest.mark.parametrize("name", NAMES)
async def test_anybody_may_ask_a_service_how_it_is(addresses: Addresses, keys: Tokens, name: str) -> None:
    async with channel(addresses[name], name, keys.identity("monitoring")) as opened:
        assert (await HealthServiceStub(opened).Check(CheckRequest())).service == name
