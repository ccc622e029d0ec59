"""Bytes through the entrance of charge points: an image that an operator puts there, a log that comes back."""

import hashlib
import urllib.request
from typing import Any

import pytest

from tests.e2e.commands.idle import idle_charge_point
from tests.fixtures.system import System, until

IMAGE = b"firmware 5.0.0\n" + bytes(2_000_000)


@pytest.mark.parametrize("protocol", ["1.6", "2.0.1"])
def test_firmware_goes_out_and_a_log_comes_in(system: System, protocol: str) -> None:
    made = system.call("POST", "/files", {"name": "wall.bin", "firmware": {"version": "5.0.0"}})
    assert made.status == 201, made.text
    request = urllib.request.Request(made.json["link"]["url"], data=IMAGE, method="PUT")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 201
    stored = system.get(f"/files/{made.data['id']}").data
    assert (stored["state"], stored["sha256"]) == ("STORED", hashlib.sha256(IMAGE).hexdigest())

    with idle_charge_point(system, f"E2EFILE{protocol.replace('.', '')}", protocol) as name:
        asked = command_of(system, name, {"updateFirmware": {"fileId": made.data["id"]}})
        until(lambda: system.get(f"/file-jobs/{asked['id']}").data["state"] == "DONE", within_seconds=60)
        until(lambda: system.get(f"/charge-points/{name}").data["firmwareVersion"] == "5.0.0", within_seconds=30)
        until(lambda: system.get(f"/charge-points/{name}").data["online"], within_seconds=30)
        asked = command_of(system, name, {"getLog": {}})
        until(lambda: system.get(f"/file-jobs/{asked['id']}").data["state"] == "DONE", within_seconds=60)
        log = system.get(f"/file-jobs/{asked['id']}").data["file"]
        link = system.call("POST", f"/files/{log['id']}/links", {}).data
        with urllib.request.urlopen(link["url"], timeout=30) as answer:
            assert hashlib.sha256(answer.read()).hexdigest() == log["sha256"]


def command_of(system: System, name: str, body: dict[str, Any]) -> Any:
    """The record of a command that has no path of its own."""
    answer = system.call("POST", f"/charge-points/{name}/commands", {"command": body})
    assert answer.status == 201, answer.text
    assert answer.data["state"] == "ACCEPTED", answer.text
    return answer.data
