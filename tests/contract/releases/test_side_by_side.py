"""The newest schema, event stream and contracts accept the code of the release before: alone, and beside this build.

A ledger of charge points is played to each mixture of processes; a transaction that begins before one is exchanged ends
after it. In the end the auditor of the chaos run compares what was acknowledged with what is stored and billed.
"""

import asyncio
import functools
import itertools
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from chaos.audit import audit_system
from chaos.settling import settled
from chaos.stored import DATABASES
from simulator.ledger import Ledger
from stack import builds
from stack.builds import Build
from stack.errors import StackError
from stack.releases import PROJECT
from stack.rest import Facade
from stack.topology import EDGE, SERVICES
from tests.contract.releases import older, platform
from tests.contract.releases.charge_point import ENERGY_WH, ChargePoint
from tests.contract.releases.older import Older
from tests.contract.releases.platform import Platform
from tests.fixtures.background import eventually

PROTOCOLS = ("1.6", "2.0.1")
# A watt-hour costs a cent, so that a bill says its energy.
_PRICE = {"currencyCode": "EUR", "units": "10", "nanos": 0}
# What a process had in hand when it was stopped is delivered again after half a minute.
_SETTLED_SECONDS = 60.0


@dataclass
class Scene:
    """What all tests of the module share. `running` are the charge points whose transactions have not ended."""

    before: Build
    platform: Platform
    facade: Facade
    ledger: Ledger
    book: Path
    databases: Mapping[str, str]
    running: list[ChargePoint] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    # The facade has one connection.
    calling: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def asked(self, call: Callable[..., Any], *words: Any) -> Any:
        """The data of an answer of the facade."""
        async with self.calling:
            return (await asyncio.to_thread(call, *words))["data"]

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        return await self.asked(self.facade.post, path, body)

    async def get(self, path: str) -> Any:
        return await self.asked(self.facade.get, path)


@pytest.fixture(scope="module")
def before() -> Older:
    """The older build; nothing here is tested where it cannot be had from the checkout."""
    if not (PROJECT / ".git").exists():
        pytest.skip("the release before is made from a git checkout, and this is none")
    try:
        return older.chosen()
    except StackError as error:
        pytest.skip(f"the release before cannot be made: {error}")


@pytest.fixture(scope="module")
def scene(before: Older, named_databases: str) -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="csms-releases-"))
    try:
        build = builds.of_commit(before.commit, folder / "builds")
        with (
            platform.prepared(folder, named_databases, build) as prepared,
            Ledger(folder / "ledger") as ledger,
            closing(prepared.facade()) as facade,
        ):
            server = sa.make_url(named_databases)
            databases = {
                service: server.set(database=name).render_as_string(hide_password=False)
                for service, name in DATABASES.items()
            }
            yield Scene(build, prepared, facade, ledger, folder / "ledger", databases)
    finally:
        builds.remove(folder)


@pytest.fixture
def _no_errors(scene: Scene) -> Iterator[None]:
    """No process logs an error; what they warned of is shown when the test fails."""
    yield
    complaints = scene.platform.complaints()
    print("\n".join(complaints))
    assert not [one for one in complaints if not one.startswith("WARNING")]


@pytest.mark.parametrize(
    "of_this_build",
    [
        pytest.param((), id="alone"),
        pytest.param(("transaction",), id="beside-a-new-transaction-service"),
        pytest.param((EDGE,), id="beside-a-new-edge"),
        pytest.param(SERVICES, id="only-the-edge"),
    ],
)
@pytest.mark.usefixtures("_no_errors")
async def test_the_release_before_takes_a_ledger(scene: Scene, of_this_build: Collection[str]) -> None:
    scene.platform.run(scene.before, of_this_build)
    await _end_what_runs(scene)
    station, driver, points = await _new_station(scene, 2 * len(PROTOCOLS))
    whole, begun = points[: len(PROTOCOLS)], points[len(PROTOCOLS) :]
    await asyncio.gather(*(_charge(scene, each) for each in whole))
    for charged in whole:
        await _billed(scene, charged)
    await _counted(scene, station, driver, len(whole))
    await asyncio.gather(*(_begin(scene, each) for each in begun))
    await _shown_by_every_service(scene, station, begun)


@pytest.mark.usefixtures("_no_errors")
async def test_all_that_was_acknowledged_is_stored_once_and_billed_right(scene: Scene) -> None:
    assert scene.running, "no ledger was played"
    await _end_what_runs(scene)
    under_way = await settled(scene.databases, scene.platform.nats_url, _SETTLED_SECONDS, print)
    assert under_way == []
    audit = await audit_system(scene.book, scene.databases, scene.platform.nats_url)
    failed = [f"{one.claim}: {one.examples}" for one in audit.checks if not one.is_clean]
    assert failed == []
    assert len(audit.book.ends) >= 2 * len(PROTOCOLS)


