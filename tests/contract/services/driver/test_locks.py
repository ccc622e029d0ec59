"""Drivers that go while cards change hands never wait for each other in a ring."""

import random
from contextlib import suppress

import pytest

from services.driver.application.drivers import Drivers
from services.driver.application.rfid_cards import RfidCards
from services.driver.domain.driver import DriverStatus, MembershipTier
from services.driver.domain.rfid_card import RfidCardStatus
from services.driver.sql.reads import SqlHeldCards
from services.driver.sql.unit_of_work import SqlUnitsOfWork
from services.kernel.clock import SystemClock
from services.kernel.errors import DomainError
from services.messaging.outbox import OutboxRelay
from services.postgres.readers import Readers
from tests.fixtures.deadlocks import deadlocks_of, look_for_rings_at_once
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import ServiceRunner

HAMMERED_SECONDS = 5.0
DRIVERS = 3
CARDS = 6


@pytest.mark.field_case("E7")
async def test_drivers_go_while_their_cards_change_hands(
    run_service: ServiceRunner, fresh_database: FreshDatabase
) -> None:
    url = fresh_database("driver")
    look_for_rings_at_once(url)
    service = await run_service("driver", database_url=url)
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), SystemClock())
    drivers, cards, dice = (
        Drivers(units_of_work, SystemClock()),
        RfidCards(units_of_work, SqlHeldCards(Readers(service.database)), SystemClock()),
        random.Random(5),
    )
    fields = {
        "name": "Ann",
        "email": "",
        "phone": "",
        "membership_tier": MembershipTier.BASIC,
        "status": DriverStatus.ACTIVE,
    }
    known = [(await drivers.create(fields, "")).id for _ in range(DRIVERS)]
    card = {"driver_id": None, "group_id": "", "status": RfidCardStatus.ACTIVE, "expiry_time": None}
    held = [(await cards.create({**card, "id_tag": f"TAG{number}"}, "")).id for number in range(CARDS)]

    async def change_hands() -> None:
        with suppress(DomainError):
            await cards.update(dice.choice(held), {"driver_id": dice.choice(known)}, "")

    async def go() -> None:
        place = dice.randrange(DRIVERS)
        with suppress(DomainError):
            await drivers.delete(known[place])
        known[place] = (await drivers.create(fields, "")).id

    assert await deadlocks_of(service, [*[change_hands] * 5, *[go] * 3], HAMMERED_SECONDS) == 0
