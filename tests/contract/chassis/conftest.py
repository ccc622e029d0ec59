"""A small service's database and what is needed to send events to and fro on it."""

from collections.abc import AsyncIterator

import pytest

from services.chassis.database import Database
from services.chassis.events import EventBus
from tests.fixtures.postgres import FreshDatabase

SAMPLE = "tests.contract.chassis.sample"


@pytest.fixture
def database_url(emptied_database: FreshDatabase) -> str:
    """The URL of a database of the sample service without rows."""
    return emptied_database(SAMPLE)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database of the sample service without rows."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def bus(nats_url: str) -> AsyncIterator[EventBus]:
    """A connected bus with an empty stream."""
    bus = await EventBus.connect(nats_url)
    yield bus
    await bus.close()
