"""Usage does not hang on events: what the owners of its facts know is compared at start and on a schedule."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from google.type.money_pb2 import Money
from sqlalchemy import text

from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.driver.v1 import driver_pb2
from csms.driver.v1 import driver_service_pb2 as pb
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.transaction.v1.transaction_pb2 import Transaction
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.driver.owners import Owners, running_owners
from tests.fixtures.background import eventually
from tests.fixtures.money import minor_units
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner

NOW = datetime.now(UTC).replace(microsecond=0)
END = NOW - timedelta(hours=1)


@pytest.fixture
async def owners() -> AsyncIterator[Owners]:
    async with running_owners() as known:
        yield known


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    return fresh_database("driver")


def _ended(number: int, driver_id: str, *, energy_wh: int = 1000, **fields: object) -> Transaction:
    """A session that ended an hour ago, and changed last some seconds later."""
    usual: dict[str, object] = {
        "id": derived_id("session", number),
        "charge_point_id": "CP1",
        "id_tag": "TAG",
        "driver_id": driver_id,
        "state": Transaction.ENDED,
        "start_time": timestamp(END - timedelta(hours=1)),
        "stop_time": timestamp(END),
        "energy_wh": energy_wh,
        "revision": 2,
        "update_time": timestamp(END + timedelta(seconds=number)),
    }
    return Transaction(**{**usual, **fields})  # type: ignore[arg-type]  # as the fields are


def _billed(
    number: int,
    driver_id: str,
    cents: int,
    *,
    state: ChargingSession.State.ValueType = ChargingSession.COMPLETED,
    revision: int = 2,
) -> ChargingSession:
    return ChargingSession(
        id=derived_id("charging session", number),
        transaction_id=derived_id("session", number),
        driver_id=driver_id,
        state=state,
        revision=revision,
        invoice_id=derived_id("invoice", number),
        cost=Money(currency_code="EUR", units=cents // 100, nanos=cents % 100 * 10_000_000),
        update_time=timestamp(END + timedelta(seconds=number)),
    )


async def _driver(service: RunningService) -> tuple[DriverServiceStub, str]:
    stub = DriverServiceStub(await service.channel("operator"))
    made = await stub.CreateDriver(pb.CreateDriverRequest(driver=driver_pb2.Driver(name="Ann")))
    return stub, made.driver.id


async def _becomes(stub: DriverServiceStub, driver_id: str, sessions: int, energy_wh: int, cents: list[int]) -> None:
    async def is_so() -> bool:
        usage = (await stub.GetDriverUsage(pb.GetDriverUsageRequest(driver_id=driver_id))).usage
        found = (usage.session_count, usage.energy_wh, [minor_units(cost) for cost in usage.costs])
        return found == (sessions, energy_wh, cents)

    await eventually(is_so)


async def test_sessions_and_bills_whose_events_were_lost_are_in_the_usage_once(
    run_service: ServiceRunner, owners: Owners, database_url: str
) -> None:
    service = await run_service("driver", database_url=database_url)
    stub, driver_id = await _driver(service)
    owners.transactions = [_ended(number, driver_id) for number in range(7)]
    owners.charging_sessions = [_billed(number, driver_id, 150) for number in range(5)]
    # What is to be billed anew costs nothing that is known yet; what nobody charged by OCPP is no session of ours.
    owners.charging_sessions += [
        _billed(5, driver_id, 999, state=ChargingSession.HELD),
        ChargingSession(id=derived_id("by hand"), state=ChargingSession.COMPLETED, update_time=timestamp(END)),
    ]
    for _ in range(2):
        await run_service("driver", background=True, database_url=database_url, **owners.settings())
    await _becomes(stub, driver_id, 7, 7000, [750])


async def test_the_next_look_begins_a_little_before_where_the_last_one_ended(
    run_service: ServiceRunner, owners: Owners, database_url: str
) -> None:
    service = await run_service("driver", database_url=database_url)
    stub, driver_id = await _driver(service)
    owners.transactions = [_ended(10, driver_id)]
    owners.charging_sessions = [_billed(10, driver_id, 150)]
    await run_service("driver", background=True, database_url=database_url, **owners.settings())
    await _becomes(stub, driver_id, 1, 1000, [150])
    asked = owners.pages_asked

    late = _ended(11, driver_id, update_time=timestamp(END - timedelta(seconds=60)))
    forgotten = _ended(12, driver_id, update_time=timestamp(END - timedelta(minutes=10)))
    corrected = _ended(10, driver_id, energy_wh=900, revision=3, update_time=timestamp(END + timedelta(minutes=1)))
    owners.transactions = [corrected, late, forgotten]
    owners.charging_sessions = [_billed(10, driver_id, 135)]
    await run_service("driver", background=True, database_url=database_url, **owners.settings())
    await _becomes(stub, driver_id, 2, 1900, [135])
    assert owners.pages_asked - asked == 2
    async with service.database.read() as connection:
        rows = await connection.execute(text("SELECT name, until_time FROM reconciliations ORDER BY name"))
        found = [(name, until.astimezone(UTC)) for name, until in rows]
    assert found == [("bills", END + timedelta(seconds=10)), ("transactions", END + timedelta(minutes=1))]


async def test_a_session_that_the_usage_knows_better_is_left_alone(
    run_service: ServiceRunner, owners: Owners, database_url: str
) -> None:
    service = await run_service("driver", database_url=database_url)
    stub, driver_id = await _driver(service)
    for revision, energy_wh in ((5, 4000), (4, 1)):
        owners.transactions = [_ended(1, driver_id, revision=revision, energy_wh=energy_wh)]
        owners.charging_sessions = [_billed(1, driver_id, revision, revision=9 - revision)]
        await run_service("driver", background=True, database_url=database_url, **owners.settings())
        # The bill tells that the look is over.
        await _becomes(stub, driver_id, 1, 4000, [revision])


@pytest.mark.parametrize("state", [ChargingSession.ACTIVE, ChargingSession.HELD])
async def test_a_bill_that_was_taken_back_unnoticed_costs_nothing(
    run_service: ServiceRunner, owners: Owners, database_url: str, state: ChargingSession.State.ValueType
) -> None:
    service = await run_service("driver", database_url=database_url)
    stub, driver_id = await _driver(service)
    owners.transactions = [_ended(1, driver_id)]
    owners.charging_sessions = [_billed(1, driver_id, 150)]
    await run_service("driver", background=True, database_url=database_url, **owners.settings())
    await _becomes(stub, driver_id, 1, 1000, [150])
    taken_back = _billed(1, driver_id, 150, state=state, revision=3)
    taken_back.ClearField("invoice_id")
    # While it runs, its cost so far is no bill.
    owners.charging_sessions = [taken_back]
    await run_service("driver", background=True, database_url=database_url, **owners.settings())
    await _becomes(stub, driver_id, 1, 1000, [])


@pytest.mark.parametrize("away", ["transaction", "billing"])
async def test_the_comparison_waits_for_those_who_are_away(
    run_service: ServiceRunner, owners: Owners, database_url: str, away: str
) -> None:
    service = await run_service("driver", database_url=database_url)
    stub, driver_id = await _driver(service)
    owners.transactions, owners.charging_sessions = [_ended(1, driver_id)], [_billed(1, driver_id, 99)]
    owners.away = {away}
    await run_service("driver", background=True, database_url=database_url, **owners.settings())
    await eventually(lambda: _returns(away == "transaction" or owners.pages_asked > 0))
    owners.away = set()
    await _becomes(stub, driver_id, 1, 1000, [99])


async def _returns(value: bool) -> bool:
    return value
