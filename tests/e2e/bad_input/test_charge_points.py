"""What charge points get wrong on the wire: each gets an answer, the socket lives, the process lives."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.fixtures.raw_frames import next_frame
from tests.fixtures.system import System

_BOOT = {"chargePointVendor": "ACME", "chargePointModel": "Tester"}


def _register(system: System, charge_point: str) -> None:
    assert system.call("POST", "/charge-points", {"id": charge_point}).status in (201, 409)


async def _ask(socket: ClientConnection, frame: Any) -> Any:
    await socket.send(frame if isinstance(frame, str) else json.dumps(frame))
    return await next_frame(socket)


def _open(system: System, charge_point: str, protocol: str = "ocpp1.6") -> connect:
    return connect(f"{system.ocpp_url()}/{charge_point}", subprotocols=[Subprotocol(protocol)], proxy=None)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{not json", "FormationViolation"),
        ("[]", "FormationViolation"),
        ('{"a": 1}', "FormationViolation"),
        ('[2, "x1"]', "FormationViolation"),
        ('[2, "x2", "Nonsense", {}]', "NotImplemented"),
        ('[2, "x3", "Authorize", {}]', "OccurenceConstraintViolation"),
        ('[2, "x4", "StatusNotification", {"connectorId": "one"}]', None),
        ('[2, "x5", "DataTransfer", {"vendorId": ["ACME"]}]', None),
        ('[9, "x6", "Heartbeat", {}]', None),
        ('[2, "x7", "MeterValues", ' + "[" * 200 + "]" * 200 + "]", None),
    ],
)
async def test_a_bad_frame_gets_a_callerror_and_the_socket_stays_open(
    system: System, frame: str, code: str | None
) -> None:
    await asyncio.to_thread(_register, system, "E2EBAD")
    async with _open(system, "E2EBAD") as socket:
        answer = await _ask(socket, frame)
        assert answer[0] == 4, answer
        assert code is None or answer[2] == code, answer
        accepted = await _ask(socket, [2, "boot", "BootNotification", _BOOT])
        assert accepted[2]["status"] == "Accepted"


async def test_an_answer_to_nothing_is_ignored(system: System) -> None:
    await asyncio.to_thread(_register, system, "E2EBAD")
    async with _open(system, "E2EBAD") as socket:
        await socket.send('[3, "never asked", {"status": "Accepted"}]')
        assert (await _ask(socket, [2, "h", "Heartbeat", {}]))[0] == 3


@pytest.mark.parametrize("subprotocol", ["ocpp0.1", "chat"])
async def test_an_unknown_subprotocol_is_not_upgraded(system: System, subprotocol: str) -> None:
    await asyncio.to_thread(_register, system, "E2EBAD")
    with pytest.raises(websockets.InvalidStatus) as refusal:
        async with _open(system, "E2EBAD", subprotocol):
            pass
    assert refusal.value.response.status_code == 400


async def test_a_wrong_password_is_refused_before_the_upgrade(system: System) -> None:
    body = {"id": "E2ELOCKED", "password": "the-password-of-20-c", "securityProfile": 1}
    assert (await asyncio.to_thread(system.call, "POST", "/charge-points", body)).status == 201
    for credentials in ("", "E2ELOCKED:wrong-password-12345@"):
        url = system.ocpp_url().replace("ws://", f"ws://{credentials}") + "/E2ELOCKED"
        with pytest.raises(websockets.InvalidStatus) as refusal:
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None):
                pass
        assert refusal.value.response.status_code == 401
    url = system.ocpp_url().replace("ws://", "ws://E2ELOCKED:the-password-of-20-c@") + "/E2ELOCKED"
    async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], proxy=None) as socket:
        assert (await _ask(socket, [2, "b", "BootNotification", _BOOT]))[2]["status"] == "Accepted"


async def test_an_unknown_charge_point_waits_in_the_inbox_until_it_is_accepted(system: System) -> None:
    async with _open(system, "E2EUNKNOWN") as socket:
        assert (await _ask(socket, [2, "b1", "BootNotification", _BOOT]))[2]["status"] == "Pending"
        waiting = await asyncio.to_thread(system.get, "/charge-points?state=PENDING&text=E2EUNKNOWN")
        assert [point["id"] for point in waiting.data] == ["E2EUNKNOWN"]
        accept = {"state": "ACCEPTED"}
        assert (await asyncio.to_thread(system.call, "PUT", "/charge-points/E2EUNKNOWN", accept)).status == 200
        assert (await _ask(socket, [2, "b2", "BootNotification", _BOOT]))[2]["status"] == "Accepted"


async def test_both_forms_of_the_url_work(system: System) -> None:
    await asyncio.to_thread(_register, system, "E2EFORM")
    for url in (
        f"{system.ocpp_url()}/E2EFORM",
        f"{system.ocpp_url()}/E2EFORM/",
        f"{system.ocpp_url()}?chargePointId=E2EFORM&version=1.6",
    ):
        subprotocols = None if "version" in url else [Subprotocol("ocpp1.6")]
        async with connect(url, subprotocols=subprotocols, proxy=None) as socket:
            assert (await _ask(socket, [2, "b", "BootNotification", _BOOT]))[2]["status"] == "Accepted"


async def test_a_retried_start_gets_the_same_transaction(system: System) -> None:
    await asyncio.to_thread(_register, system, "E2ERETRY")
    start = {"connectorId": 1, "idTag": "NOBODY", "meterStart": 100, "timestamp": "2026-03-01T10:00:00Z"}
    numbers = []
    for attempt in range(3):
        async with _open(system, "E2ERETRY") as socket:
            numbers.append((await _ask(socket, [2, f"s{attempt}", "StartTransaction", start]))[2]["transactionId"])
            stop = {"transactionId": numbers[0], "meterStop": 900, "timestamp": "2026-03-01T11:00:00Z"}
            answer = await _ask(socket, [2, f"e{attempt}", "StopTransaction", stop])
            assert answer[0] == 3
    assert len(set(numbers)) == 1
    assert numbers[0] > 0
    [transaction] = (await asyncio.to_thread(system.get, "/transactions?chargePointId=E2ERETRY")).data
    assert (transaction["state"], transaction["energyWh"]) == ("ENDED", "800")


@pytest.mark.field_case("A2", "B2")
async def test_a_session_of_broken_messages_ends_with_its_energy(system: System) -> None:
    await asyncio.to_thread(_register, system, "E2EBROKEN")
    begun = datetime.now(UTC) - timedelta(minutes=30)
    start = {"connectorId": 1.0, "idTag": {"card": 1}, "meterStart": 1000, "timestamp": begun.isoformat(), "x": [None]}
    sampled = [{}, {"value": True}, None, {"value": "2400", "phase": {}}]
    data = [{}, None, {"timestamp": 5, "sampledValue": sampled}, {"sampledValue": "none"}]
    async with _open(system, "E2EBROKEN") as socket:
        await _ask(socket, [2, "b", "BootNotification", _BOOT])
        answer = await _ask(socket, [2, 7, "StartTransaction", start])
        assert answer[:2] == [3, 7]
        number = answer[2]["transactionId"]
        stop = {"transactionId": number, "meterStop": "2500 Wh", "transactionData": data, "reason": ["Local"]}
        assert await _ask(socket, json.dumps([2, "s", "StopTransaction", stop]) + "\0\0") == [3, "s", {}]
    [session] = (await asyncio.to_thread(system.get, "/transactions?chargePointId=E2EBROKEN")).data
    assert (session["state"], session["energyWh"], session["ocppTransactionId"]) == ("ENDED", "1500", str(number))
    assert {"BAD_CHARACTERS", "COERCED", "DROPPED"} <= {*session["flags"]}
    assert "meterStop" in session["coercedPaths"]
    assert {"reason", "transactionData"} <= {*session["droppedPaths"]}


@pytest.mark.field_case("B3")
async def test_what_a_charge_point_answers_badly_is_not_the_fault_of_who_asked(system: System) -> None:
    await asyncio.to_thread(_register, system, "E2EANSWERS")
    setting = {"key": "Yes", "readonly": False, "value": True}
    # The platform asks for all settings by itself.
    one = {"action": "GetConfiguration", "payload": {"key": ["Yes"]}}
    calls: list[tuple[str, Any, list[Any]]] = [
        ("/connections/E2EANSWERS/send", one, [3, {"configurationKey": [setting, None]}]),
        ("/connections/E2EANSWERS/send", {"action": "ClearCache"}, [4, "InternalError", "no", {}]),
        ("/connections/E2EANSWERS/send", {"action": "ClearCache"}, [3, {"status": "Perhaps"}]),
        ("/charge-points/E2EANSWERS/clear-cache", {}, [3, {}]),
    ]
    async with _open(system, "E2EANSWERS") as socket:
        await _ask(socket, [2, "b", "BootNotification", _BOOT])
        answers = []
        for path, body, (kind, *answer) in calls:
            asking = asyncio.ensure_future(asyncio.to_thread(system.call, "POST", path, body))
            asked = body.get("action", "ClearCache"), body.get("payload", {})
            _, message_id, *_ = await next_frame(socket, *asked)
            await socket.send(json.dumps([kind, message_id, *answer]))
            answers.append(await asking)
    first, *others = answers
    assert (first.status, first.data["configurationKey"]) == (200, [setting, None])
    assert first.json["flags"] == ["dropped:configurationKey", "coerced:configurationKey.value"]
    assert first.json["dropped"] == {"configurationKey[1]": None}
    reported = [(answer.status, answer.json["code"], answer.json["details"][0]["reason"]) for answer in others]
    assert reported == [(502, 9, "OCPP_CALL_ERROR")] * 3
