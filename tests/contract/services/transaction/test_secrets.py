"""Secrets in commands, and the password by which a charge point logs in: kept nowhere, and nobody is locked out."""

from collections.abc import Sequence
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from sqlalchemy import text

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.transaction.v1 import command_pb2 as command_pb
from csms.transaction.v1 import command_service_pb2 as service_pb
from csms.transaction.v1 import command_service_pb2_grpc as service_grpc
from services.kernel.errors import DomainError, ErrorKind, failed_precondition
from services.postgres.database import Database
from tests.contract.services.transaction.platform import Answer, Platform, accepted, rejected
from tests.fixtures.calls import bad_fields, refusal

pytestmark = pytest.mark.field_case("E3")

State = command_pb.Command.State
OLD, NEW = b"the old password", b"the new password"
HEX = "00112233445566778899AABBCCDDEEFF00112233"
TIMED_OUT = DomainError(ErrorKind.DEADLINE_EXCEEDED, "CHARGE_POINT_TIMEOUT", f"no answer to {NEW.decode()}")
UNCLEAR = failed_precondition("OCPP_CALL_ERROR", "InternalError", ocppErrorCode="InternalError")
UNKNOWN_TO_IT = failed_precondition("NOT_SUPPORTED_BY_CHARGE_POINT", "no such thing", detail="ChangeConfiguration")


def failing(error: Exception) -> Answer:
    def answer(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        raise error

    return answer


async def rotate(platform: Platform, password: str | None = None, **fields: Any) -> command_pb.Command:
    request = service_pb.RotatePasswordRequest(**{"charge_point_id": "CP1", "password": password, **fields})
    return (await platform.commands.RotatePassword(request)).command


async def configure(platform: Platform, key: str, value: str, **fields: Any) -> command_pb.Command:
    request = service_pb.ChangeConfigurationRequest(**{"charge_point_id": "CP1", **fields}, key=key, value=value)
    return (await platform.commands.ChangeConfiguration(request)).command


async def records(platform: Platform, charge_point_id: str = "CP1") -> Sequence[command_pb.Command]:
    """What somebody sees who may only look."""
    stub = service_grpc.CommandServiceStub(await platform.service.channel("viewer"))
    return (await stub.ListCommands(service_pb.ListCommandsRequest(charge_point_id=charge_point_id))).commands


async def stored(database: Database) -> str:
    """All that the transaction service has written down."""
    async with database.read() as connection:
        tables = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        rows = [(await connection.execute(text(f'SELECT * FROM "{table}"'))).all() for table in tables.all()]
    return str(rows)


async def let_in(platform: Platform, *passwords: bytes) -> list[bool]:
    return [await platform.stations.knock("CP3", platform.edge, password) for password in passwords]


@pytest.fixture
async def guarded(platform: Platform) -> Platform:
    """CP3 logs in with OLD and is connected."""
    await platform.stations.create("CP3", password=OLD.decode())
    assert await let_in(platform, OLD) == [True]
    return platform


async def test_a_rotation_gives_charge_point_and_platform_the_same_password(guarded: Platform) -> None:
    command = await rotate(guarded, NEW.decode(), charge_point_id="CP3")
    assert (command.kind, command.state, command.requested_by) == ("rotate_password", State.ACCEPTED, "ann")
    assert guarded.edge.delivered[-1].body.rotate_password.password == NEW.decode()
    # It may come back before it uses the new one; then the old one is void.
    assert await let_in(guarded, OLD, NEW, OLD, NEW) == [True, True, False, True]


async def test_a_password_that_nobody_gives_is_made(guarded: Platform) -> None:
    await rotate(guarded, charge_point_id="CP3")
    await rotate(guarded, charge_point_id="CP3")
    first, second = [one.body.rotate_password.password for one in guarded.edge.delivered]
    assert first != second
    assert len(bytes.fromhex(first)) == 20
    # As text and as the bytes that its digits stand for.
    assert await let_in(guarded, second.encode(), bytes.fromhex(second), first.encode()) == [True, True, False]


@pytest.mark.parametrize("given", [NEW.decode(), NEW.hex(), NEW.hex().upper()])
async def test_it_may_log_in_by_either_form(guarded: Platform, given: str) -> None:
    await rotate(guarded, given, charge_point_id="CP3")
    assert await let_in(guarded, NEW, NEW.hex().encode(), OLD) == [True, True, False]


@pytest.mark.parametrize("answer", [rejected, failing(UNKNOWN_TO_IT)])
async def test_a_refusal_leaves_all_as_it_was(guarded: Platform, answer: Answer) -> None:
    guarded.edge.answer = answer
    if answer is rejected:
        assert (await rotate(guarded, NEW.decode(), charge_point_id="CP3")).state == State.REJECTED
    else:
        await refusal(rotate(guarded, NEW.decode(), charge_point_id="CP3"))
    assert await let_in(guarded, NEW, OLD) == [False, True]


@pytest.mark.parametrize("error", [TIMED_OUT, UNCLEAR])
@pytest.mark.parametrize("took_it", [True, False])
async def test_when_the_answer_is_lost_either_password_is_good(
    guarded: Platform, error: DomainError, took_it: bool
) -> None:
    guarded.edge.answer = failing(error)
    assert (await refusal(rotate(guarded, NEW.decode(), charge_point_id="CP3"))).reason == error.reason
    used = NEW if took_it else OLD
    assert await let_in(guarded, used, used) == [True, True]
    # It is tried again, whatever the first attempt did.
    guarded.edge.answer = accepted
    await rotate(guarded, HEX, charge_point_id="CP3")
    assert await let_in(guarded, used, HEX.encode(), used) == [True, True, False]


async def test_a_dead_edge_node_locks_nobody_out(guarded: Platform) -> None:
    guarded.edge.answer = failing(DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "gone"))
    await refusal(rotate(guarded, NEW.decode(), charge_point_id="CP3"))
    assert await let_in(guarded, OLD, NEW) == [True, True]


