"""What real meters tell comes to the right energy and the right bill, or is held with its figures."""

import asyncio
from typing import Any

import pytest

from tests.e2e.charging.charger import BOOT_16, BOOT_201, Charger, ask, metered, sampled, stamp
from tests.fixtures.system import System, until


@pytest.mark.field_case("A7")
async def test_a_register_of_the_session_is_aligned_across_a_reconnect(system: System) -> None:
    charger = await asyncio.to_thread(Charger, system, "E2EA7")
    async with charger.connected() as socket:
        await ask(socket, "BootNotification", BOOT_16)
        start = {"connectorId": 1, "idTag": charger.card, "meterStart": 4_076_000, "timestamp": stamp(-0.5)}
        number = (await ask(socket, "StartTransaction", start))["transactionId"]
        for at, value in ((-0.4, "228"), (-0.3, "353")):
            values = {"connectorId": 1, "transactionId": number, "meterValue": sampled(at, {"value": value})}
            await ask(socket, "MeterValues", values)
    async with charger.connected() as socket:
        values = {"connectorId": 1, "transactionId": number, "meterValue": sampled(-0.2, {"value": "453"})}
        await ask(socket, "MeterValues", values)
        live = await asyncio.to_thread(until, lambda: charger.session("ACTIVE"))
        assert (live["energyWh"], live["cost"]["nanos"]) == ("453", 180_000_000)
        await ask(socket, "StopTransaction", {"transactionId": number, "timestamp": stamp(-0.1), "meterStop": 453})
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert (done["energyWh"], done["cost"]["nanos"]) == ("453", 180_000_000)
    transaction = charger.transaction()
    assert (transaction["energyWh"], transaction["flags"]) == ("453", ["TRANSACTION_REGISTER"])


@pytest.mark.field_case("A8")
@pytest.mark.parametrize("begin_first", [True, False])
async def test_a_register_of_the_start_in_the_list_of_a_sample_is_no_current_one(
    system: System, begin_first: bool
) -> None:
    charger = await asyncio.to_thread(Charger, system, f"E2EA8{begin_first}")
    samples = [{"value": "163630", "context": "Sample.Periodic"}, {"value": "157440", "context": "Transaction.Begin"}]
    async with charger.connected() as socket:
        await ask(socket, "BootNotification", BOOT_16)
        start = {"connectorId": 1, "idTag": charger.card, "timestamp": stamp(-1)}
        number = (await ask(socket, "StartTransaction", start))["transactionId"]
        entries = sampled(-0.2, *(reversed(samples) if begin_first else samples))
        await ask(socket, "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": entries})
        live = await asyncio.to_thread(until, lambda: charger.session("ACTIVE"))
        assert (live["energyWh"], live["cost"]["units"], live["cost"]["nanos"]) == ("6190", "2", 480_000_000)
        await ask(socket, "StopTransaction", {"transactionId": number, "timestamp": stamp(-0.1)})
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert (done["energyWh"], done["cost"]["units"], done["cost"]["nanos"]) == ("6190", "2", 480_000_000)


@pytest.mark.field_case("A9")
async def test_the_register_of_a_meters_life_is_held_with_the_figures_that_say_why(system: System) -> None:
    charger = await asyncio.to_thread(Charger, system, "E2EA9")
    async with charger.connected() as socket:
        await ask(socket, "BootNotification", BOOT_16)
        start = {"connectorId": 1, "idTag": charger.card, "meterStart": 0, "timestamp": stamp(-8)}
        number = (await ask(socket, "StartTransaction", start))["transactionId"]
        values = {"connectorId": 1, "transactionId": number, "meterValue": sampled(-7.9, {"value": "938000"})}
        await ask(socket, "MeterValues", values)
        # What the connector gives has come round.
        await asyncio.to_thread(until, lambda: "at most 22 kW" in charger.transaction()["energyDoubt"])
        await ask(socket, "StopTransaction", {"transactionId": number, "timestamp": stamp(0), "meterStop": 939_000})
    held = await asyncio.to_thread(until, lambda: charger.session("HELD"))
    transaction = charger.transaction()
    assert transaction["flags"] == ["IMPLAUSIBLE_ENERGY", "REGISTER_OFFSET"]
    assert held["holdReason"] == "IMPLAUSIBLE_ENERGY"
    assert "939000 Wh in 8 h is 117 kW; the connector gives at most 22 kW" in held["holdDetail"]
    assert "counted from there it is 1000 Wh" in held["holdDetail"]
    alert = await asyncio.to_thread(until, lambda: charger.alert("DOUBTFUL_ENERGY"))
    assert "939000 Wh in 8 h is 117 kW" in alert["message"]


