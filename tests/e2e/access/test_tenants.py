"""Two tenants on one system: what happens at the charge points of one is nothing to the other."""

from functools import partial

from tests.e2e.commands.idle import command, idle_charge_point
from tests.fixtures.system import System, until

NAME = "E2ESOUTH"


class _OfSouth(System):
    """The same system, called with tokens of another tenant than the default one."""

    def token(self, role: str, *words: str) -> str:
        return super().token(role, "--tenant", "south", *words)


def test_a_tenant_starts_and_stops_a_transaction_that_nobody_else_sees(system: System) -> None:
    south = _OfSouth(system.ports, system.state_dir, system.environment, system.output, system.process)
    assert south.get("/stations").status == 401
    assert system.call("POST", "/tenants", {"id": "south", "displayName": "South"}, role="admin").status == 201
    # That there was none may be remembered for a second.
    until(lambda: south.get("/stations").status == 200)
    with idle_charge_point(south, NAME, "2.0.1"):
        started = command(south, NAME, "remote-start", {"idTag": f"TAG-{NAME}", "connectorId": 1})
        [transaction] = until(lambda: south.get(f"/transactions?chargePointId={NAME}&state=ACTIVE").data)
        assert (transaction["tenantId"], transaction["authorization"]) == ("south", "ACCEPTED")
        until(lambda: south.get(f"/commands/{started['id']}").data["state"] == "EFFECTIVE")
        until(lambda: south.get(f"/charge-points/{NAME}/messages").data)

        for path in (f"/transactions/{transaction['id']}", f"/commands/{started['id']}", f"/connections/{NAME}"):
            assert (south.get(path).status, system.get(path).status) == (200, 404), path
        for path in ("/transactions?chargePointId={}", "/charge-points/{}/messages", "/charge-points/{}/commands"):
            assert system.get(path.format(NAME)).data == [], path
        stop = {"transactionId": transaction["id"]}
        assert system.call("POST", f"/charge-points/{NAME}/remote-stop", stop).status == 404
        assert system.call("POST", f"/connections/{NAME}/send", {"action": "ClearCache"}).status == 404

        command(south, NAME, "remote-stop", stop)
        until(lambda: south.get(f"/transactions/{transaction['id']}").data["state"] == "ENDED")

        # The default tariff of the default tenant is none for it.
        [session] = until(lambda: south.get(f"/charging-sessions?chargePointId={NAME}&holdReason=NO_TARIFF").data)
        assert session["tenantId"] == "south"
        until(lambda: south.get("/analytics/dashboard").data["chargePointCount"] == 1)
        events = f"/real-time/events?cursor=0&entityId={NAME}&maxEvents=1"
        assert '"tenantId":"south"' in south.get(events).text
        for path in (
            f"/charging-sessions?chargePointId={NAME}",
            "/real-time/connections",
            f"/alerts?chargePointId={NAME}",
        ):
            assert NAME not in system.get(path).text, path
        _check_that_it_can_be_disabled(system, south)


def _check_that_it_can_be_disabled(system: System, south: System) -> None:
    """Its people are refused by every process; its charge point stays connected."""
    connected = south.get(f"/connections/{NAME}").data["epoch"]
    assert system.call("PATCH", "/tenants/south", {"state": "DISABLED"}, role="admin").status == 200
    for path in ("/stations", "/drivers", "/charging-sessions", "/alerts", "/transactions", "/connections"):
        until(partial(_is_refused, south, path))
        assert system.get(path).status == 200, path
    assert system.call("PATCH", "/tenants/south", {"state": "ACTIVE"}, role="admin").status == 200
    until(lambda: south.get("/connections").status == 200)
    assert south.get(f"/connections/{NAME}").data["epoch"] == connected


def _is_refused(south: System, path: str) -> bool:
    answer = south.get(path)
    return answer.status == 403 and "TENANT_DISABLED" in answer.text