async def test_nothing_is_sent_when_the_platform_cannot_take_it(platform: Platform) -> None:
    assert await bad_fields(rotate(platform, "too short")) == ["password"]
    assert await bad_fields(rotate(platform, "x" * 41)) == ["password"]
    assert platform.edge.delivered == []


@pytest.mark.parametrize("queue", [False, True])
async def test_who_is_offline_is_told_so(platform: Platform, queue: bool) -> None:
    options = service_pb.CommandOptions(queue_while_offline=queue)
    for call in (
        rotate(platform, NEW.decode(), charge_point_id="CP2", options=options),
        configure(platform, "WifiPassword", "geheim", charge_point_id="CP2", options=options),
    ):
        error = await refusal(call)
        assert error.reason == "CHARGE_POINT_OFFLINE"
        assert "not kept until it is" in error.message
    assert await records(platform, "CP2") == []


@pytest.mark.parametrize("key", ["AuthorizationKey", "authorizationkey", "SecurityCtrlr.BasicAuthPassword"])
async def test_to_configure_the_password_is_to_rotate_it(guarded: Platform, key: str) -> None:
    command = await configure(guarded, key, NEW.decode(), charge_point_id="CP3")
    assert command.kind == "rotate_password"
    assert guarded.edge.delivered[-1].body.rotate_password.password == NEW.decode()
    assert await let_in(guarded, NEW, OLD) == [True, False]
    assert await bad_fields(configure(guarded, key, "", charge_point_id="CP3")) == ["value"]


async def test_the_password_of_a_network_profile_is_not_set_beside_the_rotation(platform: Platform) -> None:
    error = await refusal(configure(platform, "NetworkConfiguration[1].BasicAuthPassword", NEW.decode()))
    assert [violation.field for violation in error.violations] == ["key"]
    assert "rotate-password" in error.message
    assert platform.edge.delivered == []


async def test_a_secret_reaches_its_charge_point_and_nothing_else(platform: Platform) -> None:
    secrets = ("geheimes Wort", NEW.decode(), "pass4711")

    def echoing(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        response = accepted(request)
        response.answer.update({"status": "Accepted", "info": f"set to {request.body.change_configuration.value}"})
        return response

    platform.edge.answer = echoing
    await configure(platform, "wifi.psk", secrets[0])
    platform.edge.answer = failing(TIMED_OUT)
    await refusal(rotate(platform, secrets[1]))
    platform.edge.answer = accepted
    request = service_pb.SendDataTransferRequest(
        charge_point_id="CP1", vendor_id="V", data=f"password={secrets[2]}&x=1"
    )
    await platform.commands.SendDataTransfer(request)
    sent = str([delivered.body.SerializeToString() for delivered in platform.edge.delivered])
    assert all(secret in sent for secret in secrets)
    shown = await records(platform)
    assert len(shown) == 3
    assert [one.body.change_configuration.value for one in shown][-1] == "***"
    assert shown[0].body.transfer_data.data == "password=***&x=1"
    everything = str(shown) + await stored(platform.service.database)
    assert not [secret for secret in secrets if secret in everything]


async def test_what_a_charge_point_tells_of_its_secrets_is_masked(platform: Platform) -> None:
    settings: list[Any] = [
        {"key": "AuthorizationKey", "readonly": False, "value": HEX},
        {"key": "HeartbeatInterval", "readonly": False, "value": "60"},
    ]

    def telling(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        response = edge_pb.DeliverCommandResponse(accepted=True)
        response.answer.update({"configurationKey": settings})
        return response

    platform.edge.answer = telling
    request = service_pb.GetConfigurationRequest(charge_point_id="CP1")
    command = (await platform.commands.GetConfiguration(request)).command
    reported = [entry["value"] for entry in MessageToDict(command.answer)["configurationKey"]]
    assert reported == ["***", "60"]
    assert HEX not in await stored(platform.service.database)