@pytest.mark.field_case("A12")
@pytest.mark.parametrize("values", [{}, {"meterValue": metered(-0.3, 5.0, "kWh", phase="L1")}])
async def test_a_session_without_an_import_register_is_held_and_alerted(system: System, values: dict[str, Any]) -> None:
    charger = await asyncio.to_thread(Charger, system, f"E2EA12{bool(values)}")
    for entry in values.get("meterValue", ()):
        entry["sampledValue"][0]["measurand"] = "Energy.Active.Export.Register"
    async with charger.connected("ocpp2.0.1") as socket:
        await ask(socket, "BootNotification", BOOT_201)
        common = {"transactionInfo": {"transactionId": "T-1"}, "evse": {"id": 1, "connectorId": 1}, **values}
        token = {"idToken": {"idToken": charger.card, "type": "ISO14443"}}
        started = {"eventType": "Started", "timestamp": stamp(-0.5), "triggerReason": "Authorized", "seqNo": 0}
        await ask(socket, "TransactionEvent", {**common, **token, **started})
        ended = {"eventType": "Ended", "timestamp": stamp(0), "triggerReason": "EVDeparted", "seqNo": 1}
        await ask(socket, "TransactionEvent", {**common, **ended})
    held = await asyncio.to_thread(until, lambda: charger.session("HELD"))
    assert (held["holdReason"], held["holdDetail"]) == ("NO_REGISTER", "no energy register was told")
    assert charger.transaction()["flags"] == ["NO_REGISTER"]
    assert await asyncio.to_thread(until, lambda: charger.alert("UNMETERED_SESSION"))


@pytest.mark.field_case("A13")
async def test_a_reading_in_a_wrong_unit_is_shown_and_the_rest_is_billed(system: System) -> None:
    charger = await asyncio.to_thread(Charger, system, "E2EA13")
    async with charger.connected("ocpp2.0.1") as socket:
        await ask(socket, "BootNotification", BOOT_201)
        common = {"transactionInfo": {"transactionId": "T-1"}, "evse": {"id": 1, "connectorId": 1}}
        token = {"idToken": {"idToken": charger.card, "type": "ISO14443"}}
        events: list[tuple[str, str, float, dict[str, Any]]] = [
            ("Started", "Authorized", -0.1, {**token, "meterValue": metered(-0.1, 0, context="Transaction.Begin")}),
            ("Updated", "MeterValuePeriodic", -0.08, {"meterValue": metered(-0.08, 150.02, "kWh")}),
            ("Ended", "EVDeparted", 0, {"meterValue": metered(0, 201.86, context="Transaction.End")}),
        ]
        for seq_no, (kind, trigger, at, more) in enumerate(events):
            head = {"eventType": kind, "triggerReason": trigger, "timestamp": stamp(at), "seqNo": seq_no}
            await ask(socket, "TransactionEvent", {**common, **head, **more})
    done = await asyncio.to_thread(until, lambda: charger.session("COMPLETED"))
    assert done["energyWh"] == "202"
    transaction = charger.transaction()
    assert transaction["flags"] == ["MISLABELLED_UNIT"]
    assert "150020 Wh at " in transaction["energyDoubt"]
