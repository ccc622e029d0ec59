"""The product's reason to exist: a charge point charges, and everybody who should know of it does."""

import json
import subprocess
import sys
import threading
from decimal import Decimal
from typing import Any

import pytest

from tests.fixtures.system import System, until

_ENERGY_WH = 5_500
_PRICE_PER_KWH = Decimal("0.40")
_TAX = Decimal("1.19")


@pytest.mark.effect("1.6", "StartTransaction", "MeterValues", "StopTransaction")
@pytest.mark.effect(("2.0.1", "2.1"), "TransactionEvent")
@pytest.mark.parametrize("protocol", ["1.6", "2.0.1", "2.1"])
def test_a_session_is_seen_stored_priced_invoiced_counted_and_journalled(system: System, protocol: str) -> None:
    scene = _scene(system, f"E2E{protocol.replace('.', '')}")
    done = _simulate(system, scene["charge_point"], protocol, scene["id_tag"], watch=lambda: _seen_live(system, scene))
    assert done.returncode == 0, done.stdout + done.stderr

    [transaction] = system.get(f"/transactions?chargePointId={scene['charge_point']}").data
    assert transaction["state"] == "ENDED"
    assert transaction["idTag"] == scene["id_tag"]
    assert transaction["authorization"] == "ACCEPTED"
    energy_wh = int(transaction["energyWh"])
    assert abs(energy_wh - _ENERGY_WH) <= _ENERGY_WH // 10
    values = system.get(f"/transactions/{transaction['id']}/meter-values").json
    assert values["totalSize"] >= 2
    readings = [int(value["energyWh"]) for value in values["data"] if "energyWh" in value]
    assert readings == sorted(readings)

    session = until(lambda: _completed_session(system, transaction["id"]))
    assert (int(session["energyWh"]), session["driverId"]) == (energy_wh, scene["driver"])
    assert session["tariffId"] == scene["tariff"]
    [invoice] = system.get(f"/invoices?chargingSessionId={session['id']}").data
    expected = (Decimal(energy_wh) / 1000 * _PRICE_PER_KWH).quantize(Decimal("0.01"))
    total = _money(invoice["total"])
    assert abs(total - expected * _TAX) <= Decimal("0.01")
    assert _money(session["cost"]) == total
    pdf = system.get(f"/invoices/{invoice['id']}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"

    usage = until(lambda: system.get(f"/analytics/usage?stationId={scene['station']}&period=DAY").data)
    assert usage[0]["sessionCount"] == 1
    assert int(usage[0]["energyWh"]) == energy_wh
    used = until(lambda: _billed_usage(system, scene["driver"]))
    assert used["sessionCount"] == 1
    _check_journal(system, scene["charge_point"], done.stdout)


def test_a_blocked_card_gets_a_transaction_but_no_bill(system: System) -> None:
    scene = _scene(system, "E2EBLOCKED")
    card = system.get(f"/rfid-cards?driverId={scene['driver']}").data[0]
    assert system.call("PUT", f"/rfid-cards/{card['id']}", {"status": "BLOCKED"}).status == 200
    done = _simulate(system, scene["charge_point"], "1.6", scene["id_tag"])
    assert done.returncode != 0
    assert "Blocked" in done.stdout
    assert system.get(f"/invoices?driverId={scene['driver']}").data == []


def _scene(system: System, name: str) -> dict[str, str]:
    """A station with a charge point, a tariff there, a driver with a card."""
    station = system.call(
        "POST",
        "/stations",
        {
            "name": name,
            "chargePoints": [{"id": name}],
            "connectors": [{"connectorId": 1, "type": "CCS2"}, {"connectorId": 2, "type": "CCS2"}],
        },
    ).data
    price = {"currencyCode": "EUR", "units": "0", "nanos": 400_000_000}
    tariff = system.call(
        "POST",
        "/pricing/tariffs",
        {
            "name": name,
            "currencyCode": "EUR",
            "components": [{"kind": "ENERGY", "price": price}],
            "taxBasisPoints": 1900,
            "stationIds": [station["id"]],
        },
    ).data
    driver = system.call("POST", "/drivers", {"name": name}).data
    system.call("POST", "/rfid-cards", {"idTag": f"TAG-{name}", "driverId": driver["id"]})
    return {
        "charge_point": name,
        "station": station["id"],
        "tariff": tariff["id"],
        "driver": driver["id"],
        "id_tag": f"TAG-{name}".upper(),
    }


def _simulate(
    system: System, charge_point: str, protocol: str, id_tag: str, watch: Any = None
) -> "subprocess.CompletedProcess[str]":
    """`csms simulate`, with `watch` called beside it."""
    command = [sys.executable, "-m", "stack.cli", "simulate", charge_point, protocol, system.ocpp_url()]
    command += ["--id-tag", id_tag, "--energy-wh", str(_ENERGY_WH), "--duration", "4"]
    failures: list[BaseException] = []

    def watching() -> None:
        try:
            watch()
        except BaseException as failure:
            failures.append(failure)

    beside = threading.Thread(target=watching) if watch else None
    if beside:
        beside.start()
    done = subprocess.run(command, env=system.environment, capture_output=True, text=True, timeout=60, check=False)
    if beside:
        beside.join(30)
    assert not failures, failures[0]
    return done


def _seen_live(system: System, scene: dict[str, str]) -> None:
    """While it charges, it is seen as connected, charging and costing."""
    name = scene["charge_point"]
    connection = until(lambda: _or_none(system, f"/connections/{name}"))
    assert connection["chargePointId"] == name
    until(lambda: any(one["chargePointId"] == name for one in system.get("/connections?pageSize=250").data))

    def live() -> bool:
        [seen] = system.get(f"/stations/status?stationId={scene['station']}").data
        return bool(seen["activeTransactionCount"] == seen["onlineChargePointCount"] == 1)

    until(live)
    until(lambda: system.get(f"/charging-sessions?stationId={scene['station']}&state=ACTIVE").data)


def _or_none(system: System, path: str) -> Any:
    answer = system.get(path)
    return answer.data if answer.status == 200 else None


def _completed_session(system: System, transaction_id: str) -> Any:
    found = system.get(f"/charging-sessions?transactionId={transaction_id}").data
    return found[0] if found and found[0]["state"] == "COMPLETED" else None


def _billed_usage(system: System, driver_id: str) -> Any:
    usage = system.get(f"/drivers/{driver_id}/usage").data
    return usage if usage["costs"] else None


def _money(amount: dict[str, Any]) -> Decimal:
    return Decimal(amount["units"]) + Decimal(amount["nanos"]) / 1_000_000_000


def _check_journal(system: System, charge_point: str, printed: str) -> None:
    """Every frame that the charge point printed is in the journal."""
    frames = [line[line.index("[") :] for line in printed.splitlines() if "[2," in line or "[3," in line]
    assert len(frames) >= 10

    def journalled() -> bool:
        messages = system.get(f"/charge-points/{charge_point}/messages?pageSize=250").data
        kept = {json.dumps(json.loads(message["frame"])) for message in messages}
        return {json.dumps(json.loads(frame)) for frame in frames} <= kept

    until(journalled)