async def _new_station(scene: Scene, count: int) -> tuple[str, str, list[ChargePoint]]:
    """A station, and a driver with cards: by the ids of these and the charge points there."""
    place = next(scene.numbers)
    names = [f"SIDE{place}{letter}" for letter in "ABCDEFGH"[:count]]
    points = [
        ChargePoint(name, PROTOCOLS[at % len(PROTOCOLS)], f"CARD-{name}", scene.ledger) for at, name in enumerate(names)
    ]
    body = {
        "name": f"Side {place}",
        "chargePoints": [{"id": name} for name in names],
        "connectors": [
            {"chargePointId": one.identity, **place, "type": "CCS2", "maxPowerW": 50_000}
            for one in points
            for place in one.connectors
        ],
    }
    station = (await scene.post("/stations", body))["id"]
    price = [{"kind": "ENERGY", "price": _PRICE}]
    tariff = {"name": f"Side {place}", "currencyCode": "EUR", "components": price, "stationIds": [station]}
    await scene.post("/pricing/tariffs", tariff)
    driver = (await scene.post("/drivers", {"name": f"Driver {place}"}))["id"]
    for one in points:
        await scene.post("/rfid-cards", {"idTag": one.card, "driverId": driver})
    assert (await scene.get(f"/drivers/{driver}"))["name"] == f"Driver {place}"
    return station, driver, points


async def _charge(scene: Scene, one: ChargePoint) -> None:
    async with one.connected(scene.platform.charge_points_url) as line:
        await one.begin(line)
        await one.end(line)


async def _begin(scene: Scene, one: ChargePoint) -> None:
    """It starts, and obeys while it charges."""
    async with one.connected(scene.platform.charge_points_url) as line:
        await one.begin(line)
        scene.running.append(one)
        assert (await scene.get(f"/connections/{one.identity}"))["chargePointId"] == one.identity
        made = await scene.post(f"/charge-points/{one.identity}/commands", {"command": {"clearCache": {}}})
        await eventually(lambda: _is(scene, f"/commands/{made['id']}", "state", "ACCEPTED"))
        assert "ClearCache" in one.commands


async def _end_what_runs(scene: Scene) -> None:
    for one in list(scene.running):
        async with one.connected(scene.platform.charge_points_url) as line:
            await one.end(line)
        await _billed(scene, one)
        scene.running.remove(one)


async def _billed(scene: Scene, one: ChargePoint) -> None:
    """Its one transaction is over and billed, for what its meter counted."""
    [transaction] = await scene.get(f"/transactions?chargePointId={one.identity}")
    assert (transaction["state"], int(transaction["energyWh"])) == ("ENDED", ENERGY_WH)
    assert transaction["ocppTransactionId"] == one.transaction_id
    path = f"/charging-sessions?transactionId={transaction['id']}"
    await eventually(lambda: _is(scene, path, "state", "COMPLETED"))
    [session] = await scene.get(path)
    [invoice] = await scene.get(f"/invoices?chargingSessionId={session['id']}")
    assert (session["energyWh"], _cents(invoice["total"])) == (str(ENERGY_WH), ENERGY_WH)
    payment = {"payment": {"invoiceId": invoice["id"], "externalReference": f"bank {one.identity}"}}
    assert _cents((await scene.post("/payments", payment["payment"]))["amount"]) == ENERGY_WH


async def _counted(scene: Scene, station: str, driver: str, count: int) -> None:
    """So many transactions are in the usage of the driver and of the station, with energy and costs."""
    energy_wh = count * ENERGY_WH

    async def has_all(path: str, costs: str) -> bool:
        found = await scene.get(path)
        [usage] = found if isinstance(found, list) and found else [found]
        if not usage:
            return False
        reported = (usage["sessionCount"], int(usage["energyWh"]), sum(map(_cents, usage[costs])))
        return reported == (count, energy_wh, energy_wh)

    await eventually(lambda: has_all(f"/drivers/{driver}/usage", "costs"))
    await eventually(lambda: has_all(f"/analytics/usage?stationId={station}&period=DAY", "revenue"))


async def _shown_by_every_service(scene: Scene, station: str, points: list[ChargePoint]) -> None:
    """What runs is seen over REST, by way of this build's Envoy."""
    for one in points:
        assert "bootTime" in await scene.get(f"/charge-points/{one.identity}")
        [transaction] = await scene.get(f"/transactions?chargePointId={one.identity}")
        for path in (
            f"/charging-sessions?transactionId={transaction['id']}&state=ACTIVE",
            f"/charge-points/{one.identity}/messages?action=StatusNotification",
            f"/charge-points/{one.identity}/events?kind=security_event",
            f"/alerts?chargePointId={one.identity}&kind=CONNECTOR_FAULTED",
        ):
            await eventually(functools.partial(_some, scene, path))
    assert await scene.get("/accounts") == []
    status = f"/stations/status?stationId={station}"
    await eventually(lambda: _is(scene, status, "activeTransactionCount", len(points)))


async def _is(scene: Scene, path: str, name: str, expected: Any) -> bool:
    """Whether a field of the one resource there has this value."""
    found = await scene.get(path)
    [one] = found if isinstance(found, list) and found else [found]
    return bool(one) and one[name] == expected


def _cents(amount: dict[str, Any]) -> int:
    return int(amount["units"]) * 100 + int(amount["nanos"]) // 10_000_000


async def _some(scene: Scene, path: str) -> bool:
    return bool(await scene.get(path))
