"""Commands over REST to a charge point that is really connected, and what they bring about."""

from typing import Any

import pytest

from tests.e2e.commands.idle import command, idle_charge_point
from tests.fixtures.system import System, until


@pytest.mark.effect_of_call("1.6", "RemoteStartTransaction", "RemoteStopTransaction")
@pytest.mark.effect_of_call("2.0.1", "RequestStartTransaction", "RequestStopTransaction")
@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
def test_a_remote_start_and_stop_have_their_effect(system: System, protocol: str) -> None:
    with idle_charge_point(system, f"E2ECMD{protocol.replace('.', '')}", protocol) as name:
        started = command(system, name, "remote-start", {"idTag": f"TAG-{name}", "connectorId": 1})
        assert started["state"] in ("ACCEPTED", "EFFECTIVE")
        [transaction] = until(lambda: system.get(f"/transactions?chargePointId={name}&state=ACTIVE").data)
        assert transaction["idTag"] == f"TAG-{name}"
        until(lambda: system.get(f"/commands/{started['id']}").data["state"] == "EFFECTIVE")

        stopped = command(system, name, "remote-stop", {"transactionId": transaction["id"]})
        assert stopped["state"] in ("ACCEPTED", "EFFECTIVE")
        until(lambda: system.get(f"/transactions/{transaction['id']}").data["state"] == "ENDED")
        until(lambda: system.get(f"/commands/{stopped['id']}").data["state"] == "EFFECTIVE")


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
def test_the_other_commands_are_answered(system: System, protocol: str) -> None:
    key = "HeartbeatInterval" if protocol == "1.6" else "OCPPCommCtrlr.HeartbeatInterval"
    with idle_charge_point(system, f"E2EALL{protocol.replace('.', '')}", protocol) as name:
        command(system, name, "unlock", {"connectorId": 1})
        assert command(system, name, "clear-cache", {})["status"] == "Accepted"
        assert command(system, name, "trigger-message", {"message": "Heartbeat"})["status"] == "Accepted"
        changed = command(system, name, "change-configuration", {"key": key, "value": "77"})
        assert changed["state"] == "ACCEPTED", changed
        read = command(system, name, "get-configuration", {"keys": [key]})
        assert "77" in str(read["answer"])
        unavailable = command(
            system, name, "change-availability", {"availability": "INOPERATIVE", "connectorId": 2, "evseId": 2}
        )
        assert unavailable["status"] in ("Accepted", "Scheduled")
        command(system, name, "transfer-data", {"vendorId": "ACME", "messageId": "x"})
        booted = system.get(f"/charge-points/{name}").data["bootTime"]
        assert command(system, name, "reset", {"type": "SOFT"})["state"] in ("ACCEPTED", "EFFECTIVE")
        until(lambda: system.get(f"/charge-points/{name}").data["bootTime"] != booted, within_seconds=30)
        assert system.get(f"/charge-points/{name}/commands").json["totalSize"] >= 7


def test_any_call_can_be_sent_and_is_checked_against_the_schema(system: System) -> None:
    with idle_charge_point(system, "E2ESEND", "1.6") as name:
        call = {"action": "GetConfiguration", "payload": {"key": ["HeartbeatInterval"]}}
        answer = system.call("POST", f"/connections/{name}/send", call)
        assert answer.status == 200, answer.text
        assert answer.data["configurationKey"][0]["key"] == "HeartbeatInterval"
        bad = system.call("POST", f"/connections/{name}/send", {"action": "Reset", "payload": {"type": "Maybe"}})
        assert bad.status == 400
        assert bad.json["details"][0]["reason"] == "OCPP_SCHEMA_VIOLATION"
        unknown = system.call("POST", f"/connections/{name}/send", {"action": "Nonsense", "payload": {}})
        assert unknown.status == 400
        assert system.call("DELETE", f"/connections/{name}").status == 204


def test_a_command_to_a_charge_point_that_is_offline_fails_or_waits(system: System) -> None:
    assert system.call("POST", "/charge-points", {"id": "E2EOFF"}).status == 201
    refused = system.call("POST", "/charge-points/E2EOFF/clear-cache", {})
    assert refused.status == 400
    assert refused.json["details"][0]["reason"] == "CHARGE_POINT_OFFLINE"
    queued = system.call("POST", "/charge-points/E2EOFF/clear-cache", {"options": {"queueWhileOffline": True}})
    assert queued.data["state"] == "QUEUED"


