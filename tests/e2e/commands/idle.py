"""An idle charge point that obeys, and commanding it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fixtures.system import System, until


@contextmanager
def idle_charge_point(system: System, name: str, protocol: str) -> Iterator[str]:
    """An idle simulated charge point that obeys."""
    body = {"name": name, "chargePoints": [{"id": name}], "connectors": [{"connectorId": 1}, {"connectorId": 2}]}
    assert system.call("POST", "/stations", body).status == 201
    driver = system.call("POST", "/drivers", {"name": name}).data["id"]
    assert system.call("POST", "/rfid-cards", {"idTag": f"TAG-{name}", "driverId": driver}).status == 201
    command = [sys.executable, "-m", "simulator", "fleet", "--ids", name, "--protocols", protocol]
    # Its first own session would begin after an hour: until then it only obeys.
    command += ["--url", system.ocpp_url(), "--ramp", "0.1", "--idle"]
    process = subprocess.Popen(command, env=system.environment, stdout=subprocess.DEVNULL)
    try:
        until(lambda: system.get(f"/connections/{name}").status == 200)
        until(lambda: system.get(f"/charge-points/{name}").data.get("bootTime"))
        yield name
    finally:
        process.terminate()
        process.wait(20)


def command(system: System, charge_point: str, path: str, body: dict[str, Any]) -> Any:
    """The record of a command."""
    answer = system.call("POST", f"/charge-points/{charge_point}/{path}", body)
    assert answer.status == 200, answer.text
    return answer.data
