"""Who is not let in finds out why, and so do operators."""

import asyncio
import base64
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.fixtures.system import System, until

_PASSWORD = "the-password-of-20-c"


async def _knock(
    system: System, path: str, *offers: str, shown: tuple[str, str] | None = None, port: int = 0
) -> tuple[int, str]:
    """Status and words of a refusal; (101, the subprotocol) when it is let in. `shown` are user and password."""
    token = base64.b64encode(":".join(shown or ()).encode()).decode()
    try:
        async with connect(
            f"ws://127.0.0.1:{port or system.ports['ocpp']}{path}",
            subprotocols=[Subprotocol(name) for name in offers or ("ocpp1.6",)],
            additional_headers={"Authorization": f"Basic {token}"} if shown else {},
            proxy=None,
        ) as socket:
            return 101, socket.subprotocol or ""
    except InvalidStatus as refused:
        return refused.response.status_code, (refused.response.body or b"").decode().strip()


def _refusals(system: System, identity: str, *rules: str) -> list[dict[str, Any]]:
    """The refusals of a charge point once these rules are among them."""
    path = f"/charge-points/{identity}/refusals"

    def reported() -> list[dict[str, Any]] | None:
        found: list[dict[str, Any]] = system.get(path, role="viewer").data
        return found if {one["rule"] for one in found} >= set(rules) else None

    found: list[dict[str, Any]] = until(reported)
    return found


@pytest.mark.field_case("B9")
async def test_each_rule_that_refuses_a_charge_point_is_told_with_what_to_do(system: System) -> None:
    body = {"id": "E2EREFUSED", "password": _PASSWORD, "securityProfile": 1, "pinnedProtocol": "ocpp1.6"}
    assert (await asyncio.to_thread(system.call, "POST", "/charge-points", body)).status == 201
    right = ("E2EREFUSED", _PASSWORD)

    path = "/ocpp/E2EREFUSED"
    assert await _knock(system, path) == (401, "no credentials were sent")
    assert await _knock(system, path, shown=("E2EREFUSED", "x" * 20)) == (401, "the credentials do not match")
    assert (await _knock(system, path, shown=("OTHER", _PASSWORD)))[0] == 401
    assert (await _knock(system, path, "soap", shown=right))[0] == 400
    assert (await _knock(system, path, "ocpp2.0.1", shown=right))[0] == 400
    assert await _knock(system, path, "ocpp1.6", "ocpp2.0.1", shown=right) == (101, "ocpp1.6")

    rules = {
        "CREDENTIALS_MISSING": ["ocpp1.6"],
        "WRONG_PASSWORD": ["ocpp1.6"],
        "WRONG_USER": ["ocpp1.6"],
        "NO_COMMON_SUBPROTOCOL": ["soap"],
        "PINNED_PROTOCOL_NOT_OFFERED": ["ocpp2.0.1"],
    }
    found = {one["rule"]: one for one in await asyncio.to_thread(_refusals, system, "E2EREFUSED", *rules)}
    assert {rule: one["offeredProtocols"] for rule, one in found.items()} == rules
    assert len({one["advice"] for one in found.values()}) == len(rules)
    for one in found.values():
        assert (one["count"], one["path"], one["identity"]) == ("1", path, "E2EREFUSED")
        assert one["remoteAddress"]
        assert one["firstTime"] == one["lastTime"]


@pytest.mark.field_case("B8", "B9")
async def test_who_names_nobody_is_told_where_to_connect_and_is_on_the_list_of_unknown_charge_points(
    system: System,
) -> None:
    place = f"ws://127.0.0.1:{system.ports['ocpp']}/ocpp/<identity>"
    for path in ("/health", "/connections/UNKNOWN", "/ocpp/%25", "/websocket/e2e/UNKNOWN"):
        status, text = await _knock(system, path)
        assert status == 404
        assert text.endswith(f"connect to {place}")

    def listed() -> Any:
        found = system.get("/unknown-charge-points?text=e2e", role="viewer").data
        return found and found[0]

    unknown = await asyncio.to_thread(until, listed)
    assert (unknown["rule"], unknown["identity"]) == ("IDENTITY_MISSING", "")
    assert unknown["path"] == "/websocket/e2e/UNKNOWN"
    assert "ws://HOST:PORT/ocpp/<identity>" in unknown["advice"]
    assert '"rule":"IDENTITY_MISSING"' in system.log("edge")
    assert (await _knock(system, "/ocpp/E2EX", port=system.ports["gateway"]))[0] == 403


@pytest.mark.field_case("E2")
async def test_nobody_is_let_in_by_headers_that_only_a_proxy_may_write(system: System) -> None:
    body = {"id": "E2ESEC1", "password": _PASSWORD}
    assert (await asyncio.to_thread(system.call, "POST", "/charge-points", body)).status == 201
    forged = {
        "X-Forwarded-Client-Cert": 'Subject="CN=E2ESEC1"',
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "203.0.113.99",
        "X-CSMS-Proxy-Secret": "guessed",
    }
    for port in (system.ports["ocpp"], system.ports.websocket()):
        url = f"ws://127.0.0.1:{port}/ocpp/E2ESEC1"
        with pytest.raises(InvalidStatus) as refused:
            async with connect(url, subprotocols=[Subprotocol("ocpp1.6")], additional_headers=forged, proxy=None):
                pass
        assert refused.value.response.status_code == 401
    found = await asyncio.to_thread(_refusals, system, "E2ESEC1", "CREDENTIALS_MISSING")
    assert "203.0.113.99" not in json.dumps(found)


@pytest.mark.field_case("E6")
async def test_wrong_passwords_are_slowed_down_and_the_charge_point_elsewhere_is_not(system: System) -> None:
    body = {"id": "E2EGUESSED", "password": _PASSWORD, "securityProfile": 1}
    assert (await asyncio.to_thread(system.call, "POST", "/charge-points", body)).status == 201
    # Straight to the edge, from an address of its own: Envoy shows all of this machine as one.
    port = system.ports.websocket()
    statuses = [
        (await _knock(system, "/ocpp/E2EGUESSED", shown=("E2EGUESSED", f"wrong password {number:06}")))[0]
        for number in range(60)
    ]
    assert statuses[:5] == [401] * 5
    assert statuses.count(429) >= 45
    right = ("E2EGUESSED", _PASSWORD)
    assert await _knock(system, "/ocpp/E2EGUESSED", shown=right, port=port) == (101, "ocpp1.6")
    found = await asyncio.to_thread(_refusals, system, "E2EGUESSED", "WRONG_PASSWORD", "TOO_MANY_ATTEMPTS")
    assert sum(int(one["guessCount"]) for one in found) == 60
    query = "/alerts?chargePointId=E2EGUESSED&kind=CHARGE_POINT_PASSWORD_GUESSED"
    [alert] = await asyncio.to_thread(until, lambda: system.get(query).data)
    assert alert["severity"] == "CRITICAL"