def test_a_command_that_waits_is_repeated_with_its_key_and_canceled(system: System) -> None:
    assert system.call("POST", "/charge-points", {"id": "E2EKEY"}).status == 201
    body = {"command": {"clearCache": {}}, "options": {"queueWhileOffline": True, "priority": "BACKGROUND"}}
    key = {"Idempotency-Key": "clear-1"}
    queued = system.call("POST", "/charge-points/E2EKEY/commands", body, headers=key)
    assert queued.status == 201, queued.text
    path = queued.headers["location"]
    assert (queued.data["state"], queued.data["priority"], path) == (
        "QUEUED",
        "BACKGROUND",
        f"/commands/{queued.data['id']}",
    )
    assert system.call("POST", "/charge-points/E2EKEY/commands", body, headers=key).data["id"] == queued.data["id"]
    other = body | {"command": {"reset": {}}}
    assert system.call("POST", "/charge-points/E2EKEY/commands", other, headers=key).status == 409
    both = body | {"options": {"queueWhileOffline": True, "requestId": "clear-2"}}
    assert system.call("POST", "/charge-points/E2EKEY/commands", both, headers=key).status == 400

    for unusable in ("schl\u00fcssel", "x" * 101):
        # Passed over, the command would be carried out at each repeat.
        refused = system.call("POST", "/charge-points/E2EKEY/commands", body, headers={"Idempotency-Key": unusable})
        assert refused.status == 400, refused.text
    assert system.get("/charge-points/E2EKEY/commands").json["totalSize"] == 1

    for _ in range(2):
        canceled = system.call("DELETE", path)
        assert (canceled.status, canceled.data["state"]) == (200, "CANCELED")
    again = system.call("POST", "/charge-points/E2EKEY/commands", body, headers=key)
    assert (again.data["id"], again.data["state"]) == (queued.data["id"], "CANCELED")
    assert system.call("DELETE", f"/commands/{queued.data['id']}x").status == 404


def test_a_general_command_asks_for_one_thing(system: System) -> None:
    assert system.call("POST", "/charge-points", {"id": "E2EONE"}).status == 201
    bodies: list[Any] = [{}, {"clearCache": {}, "reset": {}}, {"nonsense": {}}, None]
    for asked in bodies:
        answer = system.call("POST", "/charge-points/E2EONE/commands", {"command": asked})
        assert answer.status == 400, answer.text
    unknown = system.call("POST", "/charge-points/E2EONE/commands", {"command": {"reset": {"type": "MAYBE"}}})
    assert unknown.status == 400


def test_a_campaign_asks_every_charge_point_that_is_chosen_once(system: System) -> None:
    with idle_charge_point(system, "E2ECAM1", "1.6") as first, idle_charge_point(system, "E2ECAM2", "2.0.1") as second:
        expected = {
            "command": {"clearCache": {}},
            "selection": {"text": "E2ECAM", "online": True},
            "commandsPerSecond": 50,
        }
        made = system.call("POST", "/command-campaigns", expected, headers={"Idempotency-Key": "e2e-campaign"})
        assert made.status == 201, made.text
        again = system.call("POST", "/command-campaigns", expected, headers={"Idempotency-Key": "e2e-campaign"})
        path = f"/command-campaigns/{made.data['id']}"
        assert again.data["id"] == made.data["id"]
        until(lambda: system.get(path).data["state"] == "COMPLETED")
        progress = system.get(path).data["progress"]
        assert (progress["selected"], progress["accepted"]) == (2, 2)
        assert {one["chargePointId"] for one in system.get(f"{path}/commands").data} == {first, second}
        assert made.data["id"] in [one["id"] for one in system.get("/command-campaigns?state=COMPLETED").data]
        for action in ("pause", "cancel"):
            refused = system.call("POST", f"{path}/{action}", {})
            assert refused.json["details"][0]["reason"] == "COMMAND_CAMPAIGN_OVER"
        assert system.call("POST", "/command-campaigns", {**expected, "selection": {}}).status == 400
        assert system.call("POST", "/command-campaigns", expected, role="viewer").status == 403
