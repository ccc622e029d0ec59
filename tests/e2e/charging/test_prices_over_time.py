"""What energy costs when its price changes meanwhile, and a vehicle that stays when it is full."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.charging.charger import BOOT_16, BOOT_201, Charger, ask, metered, sampled, stamp
from tests.fixtures.system import System, until


def _component(kind: str, cents: int, **fields: Any) -> dict[str, Any]:
    price = {"currencyCode": "EUR", "units": str(cents // 100), "nanos": cents % 100 * 10_000_000}
    return {"kind": kind, "price": price, **fields}


def _at(minutes: float, begin: float) -> float:
    """The hours from now of a moment in a session that began so many hours ago."""
    return minutes / 60 - begin


def _cost(session: dict[str, Any]) -> str:
    cost = session["cost"]
    return f"{int(cost['units'])}.{cost['nanos'] // 10_000_000:02d}"


def _lines(charger: Charger, session: dict[str, Any]) -> list[tuple[str, str]]:
    [invoice] = charger.system.get(f"/invoices?chargingSessionId={session['id']}").data
    return [(line["kind"], line["quantity"]) for line in invoice["lines"]]


_FULL_AFTER = 90
_DEMO = (_component("ENERGY", 49), _component("IDLE", 600, graceMinutes=15))


@pytest.mark.field_case("D1")
async def test_a_vehicle_by_ocpp_16_that_is_full_for_ninety_minutes_pays_for_the_place(system: System) -> None:
    charger = await asyncio.to_thread(Charger, system, "E2ED116", *_DEMO)
    begin = 3.2
    async with charger.connected() as socket:
        await ask(socket, "BootNotification", BOOT_16)
        start = {"connectorId": 1, "idTag": charger.card, "meterStart": 1_000, "timestamp": stamp(-begin)}
        number = (await ask(socket, "StartTransaction", start))["transactionId"]
        for minutes in range(15, 180, 15):
            energy = {"value": str(1_000 + 11_000 * min(minutes, _FULL_AFTER) // 60)}
            power = {"value": "11000" if minutes < _FULL_AFTER else "0", "measurand": "Power.Active.Import"}
            values = sampled(_at(minutes, begin), energy, power)
            await ask(socket, "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values})
            if minutes == _FULL_AFTER:
                status = {"connectorId": 1, "errorCode": "NoError", "status": "SuspendedEV"}
                await ask(socket, "StatusNotification", {**status, "timestamp": stamp(_at(minutes, begin))})
        live = await asyncio.to_thread(until, lambda: _idles(charger))
        assert int(live["idleMinutes"]) >= 75
        end = {"transactionId": number, "timestamp": stamp(_at(180, begin)), "meterStop": 17_500}
        await ask(socket, "StopTransaction", end)
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert (done["idleMinutes"], _cost(done)) == (90, "15.58")
    assert await asyncio.to_thread(_lines, charger, done) == [("ENERGY", "16.5"), ("IDLE", "1.2500")]


def _idles(charger: Charger) -> Any:
    session = charger.session("ACTIVE")
    return session if session and session["idleMinutes"] else None


@pytest.mark.field_case("D1")
async def test_a_vehicle_by_ocpp_201_that_is_full_pays_for_the_place_as_well(system: System) -> None:
    charger = await asyncio.to_thread(Charger, system, "E2ED1201", *_DEMO)
    begin, transaction = 3.2, {"transactionId": "E2ED1201-1"}
    card = {"idToken": charger.card, "type": "ISO14443"}
    reported = [
        (0, "Started", {"chargingState": "Charging"}, 1_000, {"context": "Transaction.Begin"}),
        (90, "Updated", {"chargingState": "SuspendedEV"}, 17_500, {}),
        (180, "Ended", {"stoppedReason": "Local"}, 17_500, {"context": "Transaction.End"}),
    ]
    async with charger.connected("ocpp2.0.1") as socket:
        await ask(socket, "BootNotification", BOOT_201)
        for number, (minutes, kind, info, wh, more) in enumerate(reported):
            event = {
                "eventType": kind,
                "timestamp": stamp(_at(minutes, begin)),
                "triggerReason": "ChargingStateChanged",
                "seqNo": number,
                "transactionInfo": {**transaction, **info},
                "evse": {"id": 1, "connectorId": 1},
                "meterValue": metered(_at(minutes, begin), wh, **more),
            }
            await ask(socket, "TransactionEvent", {**event, **({"idToken": card} if kind == "Started" else {})})
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert (done["idleMinutes"], _cost(done)) == (90, "15.58")


@pytest.mark.field_case("D2")
async def test_a_fast_charge_pays_the_price_of_the_time_at_which_it_came(system: System) -> None:
    """100 kW for a quarter of an hour, then it tapers off over half an hour, in which the price is lower."""
    began = (datetime.now(UTC) - timedelta(hours=2)).replace(minute=0, second=0, microsecond=0)
    falls, rises = began + timedelta(minutes=15), began + timedelta(hours=6)
    window = {"startTimeOfDay": f"{falls:%H:%M}", "endTimeOfDay": f"{rises:%H:%M}"}
    prices = (_component("ENERGY", 39, **window), _component("ENERGY", 79))
    charger = await asyncio.to_thread(Charger, system, "E2ED2", *prices, max_power_w=150_000)
    async with charger.connected() as socket:
        await ask(socket, "BootNotification", BOOT_16)
        start = {"connectorId": 1, "idTag": charger.card, "meterStart": 500, "timestamp": stamp(began)}
        number = (await ask(socket, "StartTransaction", start))["transactionId"]
        for minutes, wh in ((5, 8_333), (10, 16_667), (15, 25_000), (25, 34_700), (35, 39_500)):
            values = sampled(began + timedelta(minutes=minutes), {"value": str(500 + wh)})
            await ask(socket, "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values})
        end = {"transactionId": number, "timestamp": stamp(began + timedelta(minutes=45)), "meterStop": 41_660}
        await ask(socket, "StopTransaction", end)
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert (_cost(done), done["flags"]) == ("26.05", [])
    explained = await asyncio.to_thread(system.csms, "explain", done["id"])
    assert explained.returncode == 0, explained.stderr
    assert "energy by 7 readings" in explained.stdout
    assert "25 kWh x 0.79 EUR = 19.75 EUR" in explained.stdout
    assert "25000 Wh" in explained.stdout
    assert "26.05 EUR + tax 0.00 EUR = 26.05 EUR" in explained.stdout
    unknown = await asyncio.to_thread(system.csms, "explain", "nonsense")
    assert unknown.returncode == 1
    assert "CHARGING_SESSION_NOT_FOUND" in unknown.stderr


async def test_a_station_that_shows_costs_is_told_them(system: System) -> None:
    charger = await asyncio.to_thread(Charger, system, "E2ECOST")
    component = {"name": "TariffCostCtrlr"}

    def variable(name: str, value: str, **instance: str) -> dict[str, Any]:
        named = {"component": component, "variable": {"name": name, **instance}}
        return {**named, "variableAttribute": [{"value": value}]}

    shown = [variable("Enabled", "true", instance="Cost"), variable("Currency", "EUR")]
    report = {"requestId": 1, "generatedAt": stamp(0), "seqNo": 0, "tbc": False, "reportData": shown}
    async with charger.connected("ocpp2.0.1") as socket:
        await ask(socket, "BootNotification", BOOT_201)
        await ask(socket, "NotifyReport", report)
    assert charger.system.get(f"/charge-points/{charger.name}").data["costCurrency"] == "EUR"

    def event(kind: str, number: int, wh: int, **more: Any) -> dict[str, Any]:
        return {
            "eventType": kind,
            "timestamp": stamp(number - 2),
            "triggerReason": "MeterValuePeriodic",
            "seqNo": number,
            "transactionInfo": {"transactionId": "E2ECOST-1"},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": metered(number - 2, wh, **more),
        }

    async with charger.connected("ocpp2.0.1") as socket:
        start = event("Started", 0, 1_000, context="Transaction.Begin")
        start["idToken"] = {"idToken": charger.card, "type": "ISO14443"}
        assert "totalCost" not in await ask(socket, "TransactionEvent", start)
        assert await asyncio.to_thread(until, lambda: charger.session("ACTIVE"))
        assert (await ask(socket, "TransactionEvent", event("Updated", 1, 6_000)))["totalCost"] == 2.0
        ended = await ask(socket, "TransactionEvent", event("Ended", 2, 11_000, context="Transaction.End"))
        assert ended["totalCost"] == 4.0
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert _cost(done) == "4.00"
