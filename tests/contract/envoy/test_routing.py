"""Which port serves which RPC, by REST and by native gRPC: every one of the contracts, none left out."""

from collections.abc import Iterator

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from stack.descriptors import Binding, Contracts, access_rule, bindings
from stack.topology import EDGE, PUBLIC_PORTS, SERVICES
from tests.contract.envoy.facade import Facade
from tests.fixtures.processes import process_of

# The port of each process beside the gateway.
PORT_OF = {**{name: name for name in SERVICES}, EDGE: "ocpp"}
METHODS = Contracts.load().methods
HEALTH = "csms.health.v1.HealthService"
STREAM = "csms.monitoring.v1.MonitoringService.StreamEvents"
SIGN_IN = "csms.identity.v1.IdentityService.IssueToken"


def owner(method: MethodDescriptor) -> str:
    """The process that implements an RPC."""
    return process_of(method.full_name)


def ports_of(method: MethodDescriptor) -> set[str]:
    """The ports that serve an RPC."""
    return set(PUBLIC_PORTS) if method.full_name == SIGN_IN else {"gateway", PORT_OF[owner(method)]}


def is_internal(method: MethodDescriptor) -> bool:
    rule = access_rule(method)
    return rule is not None and rule.permission.startswith("internal.")


def rpc_path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


PUBLIC = [each for each in METHODS if not is_internal(each) and each.containing_service.full_name != HEALTH]
UNARY = [each for each in PUBLIC if each.full_name != STREAM]


def rest_cases() -> Iterator[object]:
    for method in UNARY:
        for binding in bindings(method):
            yield pytest.param(method, binding, id=f"{binding.verb} {binding.template}")


def concrete(binding: Binding) -> str:
    path = binding.template
    for variable in binding.variables:
        path = path.replace("{" + variable + "}", "x1")
    return path


def test_there_are_public_and_internal_rpcs_to_look_at() -> None:
    assert len(PUBLIC) > 50
    assert sum(map(is_internal, METHODS)) > 5


@pytest.mark.parametrize(("method", "binding"), list(rest_cases()))
def test_a_rest_path_reaches_its_rpc_on_the_gateway_and_on_the_port_of_its_service_and_no_other(
    method: MethodDescriptor, binding: Binding, facade: Facade
) -> None:
    body = b"{}" if binding.body else None
    for port in PUBLIC_PORTS:
        answer = facade.call(port, binding.verb.upper(), concrete(binding), body=body)
        if port in ports_of(method):
            assert (answer.headers.get("x-process"), answer.headers.get("x-method")) == (
                owner(method),
                rpc_path(method),
            )
        else:
            assert answer.refusal == (404, 5, "this port has no such method")


@pytest.mark.parametrize("method", UNARY, ids=rpc_path)
def test_native_grpc_reaches_an_rpc_on_the_same_ports(method: MethodDescriptor, facade: Facade) -> None:
    for port in PUBLIC_PORTS:
        expected = "OK" if port in ports_of(method) else "UNIMPLEMENTED"
        assert (port, facade.native(port, rpc_path(method)).code) == (port, expected)


@pytest.mark.parametrize("method", [each for each in METHODS if is_internal(each)], ids=rpc_path)
def test_what_is_internal_is_reached_on_no_port(method: MethodDescriptor, facade: Facade) -> None:
    assert bindings(method) == []
    for port in PUBLIC_PORTS:
        assert (port, facade.native(port, rpc_path(method)).code) == (port, "UNIMPLEMENTED")
        refused = facade.call(port, "POST", rpc_path(method), body={})
        assert refused.refusal[:2] == (404, 5)


@pytest.mark.parametrize("method", PUBLIC, ids=rpc_path)
def test_only_what_the_contracts_call_public_is_open_without_a_token(method: MethodDescriptor, facade: Facade) -> None:
    rule = access_rule(method)
    assert rule is not None
    for binding in bindings(method):
        body = b"{}" if binding.body else None
        answer = facade.call("gateway", binding.verb.upper(), concrete(binding), body=body, token=None)
        assert (answer.status != 401) == rule.public
    code = facade.native("gateway", rpc_path(method), token=None).code
    assert (code != "UNAUTHENTICATED") == rule.public


@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_each_port_tells_the_health_of_its_own_process(port: str, facade: Facade) -> None:
    expected = {"gateway": "monitoring", "ocpp": EDGE}.get(port, port)
    answer = facade.call(port, "GET", "/health", token=None)
    assert (answer.json["service"], answer.headers["x-process"]) == (expected, expected)


@pytest.mark.field_case("E0")
@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_nobody_keeps_a_call_open_without_a_token(port: str, facade: Facade) -> None:
    """So many requests are open at once at most; whoever held them all would shut everybody else out."""
    with facade.channel(port) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest()
        assert stub.Check(asked, timeout=30).status == health_pb2.HealthCheckResponse.SERVING
        watched = stub.Watch(asked, metadata=tuple(facade.authorization().items()), timeout=30)
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        watched.cancel()
        with pytest.raises(grpc.RpcError) as refused:
            next(stub.Watch(asked, timeout=30))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_each_port_reflects_the_services_of_its_own_process_for_who_has_a_token(port: str, facade: Facade) -> None:
    asked = [reflection_pb2.ServerReflectionRequest(list_services="")]
    with facade.channel(port) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        [reported] = stub.ServerReflectionInfo(iter(asked), metadata=tuple(facade.authorization().items()))
        with pytest.raises(grpc.RpcError) as refused:
            list(stub.ServerReflectionInfo(iter(asked)))
    services = [service.name for service in reported.list_services_response.service]
    assert services == [f"process.{ {'gateway': 'monitoring', 'ocpp': EDGE}.get(port, port) }"]
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("port", PUBLIC_PORTS)
def test_no_port_leads_to_the_metrics_of_a_process(port: str, facade: Facade) -> None:
    assert facade.call(port, "GET", "/metrics").refusal[:2] == (404, 5)
