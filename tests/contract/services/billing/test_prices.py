"""What charging would cost, over gRPC."""

from datetime import UTC, datetime
from typing import Any

import pytest

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1.tariff_pb2 import PriceLine
from csms.billing.v1.tariff_service_pb2 import CalculatePriceRequest, UpdateTariffRequest
from csms.driver.v1.driver_pb2 import Driver
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Caller
from tests.contract.services.billing.messages import (
    DRIVER,
    OTHER_DRIVER,
    STATION,
    amount,
    component,
    fields_of,
    new_tariff,
    refusal,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.services import RunningService


def _at(hour: int) -> Any:
    return timestamp(datetime(2026, 3, 2, hour, tzinfo=UTC))


async def _price(admin: Caller, **fields: Any) -> tariff_pb.Price:
    return (await admin.tariffs.CalculatePrice(CalculatePriceRequest(**fields))).price


async def _create(admin: Caller, *components: tariff_pb.PriceComponent, **fields: Any) -> tariff_pb.Tariff:
    return (await admin.tariffs.CreateTariff(new_tariff(*components, **fields))).tariff


async def test_a_price_comes_line_by_line(admin: Caller, neighbours: Neighbours) -> None:
    neighbours.tiers[DRIVER] = "GOLD"
    made = await _create(
        admin,
        component("ENERGY", "0.40"),
        component("TIME", "1.20"),
        component("FLAT", "0.50"),
        component("IDLE", "6.00", grace_minutes=10),
        tax_basis_points=1900,
        tier_discounts=[tariff_pb.TierDiscount(membership_tier=Driver.GOLD, discount_basis_points=1000)],
    )
    price = await _price(
        admin, tariff_id=made.id, driver_id=DRIVER, energy_wh=12_345, start=_at(10), end=_at(12), idle_minutes=40
    )
    assert [
        (PriceLine.Kind.Name(line.kind), line.quantity, line.unit, amount(line.unit_price), amount(line.amount))
        for line in price.lines
    ] == [
        ("ENERGY", "12.345", "kWh", "0.40 EUR", "4.94 EUR"),
        ("TIME", "2.0000", "h", "1.20 EUR", "2.40 EUR"),
        ("FLAT", "1", "session", "0.50 EUR", "0.50 EUR"),
        ("IDLE", "0.5000", "h", "6.00 EUR", "3.00 EUR"),
        ("DISCOUNT", "10", "%", "-0.11 EUR", "-1.08 EUR"),
    ]
    assert (price.tariff_id, price.tariff_version) == (made.id, 1)
    assert [amount(money) for money in (price.subtotal, price.tax, price.total)] == [
        "9.76 EUR",
        "1.85 EUR",
        "11.61 EUR",
    ]


async def test_the_station_decides_the_tariff_and_the_time_of_day(admin: Caller, neighbours: Neighbours) -> None:
    neighbours.time_zones[STATION] = "Europe/Berlin"
    night_and_day = (
        component(price="0.20", start_time_of_day="22:00", end_time_of_day="06:00"),
        component(price="0.50"),
    )
    here = await _create(admin, *night_and_day, name="Here", station_ids=[STATION])
    default = await _create(admin, component(price="0.90"), name="Default", is_default=True)
    question = {"energy_wh": 1000, "start": _at(21), "end": _at(22)}
    price = await _price(admin, station_id=STATION, **question)
    assert (price.tariff_id, amount(price.total)) == (here.id, "0.20 EUR")
    # By its id alone the tariff has no place, and the clock is that of UTC.
    assert amount((await _price(admin, tariff_id=here.id, **question)).total) == "0.50 EUR"
    elsewhere = await _price(admin, station_id=derived_id("station", 2), **question)
    assert (elsewhere.tariff_id, amount(elsewhere.total)) == (default.id, "0.90 EUR")
    # Of two at one station the one that was changed last.
    newer = await _create(admin, component(price="0.60"), name="Newer", station_ids=[STATION])
    assert (await _price(admin, station_id=STATION, **question)).tariff_id == newer.id


@pytest.mark.field_case("C11")
@pytest.mark.parametrize(
    ("zone", "hour", "total"),
    [
        # 22:30 where clocks are not set back any more; by the rules of before it would be 21:30.
        ("America/Vancouver", 5, "1.00 CAD"),
        ("America/Edmonton", 4, "1.00 CAD"),
        # 5:30; by the rules of before 6:30.
        ("Africa/Casablanca", 5, "1.00 CAD"),
        # 6:30, by any rules.
        ("Europe/Berlin", 5, "5.00 CAD"),
    ],
)
async def test_the_night_begins_by_the_newest_rules_of_local_clocks(
    zone: str, hour: int, total: str, admin: Caller, neighbours: Neighbours
) -> None:
    neighbours.time_zones[STATION] = zone
    night = component(price="0.10", start_time_of_day="22:00", end_time_of_day="06:00")
    await _create(admin, night, component(price="0.50"), currency_code="CAD", station_ids=[STATION])
    start, end = (timestamp(datetime(2026, 12, 1, hour, minute, tzinfo=UTC)) for minute in (30, 50))
    assert amount((await _price(admin, station_id=STATION, energy_wh=10_000, start=start, end=end)).total) == total


@pytest.mark.field_case("C17")
async def test_the_default_applies_wherever_no_other_tariff_does(admin: Caller, neighbours: Neighbours) -> None:
    neighbours.time_zones[STATION] = "UTC"
    neighbours.tiers[DRIVER] = "BASIC"
    default = await _create(
        admin,
        component(price="0.90"),
        name="Default",
        is_default=True,
        tier_discounts=[tariff_pb.TierDiscount(membership_tier=Driver.GOLD, discount_basis_points=1000)],
    )
    await _create(admin, component(price="0.20"), name="Elsewhere", station_ids=[derived_id("station", 7)])
    for question in (
        # No place at all, a station without a tariff of its own, one that nobody knows, and what is no id.
        {},
        {"station_id": STATION},
        {"station_id": derived_id("station", 8)},
        {"station_id": "no id"},
        # A driver without a discount, one that nobody knows.
        {"driver_id": DRIVER},
        {"driver_id": OTHER_DRIVER},
        {"connector_id": 3},
    ):
        price = await _price(admin, energy_wh=10_000, start=_at(10), end=_at(11), **question)
        assert (price.tariff_id, amount(price.total)) == (default.id, "9.00 EUR"), question


@pytest.mark.field_case("C9")
async def test_a_driver_asks_for_prices_of_his_own_alone(
    service: RunningService, admin: Caller, neighbours: Neighbours
) -> None:
    neighbours.tiers.update({DRIVER: "BASIC", OTHER_DRIVER: "GOLD"})
    gold = tariff_pb.TierDiscount(membership_tier=Driver.GOLD, discount_basis_points=1000)
    made = await _create(admin, tier_discounts=[gold])
    question = {"tariff_id": made.id, "energy_wh": 10_000}
    driver, golden = [Caller(await service.channel("driver", driver_id=one)) for one in (DRIVER, OTHER_DRIVER)]
    refused = await refusal(_price(driver, driver_id=OTHER_DRIVER, **question))
    assert refused.kind is ErrorKind.PERMISSION_DENIED
    assert amount((await _price(driver, **question)).total) == "4.00 EUR"
    assert amount((await _price(golden, **question)).total) == "3.60 EUR"
    assert amount((await _price(admin, driver_id=OTHER_DRIVER, **question)).total) == "3.60 EUR"


async def test_an_unknown_driver_or_time_zone_does_not_prevent_a_price(admin: Caller, neighbours: Neighbours) -> None:
    neighbours.time_zones[STATION] = "Mars/Olympus_Mons"
    made = await _create(admin)
    price = await _price(admin, tariff_id=made.id, station_id=STATION, driver_id=DRIVER, energy_wh=1000)
    assert amount(price.total) == "0.40 EUR"


async def test_prices_wait_for_nobody_who_is_not_asked(admin: Caller, neighbours: Neighbours) -> None:
    made = await _create(admin)
    neighbours.away = {"driver", "station"}
    assert amount((await _price(admin, tariff_id=made.id, energy_wh=1000)).total) == "0.40 EUR"
    refused = await refusal(_price(admin, tariff_id=made.id, driver_id=DRIVER))
    assert refused.kind is ErrorKind.UNAVAILABLE


async def test_what_cannot_be_priced_is_refused(admin: Caller) -> None:
    made = await _create(admin)
    for question in ({}, {"tariff_id": STATION}, {"station_id": STATION}, {"station_id": "no id"}):
        refused = await refusal(_price(admin, **question))
        assert (refused.kind, refused.reason) == (ErrorKind.NOT_FOUND, "TARIFF_NOT_FOUND")
    retire = UpdateTariffRequest(tariff_id=made.id, tariff=tariff_pb.Tariff(retired=True))
    await admin.tariffs.UpdateTariff(retire)
    refused = await refusal(_price(admin, tariff_id=made.id))
    assert (refused.kind, refused.reason) == (ErrorKind.FAILED_PRECONDITION, "TARIFF_NOT_VALID")


async def test_bad_input_is_refused_by_name(admin: Caller) -> None:
    made = await _create(admin)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"energy_wh": -1}, "energyWh"),
        ({"energy_wh": 2**63 - 1}, "energyWh"),
        ({"idle_minutes": 10_081}, "idleMinutes"),
        ({"start": _at(2), "end": _at(1)}, "end"),
        ({"end": timestamp(datetime(9999, 12, 31, tzinfo=UTC))}, "end"),
        ({"start": timestamp(datetime(1, 1, 1, tzinfo=UTC))}, "start"),
        ({"start": {"seconds": 2**62}}, "start"),
    ]
    for fields, named in cases:
        refused = await refusal(_price(admin, tariff_id=made.id, **fields))
        assert (refused.reason, fields_of(refused)) == ("INVALID_FIELD", [named])
