"""Sessions whose bill has to wait, and what they wait for."""

import asyncio
from typing import Any

import pytest

from csms.billing.v1.billing_service_pb2 import ListChargingSessionsRequest
from csms.billing.v1.hold_pb2 import Hold
from csms.billing.v1.tariff_pb2 import Tariff
from csms.billing.v1.tariff_service_pb2 import UpdateTariffRequest
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import derived_id
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    DRIVER,
    OTHER_DRIVER,
    STATION,
    component,
    new_tariff,
    reported,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService, ServiceRunner

DONE = ("COMPLETED", "")
NO_TARIFF = ("HELD", "no_tariff")


@pytest.mark.field_case("A14")
async def test_a_doubtful_session_is_not_billed_until_it_is_put_right(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    doubtful: list[tuple[dict[str, Any], str]] = [
        ({"authorization": Transaction.INVALID}, "unauthorized"),
        ({"authorization": Transaction.CONCURRENT_TX}, "concurrent_tx"),
        ({"authorization": 0}, "unauthorized"),
        ({"state": Transaction.ORPHAN, "start_time": None}, "no_start"),
        ({"state": Transaction.MERGED, "start_time": None, "stop_time": None}, "merged"),
        ({"flags": ["implausible_energy"]}, "implausible_energy"),
        ({"flags": ["register_went_back"]}, "register_went_back"),
        ({"flags": ["no_register"], "energy_wh": 0}, "no_register"),
    ]
    await tell(transaction(9), *(transaction(number, 1, **fields) for number, (fields, _) in enumerate(doubtful)))
    held = {f"CP{number}": ("HELD", reason) for number, (_, reason) in enumerate(doubtful)}
    await books.become({"CP9": DONE, **held})
    assert await books.invoices() == [("CP9", "OPEN", 400)]
    await tell(*(transaction(number, 2) for number in range(len(doubtful))))
    await books.become({"CP9": DONE, **dict.fromkeys(held, DONE)})
    assert len(await books.invoices()) == 1 + len(doubtful)


@pytest.mark.field_case("A9")
@pytest.mark.field_case("A13")
async def test_what_holds_a_session_is_shown_with_its_figures(boss: Caller, books: Books, tell: Tell) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    doubt = "939000 Wh in 8 h is 117 kW; the connector gives at most 22 kW"
    shown_only: dict[str, Any] = {"flags": ["outlier_reading"], "energy_doubt": "1 of 5 readings does not fit"}
    await tell(transaction(1, flags=["implausible_energy"], energy_doubt=doubt), transaction(2, **shown_only))
    await books.become({"CP1": ("HELD", "implausible_energy"), "CP2": DONE})
    request = ListChargingSessionsRequest(hold_reason=Hold.IMPLAUSIBLE_ENERGY)
    [held] = (await boss.sessions.ListChargingSessions(request)).charging_sessions
    assert held.hold_detail == doubt


@pytest.mark.field_case("A12")
async def test_a_session_without_a_register_is_billed_as_nothing_where_that_is_the_policy(
    run_service: ServiceRunner, neighbours: Neighbours, database_url: str
) -> None:
    settings = {"database_url": database_url, "unmetered_sessions": "bill", **neighbours.settings()}
    service = await run_service("billing", background=True, **settings)
    plan = new_tariff(component("ENERGY", "0.40"), component("FLAT", "1.00"), is_default=True)
    await Caller(await service.channel()).tariffs.CreateTariff(plan)
    assert all(await service.bus.publish([reported(transaction(1, flags=["no_register"], energy_wh=7))]))
    books = Books(service.database)
    await books.become({"CP1": DONE})
    assert await books.rows("SELECT energy_wh, total_minor FROM charging_sessions, invoices") == [(0, 100)]


async def test_a_session_whose_end_was_concluded_gets_one_bill_when_the_true_end_is_told(
    boss: Caller, books: Books, tell: Tell
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    await tell(*(transaction(1, revision, energy_wh=revision, flags=["estimated_end"]) for revision in (1, 2)))
    await books.become({"CP1": ("HELD", "estimated_end")})
    await tell(transaction(1, 3), transaction(2))
    await books.become({"CP1": DONE, "CP2": DONE})
    assert sorted(await books.invoices()) == [("CP1", "OPEN", 400), ("CP2", "OPEN", 400)]


async def test_a_session_without_a_tariff_is_billed_when_there_is_one(boss: Caller, books: Books, tell: Tell) -> None:
    other = derived_id("station", 2)
    await tell(transaction(1), transaction(2, station_id=other), transaction(3, station_id=""))
    await books.become({f"CP{number}": NO_TARIFF for number in (1, 2, 3)})
    # A tariff of its station is one; that of another station is none.
    await boss.tariffs.CreateTariff(new_tariff(station_ids=[STATION]))
    await books.become({"CP1": DONE, "CP2": NO_TARIFF, "CP3": NO_TARIFF})
    await boss.tariffs.CreateTariff(new_tariff(component(price="0.50"), is_default=True))
    await books.become({f"CP{number}": DONE for number in (1, 2, 3)})
    invoices = await books.invoices()
    assert invoices[0] == ("CP1", "OPEN", 400)
    assert sorted(invoices[1:]) == [("CP2", "OPEN", 500), ("CP3", "OPEN", 500)]


async def test_a_changed_tariff_serves_as_well(boss: Caller, books: Books, tell: Tell) -> None:
    made = (await boss.tariffs.CreateTariff(new_tariff())).tariff
    await tell(transaction(1))
    await books.become({"CP1": NO_TARIFF})
    await boss.tariffs.UpdateTariff(UpdateTariffRequest(tariff_id=made.id, tariff=Tariff(station_ids=[STATION])))
    await books.become({"CP1": DONE})


async def test_a_newer_snapshot_finds_the_tariff_as_well(boss: Caller, books: Books, tell: Tell) -> None:
    await tell(transaction(1))
    await books.become({"CP1": NO_TARIFF})
    await _make_tariff_unnoticed(boss, books)
    await tell(transaction(1, 2))
    await books.become({"CP1": DONE})


async def test_a_restart_finds_the_tariff_as_well(
    run_service: ServiceRunner, books: Books, boss: Caller, tell: Tell, neighbours: Neighbours, database_url: str
) -> None:
    await tell(transaction(1))
    await books.become({"CP1": NO_TARIFF})
    await _make_tariff_unnoticed(boss, books)
    await run_service("billing", background=True, database_url=database_url, **neighbours.settings())
    await books.become({"CP1": DONE})


async def test_bills_wait_for_the_driver_service_and_nothing_else_does(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    neighbours.away = {"driver"}
    await tell(transaction(1), transaction(2, driver_id=""))
    await books.become({"CP1": ("HELD", "pending"), "CP2": DONE})
    neighbours.away = set()
    await books.become({"CP1": DONE, "CP2": DONE})


async def test_a_slow_driver_service_keeps_nobody_else_from_being_billed(
    busy: RunningService, boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    neighbours.slow[OTHER_DRIVER] = asyncio.Event()
    await tell(transaction(1, driver_id=OTHER_DRIVER))
    await eventually(lambda: _was_asked(neighbours, OTHER_DRIVER))
    # While that is asked, no lock is held: the session changes, and others are billed by another replica or a caller.
    held = await books.rows(
        "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
    )
    assert held == []
    await tell(transaction(1, 2, driver_id=OTHER_DRIVER, energy_wh=20_000), transaction(2, driver_id=DRIVER))
    await eventually(lambda: _has_energy(books, 20_000))
    neighbours.slow[OTHER_DRIVER].set()
    await books.become({"CP1": DONE, "CP2": DONE})
    # What was asked for the older snapshot was not used.
    assert sorted(await books.invoices()) == [("CP1", "OPEN", 800), ("CP2", "OPEN", 400)]


async def _make_tariff_unnoticed(boss: Caller, books: Books) -> None:
    async with books.database.transaction() as connection:
        # Locked, the session is passed over by the one who makes the tariff.
        await connection.exec_driver_sql("SELECT * FROM charging_sessions FOR UPDATE")
        await boss.tariffs.CreateTariff(new_tariff(is_default=True))
    assert await books.sessions() == {"CP1": NO_TARIFF}


async def _was_asked(neighbours: Neighbours, driver_id: str) -> bool:
    return driver_id in neighbours.asked


async def _has_energy(books: Books, energy_wh: int) -> bool:
    return (energy_wh,) in await books.rows("SELECT energy_wh FROM charging_sessions")
