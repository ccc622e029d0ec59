"""A node whose transaction service is slow: what it sheds in which order, and what shows it. Transactions pass."""

import asyncio
import re

import pytest
from websockets.exceptions import InvalidStatus

from csms.station.v1.connector_pb2 import Connector
from ocpp_edge.overload import Level
from services.process.prometheus import render
from tests.contract.ocpp_edge.edge import until
from tests.contract.ocpp_edge.node import Charger, Starter
from tests.contract.ocpp_edge.platform import Platform

BOOT = {"chargePointVendor": "Vendor", "chargePointModel": "Model"}
START = {"connectorId": 1, "idTag": "CARD", "meterStart": 100, "timestamp": "2026-03-01T12:00:00Z"}
RECORDING = "RecordTransactionEvents"
# So that statuses are shed well before the call that hangs runs into its deadline of five seconds.
PATIENCE = {"ocpp_patience_seconds": 0.2}


def reported(name: str) -> float:
    """A number as whoever reads /metrics sees it."""
    found = re.search(rf"^{name} (\S+)$", render(), re.MULTILINE)
    assert found, name
    return float(found.group(1))


def status(name: str) -> dict[str, object]:
    return {"connectorId": 1, "errorCode": "NoError", "status": name}


async def reached(level: Level) -> None:
    await until(lambda: reported("ocpp_overload_level") == level)


async def test_the_journal_goes_first_then_statuses_and_newcomers_and_never_a_transaction(
    start_node: Starter, platform: Platform
) -> None:
    node = await start_node(**PATIENCE, ocpp_journal_max_frames=10)
    platform.held[RECORDING] = asyncio.Event()
    async with node.charger("CP1") as charging, node.charger("CP2") as idle, node.charger("CP3") as late:
        await idle.ask("BootNotification", BOOT)
        forgotten, shed = reported("ocpp_journal_forgotten_total"), reported("ocpp_statuses_shed_total")
        turned_away = reported("ocpp_handshakes_overload_total")
        await charging.send("StartTransaction", START)
        await until(lambda: len(platform.frames) == 1)

        await reached(Level.JOURNAL)
        await idle.ask("StatusNotification", status("Preparing"))
        for _ in range(20):
            await idle.ask("Heartbeat", {})
        assert len(platform.frames) == 1
        # Twenty-one were answered, and there is room for ten.
        assert reported("ocpp_journal_forgotten_total") - forgotten == 11
        assert reported("ocpp_journal_waiting") == 10

        await reached(Level.STATUSES)
        assert reported("ocpp_overload_pressure_seconds") >= 0.6
        for name in ("Charging", "Faulted"):
            refusal = await idle.exchange("StatusNotification", status(name))
            assert (refusal[0], refusal[2]) == (4, "InternalError")
        assert len(platform.statuses) == 1
        assert reported("ocpp_statuses_shed_total") - shed == 2
        assert reported("ocpp_statuses_held") == 1
        with pytest.raises(InvalidStatus) as refused:
            await node.charger("CP4").__aenter__()
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["Retry-After"]) >= 1
        assert reported("ocpp_handshakes_overload_total") - turned_away == 1

        await late.send("StartTransaction", START)
        platform.held.pop(RECORDING).set()
        assert [(await charger.receive())[0] for charger in (charging, late)] == [3, 3]
        assert {event.charge_point_id for event in platform.events} == {"CP1", "CP3"}

        await until(lambda: len(platform.statuses) == 2)
        assert platform.statuses[-1].status == Connector.FAULTED
        await reached(Level.NOTHING)
        # Of twenty-six requests that were answered, none but the forgotten is missing.
        await until(lambda: len(platform.frames) + reported("ocpp_journal_forgotten_total") - forgotten == 26)
        async with node.charger("CP4") as newcomer:
            await newcomer.ask("Heartbeat", {})


async def test_a_charge_point_that_sends_faster_than_it_is_served_waits_alone(
    start_node: Starter, platform: Platform
) -> None:
    node = await start_node()
    platform.held[RECORDING] = asyncio.Event()
    async with node.charger("CP1") as eager, node.charger("CP2") as patient:
        pauses = reported("ocpp_reading_paused_total")
        await eager.send("StartTransaction", START)
        sent = [await eager.send("Heartbeat", {}) for _ in range(100)]
        await until(lambda: reported("ocpp_connections_paused") == 1)
        assert reported("ocpp_reading_paused_total") - pauses == 1
        assert reported("ocpp_connections") == 2
        await patient.ask("Heartbeat", {})

        platform.held.pop(RECORDING).set()
        assert (await eager.receive())[0] == 3
        assert await _ids(eager, len(sent)) == sent
        assert reported("ocpp_connections_paused") == 0


async def test_a_transaction_service_that_stands_still_gets_nobody_an_answer_that_is_not_true(
    start_node: Starter, platform: Platform
) -> None:
    node = await start_node(**PATIENCE)
    platform.held[RECORDING] = asyncio.Event()
    async with node.charger("CP1") as charging:
        # The call behind it runs into its deadline: nothing is acknowledged, so the charge point keeps it and repeats.
        refusal = await charging.exchange("StartTransaction", START)
        assert (refusal[0], refusal[2]) == (4, "InternalError")
        platform.held.pop(RECORDING).set()
        accepted = await charging.ask("StartTransaction", START)
        assert accepted["transactionId"] == 1000
        assert len(platform.numbers) == 1


async def _ids(charger: Charger, count: int) -> list[str]:
    return [(await charger.receive())[1] for _ in range(count)]
