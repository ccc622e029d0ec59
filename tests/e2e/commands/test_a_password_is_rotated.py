"""The password by which a charge point logs in is changed from afar: it comes back, and nobody sees it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.fixtures.system import System, until

pytestmark = pytest.mark.field_case("E3")

_FIRST, _SECOND = "first password of it", "another one of its"


@contextmanager
def _charge_point(system: System, name: str, protocol: str, password: str) -> Iterator[None]:
    """An idle simulated charge point that must show its password."""
    body = {"id": name, "password": password, "securityProfile": 1}
    assert system.call("POST", "/charge-points", body).status == 201
    command = [sys.executable, "-m", "simulator", "fleet", "--ids", name, "--protocols", protocol, "--idle"]
    command += ["--url", system.ocpp_url(), "--ramp", "0.1", "--reconnect", "1", "--password", password]
    process = subprocess.Popen(command, env=system.environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: _epoch(system, name))
        yield
    finally:
        process.terminate()
        process.wait(20)


def _epoch(system: System, name: str) -> int:
    """The number of the open connection; 0 without one."""
    found = system.get(f"/connections/{name}")
    return int(found.data["epoch"]) if found.status == 200 else 0


def _back_with_another(system: System, name: str, before: int) -> None:
    """Wait until the charge point has used its new password."""

    def is_back() -> bool:
        return _epoch(system, name) > before and not system.get(f"/charge-points/{name}").data["rotationPending"]

    until(is_back, within_seconds=30)


def _reported(system: System, name: str) -> str:
    """All that somebody sees of it who may only look."""
    paths = ("", "/commands", "/messages", "/events")
    return "".join(system.get(f"/charge-points/{name}{path}", role="viewer").text for path in paths)


@pytest.mark.effect_of_call("1.6", "ChangeConfiguration")
@pytest.mark.effect_of_call("2.0.1", "SetVariables")
@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
def test_a_charge_point_comes_back_with_its_new_password(system: System, protocol: str) -> None:
    name, first = f"E2EROTATE{protocol.replace('.', '')}", _FIRST
    key = "AuthorizationKey" if protocol == "1.6" else "SecurityCtrlr.BasicAuthPassword"
    asked: list[tuple[str, dict[str, Any]]] = [
        ("rotate-password", {"password": _SECOND}),
        ("rotate-password", {}),
        ("change-configuration", {"key": key, "value": _FIRST}),
    ]
    with _charge_point(system, name, protocol, first):
        for path, body in asked:
            before = _epoch(system, name)
            answer = system.call("POST", f"/charge-points/{name}/{path}", body)
            assert (answer.status, answer.data["kind"], answer.data["state"]) == (200, "rotate_password", "ACCEPTED")
            _back_with_another(system, name, before)
        reported = _reported(system, name)
        assert "rotate_password" in reported
        assert not [form for text in (_FIRST, _SECOND) for form in (text, text.encode().hex()) if form in reported]


def test_a_request_id_counts_for_one_password(system: System) -> None:
    path = "/charge-points/E2EROTATEONCE/rotate-password"
    asked = {"password": _SECOND, "options": {"requestId": "once"}}
    with _charge_point(system, "E2EROTATEONCE", "1.6", _FIRST):
        before = _epoch(system, "E2EROTATEONCE")
        first = system.call("POST", path, asked)
        assert (first.status, first.data["state"]) == (200, "ACCEPTED")
        _back_with_another(system, "E2EROTATEONCE", before)
        before = _epoch(system, "E2EROTATEONCE")
        assert system.call("POST", path, asked).data == first.data
        other = system.call("POST", path, asked | {"password": _FIRST})
        assert (other.status, other.json["details"][0]["reason"]) == (409, "REQUEST_ID_REUSED")
        assert _epoch(system, "E2EROTATEONCE") == before
        assert not system.get("/charge-points/E2EROTATEONCE").data["rotationPending"]


def test_it_is_not_set_by_any_other_way(system: System) -> None:
    with _charge_point(system, "E2EROTATERAW", "1.6", _FIRST):
        call = {"action": "ChangeConfiguration", "payload": {"key": "AuthorizationKey", "value": _SECOND}}
        refused = system.call("POST", "/connections/E2EROTATERAW/send", call)
        assert refused.status == 400
        assert "rotate-password" in refused.text
        assert _epoch(system, "E2EROTATERAW")
    offline = system.call("POST", "/charge-points", {"id": "E2EROTATEOFF"})
    assert offline.status == 201
    answer = system.call("POST", "/charge-points/E2EROTATEOFF/rotate-password", {})
    assert (answer.status, answer.json["details"][0]["reason"]) == (400, "CHARGE_POINT_OFFLINE")
    assert system.call("POST", "/charge-points/E2EROTATEOFF/rotate-password", {}, role="viewer").status == 403
