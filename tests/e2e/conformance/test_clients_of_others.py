"""Charge points that nobody here wrote: PyPI `ocpp` and npm `ocpp-rpc` check what we say, `test-ocpp` only connects."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ocpp.routing import on
from ocpp.v16 import ChargePoint as ChargePoint16
from ocpp.v16 import call as call16
from ocpp.v16 import call_result as result16
from ocpp.v21 import ChargePoint as ChargePoint21
from ocpp.v21 import call as call21
from ocpp.v21 import call_result as result21
from ocpp.v201 import ChargePoint as ChargePoint201
from ocpp.v201 import call as call201
from ocpp.v201 import call_result as result201
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.fixtures.system import System, until

_OCPP_RPC = "ocpp-rpc@2.2.1"
_PASSWORD = "one that testers have"
_HERE = Path(__file__).parent
_PLACE = {"id": 1, "connector_id": 1}


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _registered(system: System, name: str) -> str:
    """A charge point and a card for it."""
    assert system.call("POST", "/charge-points", {"id": name}).status == 201
    spared = {"switches": [{"id": "nothing-unasked", "forgiven": True}]}
    assert system.call("PUT", f"/charge-points/{name}/quirks", spared).status == 200
    driver = system.call("POST", "/drivers", {"name": name}).data["id"]
    assert system.call("POST", "/rfid-cards", {"idTag": f"TAG{name}", "driverId": driver}).status == 201
    return f"TAG{name}"


def _ended(system: System, name: str) -> Any:
    """Its one transaction, once it is over."""

    def look() -> Any:
        found = system.get(f"/transactions?chargePointId={name}").data
        return found[0] if len(found) == 1 and found[0]["state"] == "ENDED" else None

    return until(look)


# ---------------------------------------------------------------- PyPI ocpp


class Station16(ChargePoint16):  # type: ignore[misc]
    """A charge point of the package, by 1.6."""

    @on("Reset")  # type: ignore[untyped-decorator]
    def on_reset(self, **_asked: Any) -> Any:
        return result16.Reset(status="Accepted")

    @on("GetConfiguration")  # type: ignore[untyped-decorator]
    def on_get_configuration(self, **_asked: Any) -> Any:
        return result16.GetConfiguration(configuration_key=[{"key": "A", "readonly": True, "value": "1"}])

    async def charge(self, tag: str) -> list[Any]:
        """Boot and charge 2 kWh; returns what it was told of the boot and the token."""
        booted = await self.call(call16.BootNotification(charge_point_model="package", charge_point_vendor="PyPI"))
        await self.call(call16.StatusNotification(connector_id=1, error_code="NoError", status="Preparing"))
        authorized = await self.call(call16.Authorize(id_tag=tag))
        start = call16.StartTransaction(connector_id=1, id_tag=tag, meter_start=1000, timestamp=now())
        started = await self.call(start)
        stop = call16.StopTransaction(meter_stop=3000, timestamp=now(), transaction_id=started.transaction_id)
        await self.call(stop)
        await self.call(call16.Heartbeat())
        return [booted.status, authorized.id_tag_info["status"], started.id_tag_info["status"]]


class _Station2:
    """What charge points of the package do alike by 2.0.1 and 2.1."""

    calls: Any
    results: Any
    call: Any

    @on("Reset")  # type: ignore[untyped-decorator]
    def on_reset(self, **_asked: Any) -> Any:
        return self.results.Reset(status="Accepted")

    @on("GetVariables")  # type: ignore[untyped-decorator]
    def on_get_variables(self, get_variable_data: list[Any], **_asked: Any) -> Any:
        told = [{**one, "attribute_status": "Accepted", "attribute_value": "1"} for one in get_variable_data]
        return self.results.GetVariables(get_variable_result=told)

    async def charge(self, tag: str) -> list[Any]:
        """Boot and charge 2 kWh; returns what it was told of the boot and the token."""
        station = {"vendor_name": "PyPI", "model": "package"}
        booted = await self.call(self.calls.BootNotification(charging_station=station, reason="PowerUp"))
        status = {"connector_status": "Occupied", "evse_id": 1, "connector_id": 1}
        await self.call(self.calls.StatusNotification(timestamp=now(), **status))
        token = {"id_token": tag, "type": "ISO14443"}
        authorized = await self.call(self.calls.Authorize(id_token=token))
        started = await self._tell("Started", "Authorized", 0, 1000, "Transaction.Begin", token)
        await self._tell("Updated", "MeterValuePeriodic", 1, 2000, "Sample.Periodic")
        await self._tell("Ended", "StopAuthorized", 2, 3000, "Transaction.End", token)
        await self.call(self.calls.Heartbeat())
        return [booted.status, authorized.id_token_info["status"], started.id_token_info["status"]]

    async def _tell(
        self, kind: str, trigger: str, number: int, wh: int, context: str, token: dict[str, str] | None = None
    ) -> Any:
        sampled = {"timestamp": now(), "sampled_value": [{"value": wh, "context": context}]}
        event = self.calls.TransactionEvent(
            event_type=kind,
            timestamp=now(),
            trigger_reason=trigger,
            seq_no=number,
            transaction_info={"transaction_id": "PACKAGE-1"},
            evse=_PLACE,
            id_token=token,
            meter_value=[sampled],
        )
        return await self.call(event)


class Station201(_Station2, ChargePoint201):  # type: ignore[misc]
    calls, results = call201, result201


class Station21(_Station2, ChargePoint21):  # type: ignore[misc]
    calls, results = call21, result21


@pytest.mark.parametrize(
    ("version", "package", "settings"),
    [("1.6", Station16, {}), ("2.0.1", Station201, {"keys": ["A.B"]}), ("2.1", Station21, {"keys": ["A.B"]})],
)
async def test_a_charge_point_of_the_python_package_charges_and_obeys(
    system: System, version: str, package: Any, settings: dict[str, Any]
) -> None:
    name = f"PYPI{version.replace('.', '')}"
    tag = await asyncio.to_thread(_registered, system, name)
    offered = [Subprotocol(f"ocpp{version}")]
    async with connect(f"{system.ocpp_url()}/{name}", subprotocols=offered, proxy=None) as socket:
        station = package(name, socket, 10)
        listening = asyncio.create_task(station.start())
        async with asyncio.timeout(30):
            assert await station.charge(tag) == ["Accepted"] * 3
        seen = await asyncio.to_thread(_ended, system, name)
        assert (seen["energyWh"], seen["idTag"]) == ("2000", tag)
        for path, body in (("get-configuration", settings), ("reset", {"type": "HARD"})):
            answer = await asyncio.to_thread(system.call, "POST", f"/charge-points/{name}/{path}", body)
            assert (answer.status, answer.data["state"]) == (200, "ACCEPTED"), answer.text
        listening.cancel()


# ---------------------------------------------------------------- PyPI test-ocpp


def test_a_connection_tester_gets_in_with_its_password_and_not_without(system: System) -> None:
    assert system.call("POST", "/charge-points", {"id": "TESTER", "password": _PASSWORD}).status == 201

    def tries(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "test_ocpp", system.ocpp_url(), "TESTER", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    for words in (["--ocpp", "1.6"], ["--ocpp", "2.0.1"], ["--trailing-slash"], ["--username", "TESTER"]):
        done = tries(*words, "--password", _PASSWORD)
        assert (done.returncode, "BootNotification status: Accepted" in done.stdout) == (0, True), done
    for words in ([], ["--username", "TESTER"], ["--password", "another one of its"]):
        done = tries(*words)
        assert (done.returncode, "401" in done.stdout + done.stderr) == (1, True), done


# ---------------------------------------------------------------- npm ocpp-rpc


@pytest.fixture(scope="module")
def ocpp_rpc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client and its package. Skips where there is no Node, or no registry of npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        pytest.skip("there is no Node here, so npm's ocpp-rpc is not tried")
    folder = tmp_path_factory.mktemp("ocpp-rpc")
    words = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix", str(folder), _OCPP_RPC]
    try:
        done = subprocess.run([npm, *words], capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("the registry of npm does not answer, so ocpp-rpc is not tried")
    if done.returncode:
        pytest.skip(f"{_OCPP_RPC} cannot be had here, so it is not tried: {done.stderr.strip()[:200]}")
    shutil.copy(_HERE / "strict_client.js", folder)
    return folder


@contextmanager
def _strict_client(system: System, folder: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    command = ["node", "strict_client.js", system.ocpp_url(), *words]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("protocol", "settings", "action"),
    [("ocpp1.6", "get-configuration", "GetConfiguration"), ("ocpp2.0.1", "get-base-report", "GetBaseReport")],
)
def test_a_charge_point_of_the_javascript_package_finds_nothing_wrong(
    system: System, ocpp_rpc: Path, protocol: str, settings: str, action: str
) -> None:
    name = f"NPM{protocol.removeprefix('ocpp').replace('.', '')}"
    tag = _registered(system, name)
    with _strict_client(system, ocpp_rpc, name, protocol, tag) as client:
        assert client.stdout is not None
        said = []
        for line in client.stdout:
            said.append(json.loads(line))
            if said[-1][0] in ("charged", "wrong"):
                break
        assert said, "it said nothing"
        assert said[-1] == ["charged", name], said
        assert _ended(system, name)["energyWh"] == "2000"
        for path in (settings, "clear-cache", "unlock", "reset"):
            body = {"connectorId": 1} if path == "unlock" else {}
            system.call("POST", f"/charge-points/{name}/{path}", body)
        said += [json.loads(line) for line in client.stdout]
        assert client.wait(30) == 0, said
    asked = [about[0] for what, about in said if what == "asked"]
    assert asked == [action, "ClearCache", "UnlockConnector", "Reset"]
