"""Tariffs with rules that release 0.2.0 does not have: kept, chosen, billed, and out of its sight."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1.billing_service_pb2 import GetChargingSessionRequest
from csms.billing.v1.invoice_service_pb2 import GetInvoiceRequest
from csms.billing.v1.tariff_pb2 import HourlyPrice, PriceComponent, PriceLimit, PriceLine, TariffConnector
from csms.billing.v1.tariff_service_pb2 import (
    CalculatePriceRequest,
    GetTariffRequest,
    ListTariffsRequest,
    UpdateTariffRequest,
)
from services.kernel.errors import ErrorKind
from services.kernel.ids import derived_id
from services.rpc.protobuf import timestamp
from tests.contract.services.billing.conftest import Books, Caller, Tell
from tests.contract.services.billing.messages import (
    DRIVER,
    OTHER_DRIVER,
    STATION,
    amount,
    component,
    curve,
    fields_of,
    money,
    new_tariff,
    refusal,
    session_id,
    tariff,
    transaction,
)
from tests.contract.services.billing.neighbours import Neighbours
from tests.fixtures.services import RunningService

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
FULL = tariff(
    component(
        "ENERGY",
        "0.31",
        step_size=100,
        tax_basis_points=700,
        start_date="2026-01-01",
        end_date="2027-01-01",
        start_of_season="10-01",
        end_of_season="04-01",
        holidays=PriceComponent.NEVER,
        min_energy_wh=0,
        max_energy_wh=10_000,
        min_power_w=1_000,
        max_power_w=150_000,
        min_duration_seconds=0,
        max_duration_seconds=7_200,
    ),
    component(
        "ENERGY",
        "0.10",
        series=[
            HourlyPrice(time=timestamp(NOON + timedelta(hours=hour)), price=money(price))
            for hour, price in ((0, "0.2"), (1, "-0.05"), (2, "0"))
        ],
    ),
    component("ENERGY", "0.49"),
    component("CHARGING_TIME", "1", step_size=60),
    min_price=PriceLimit(net=money("1.00"), gross=money("1.19")),
    max_price=PriceLimit(gross=money("99.99")),
    holidays=["2026-12-25", "2026-12-26"],
    valid_from=timestamp(NOON),
    valid_until=timestamp(NOON + timedelta(days=365)),
    driver_ids=[DRIVER],
    connectors=[TariffConnector(charge_point_id="CP1", connector_id=2)],
    station_ids=[STATION],
)


async def _create(admin: Caller, *components: PriceComponent, **fields: Any) -> tariff_pb.Tariff:
    return (await admin.tariffs.CreateTariff(new_tariff(*components, **fields))).tariff


async def test_every_rule_is_kept_as_it_was_given(admin: Caller) -> None:
    made = (await admin.tariffs.CreateTariff(new_tariff(*FULL.components, **_fields(FULL)))).tariff
    kept = (await admin.tariffs.GetTariff(GetTariffRequest(tariff_id=made.id))).tariff
    assert kept == made
    assert len(kept.warnings) == 1
    assert "maxPrice says only one of net and gross" in kept.warnings[0]
    for field in ("id", "version", "etag", "create_time", "update_time", "warnings"):
        kept.ClearField(field)
    for part in [*kept.components, *kept.components[1].series, kept.min_price, kept.max_price]:
        _without_currencies(part)
    assert kept == _without_currencies(_copy(FULL))
    listed = (await admin.tariffs.ListTariffs(ListTariffsRequest(station_id=STATION))).tariffs
    assert [one.id for one in listed] == [made.id]


def _fields(message: tariff_pb.Tariff) -> dict[str, Any]:
    return {field.name: value for field, value in message.ListFields() if field.name != "components"}


def _copy(message: tariff_pb.Tariff) -> tariff_pb.Tariff:
    copied = tariff_pb.Tariff()
    copied.CopyFrom(message)
    return copied


def _without_currencies(message: Any) -> Any:
    """A message with its amounts in no currency: what may be left out is filled in."""
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.full_name == "google.protobuf.Timestamp":
            continue
        for one in value if field.is_repeated else [value]:
            if field.message_type.full_name == "google.type.Money":
                one.ClearField("currency_code")
            else:
                _without_currencies(one)
    return message


async def test_a_tariff_may_change_from_what_the_release_before_reads_and_back(
    admin: Caller, service: RunningService
) -> None:
    made = await _create(admin, is_default=True)
    for number, (changes, path) in enumerate(
        [
            ({"holidays": ["2026-12-25"]}, "holidays"),
            ({"holidays": []}, "holidays"),
            ({"max_price": PriceLimit(net=money("5"))}, "max_price"),
        ],
        2,
    ):
        request = UpdateTariffRequest(tariff_id=made.id, tariff=tariff_pb.Tariff(**changes))  # type: ignore[arg-type]
        request.update_mask.paths.append(path)
        changed = (await admin.tariffs.UpdateTariff(request)).tariff
        assert (changed.version, changed.is_default) == (number, True)
        listed = (await admin.tariffs.ListTariffs(ListTariffsRequest())).tariffs
        assert [(one.id, one.version) for one in listed] == [(made.id, number)]
    books = Books(service.database)
    newest = "SELECT version, until_time IS NULL FROM {} ORDER BY version"
    # What 0.2.0 cannot read is not where it looks.
    assert await books.rows(newest.format("pricing_tiers")) == [(1, False), (3, False)]
    assert await books.rows(newest.format("tariffs")) == [(2, False), (4, True)]


async def test_there_is_one_default_of_either_sort(admin: Caller) -> None:
    plain = await _create(admin, is_default=True)
    ruled = await _create(admin, component(max_energy_wh=1000), component(price="0.9"), is_default=True)
    again = await _create(admin, is_default=True)
    listed = (await admin.tariffs.ListTariffs(ListTariffsRequest())).tariffs
    assert {one.id: (one.version, one.is_default) for one in listed} == {
        plain.id: (2, False),
        ruled.id: (2, False),
        again.id: (1, True),
    }


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ({"driver_id": DRIVER, "charge_point_id": "CP1", "connector_id": 2, "station_id": STATION}, "3.00 EUR"),
        ({"driver_id": OTHER_DRIVER, "charge_point_id": "CP1", "connector_id": 2, "station_id": STATION}, "2.00 EUR"),
        ({"driver_id": OTHER_DRIVER, "charge_point_id": "CP1", "connector_id": 1, "station_id": STATION}, "1.00 EUR"),
        ({"station_id": derived_id("station", 2)}, "4.00 EUR"),
    ],
)
async def test_the_price_is_that_of_the_driver_then_connector_then_station(
    admin: Caller, place: dict[str, Any], expected: str
) -> None:
    await _create(admin, component("FLAT", "3"), driver_ids=[DRIVER])
    await _create(admin, component("FLAT", "2"), connectors=[TariffConnector(charge_point_id="CP1", connector_id=2)])
    await _create(admin, component("FLAT", "1"), station_ids=[STATION])
    await _create(admin, component("FLAT", "4"), is_default=True)
    price = (await admin.tariffs.CalculatePrice(CalculatePriceRequest(energy_wh=1, **place))).price
    assert amount(price.total) == expected


async def test_a_tariff_applies_to_sessions_that_begin_while_it_is_valid(admin: Caller) -> None:
    await _create(admin, component("FLAT", "1"), is_default=True)
    until = timestamp(NOON + timedelta(hours=1))
    await _create(admin, component("FLAT", "2"), station_ids=[STATION], valid_from=timestamp(NOON), valid_until=until)
    for hours, expected in ((-0.01, "1.00 EUR"), (0, "2.00 EUR"), (0.99, "2.00 EUR"), (1, "1.00 EUR")):
        start = NOON + timedelta(hours=hours)
        request = CalculatePriceRequest(
            station_id=STATION, start=timestamp(start), end=timestamp(start + timedelta(hours=5))
        )
        assert amount((await admin.tariffs.CalculatePrice(request)).price.total) == expected


async def test_sessions_are_billed_by_rules_and_each_line_says_its_tax(
    boss: Caller, books: Books, tell: Tell, neighbours: Neighbours
) -> None:
    parts = (
        component(price="0.20", max_energy_wh=4_000, tax_basis_points=700),
        component(price="0.40", max_power_w=11_000),
        component(price="0.60"),
        component("CHARGING_TIME", "1"),
    )
    await boss.tariffs.CreateTariff(
        new_tariff(*parts, tax_basis_points=1900, connectors=[TariffConnector(charge_point_id="CP1", connector_id=1)])
    )
    # 24 kW for 20 minutes, then 3 kW for 40: 2 kWh of the 10 at a low power.
    neighbours.curves[derived_id("transaction", 1)] = curve(1, (0, 0), (20, 8_000), (60, 10_000))
    await tell(transaction(1), transaction(2))
    await books.become({"CP1": ("COMPLETED", ""), "CP2": ("HELD", "no_tariff")})
    session = (await boss.sessions.GetChargingSession(GetChargingSessionRequest(id=session_id(1)))).charging_session
    invoice = (await boss.invoices.GetInvoice(GetInvoiceRequest(id=session.invoice_id))).invoice
    assert [
        (PriceLine.Kind.Name(line.kind), line.quantity, amount(line.amount), line.tax_basis_points)
        for line in invoice.lines
    ] == [
        ("ENERGY", "4", "0.80 EUR", 700),
        ("ENERGY", "4", "2.40 EUR", 1900),
        ("ENERGY", "2", "0.80 EUR", 1900),
        ("CHARGING_TIME", "1.0000", "1.00 EUR", 1900),
    ]
    # 7 % of 0.80 and 19 % of 4.20.
    assert (amount(invoice.tax), amount(invoice.total)) == ("0.85 EUR", "5.85 EUR")
    # What waited for a tariff is billed when one for its driver is made.
    await boss.tariffs.CreateTariff(new_tariff(component(price="0.50"), driver_ids=[DRIVER]))
    await books.become({"CP1": ("COMPLETED", ""), "CP2": ("COMPLETED", "")})


async def test_bad_rules_are_refused_by_their_fields(admin: Caller) -> None:
    for changes, fields in (
        ({"start_date": "2026-02-30"}, ["tariff.components[0].startDate"]),
        ({"series": [HourlyPrice(price=money("1"))]}, ["tariff.components[0].series[0].time"]),
        ({"min_energy_wh": 10, "max_energy_wh": 5}, ["tariff.components[0].maxEnergyWh"]),
        ({"step_size": -1}, ["tariff.components[0].stepSize"]),
        ({"holidays": PriceComponent.ONLY}, ["tariff.holidays"]),
    ):
        error = await refusal(admin.tariffs.CreateTariff(new_tariff(component(**changes))))
        assert (error.kind, fields_of(error)) == (ErrorKind.INVALID_ARGUMENT, fields)
    error = await refusal(admin.tariffs.CreateTariff(new_tariff(min_price=PriceLimit(net=money("1", "USD")))))
    assert fields_of(error) == ["tariff.minPrice.net.currencyCode"]


async def test_a_driver_is_told_of_no_tariff_for_others(admin: Caller, service: RunningService) -> None:
    own = await _create(admin, component("FLAT", "1"), driver_ids=[DRIVER, OTHER_DRIVER])
    foreign = await _create(admin, component("FLAT", "2"), driver_ids=[OTHER_DRIVER])
    everyones = await _create(admin, component("FLAT", "3"), is_default=True)
    driver = Caller(await service.channel("driver", driver_id=DRIVER))
    listed = (await driver.tariffs.ListTariffs(ListTariffsRequest())).tariffs
    assert [(one.id, list(one.driver_ids)) for one in listed] == [(everyones.id, []), (own.id, [])]
    assert len((await admin.tariffs.ListTariffs(ListTariffsRequest())).tariffs) == 3
    assert (await driver.tariffs.GetTariff(GetTariffRequest(tariff_id=own.id))).tariff.id == own.id
    for call in (
        driver.tariffs.GetTariff(GetTariffRequest(tariff_id=foreign.id)),
        driver.tariffs.CalculatePrice(CalculatePriceRequest(tariff_id=foreign.id)),
    ):
        assert (await refusal(call)).reason == "TARIFF_NOT_FOUND"
