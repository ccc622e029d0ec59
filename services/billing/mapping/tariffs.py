"""Tariffs and prices."""

from datetime import date
from typing import Any

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1 import tariff_service_pb2 as service_pb
from csms.driver.v1 import driver_pb2 as driver_pb
from services.billing.application.tariffs import PriceQuestion
from services.billing.domain.price_component import PriceComponent
from services.billing.domain.pricing import Price, PriceLine
from services.billing.domain.tariff import NO_LIMIT, Connector, MembershipTier, PriceLimit, Tariff
from services.billing.domain.tariff_checks import warnings
from services.billing.mapping.money import price_of, price_to_proto
from services.billing.mapping.price_components import component_of, component_to_proto, day_of
from services.kernel.errors import invalid
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, money_to_proto, number_of, read, time_of, timestamp

_TARIFF_FIELDS: Fields = {
    "name": lambda tariff: tariff.name,
    "description": lambda tariff: tariff.description,
    "currency_code": lambda tariff: tariff.currency_code,
    "components": lambda tariff: _components(tariff),
    "tax_basis_points": lambda tariff: tariff.tax_basis_points,
    "tier_discounts": lambda tariff: _discounts(tariff),
    "station_ids": lambda tariff: list(dict.fromkeys(tariff.station_ids)),
    "is_default": lambda tariff: tariff.is_default,
    "retired": lambda tariff: tariff.retired,
    "tax_included": lambda tariff: tariff.tax_included,
    "min_price": lambda tariff: _limit(tariff, "min_price", "minPrice"),
    "max_price": lambda tariff: _limit(tariff, "max_price", "maxPrice"),
    "holidays": lambda tariff: _holidays(tariff),
    "valid_from": lambda tariff: time_of(tariff, "valid_from"),
    "valid_until": lambda tariff: time_of(tariff, "valid_until"),
    "driver_ids": lambda tariff: list(dict.fromkeys(tariff.driver_ids)),
    "connectors": lambda tariff: list(
        dict.fromkeys(Connector(one.charge_point_id, one.connector_id) for one in tariff.connectors)
    ),
}
# Prices among them are checked against the currency they will be in.
_PRICES = {"components", "min_price", "max_price"}


def tariff_fields(message: tariff_pb.Tariff) -> dict[str, Any]:
    """What a caller says of a new tariff, by the names of the domain. Raises: INVALID_FIELD."""
    return read(message, _TARIFF_FIELDS, _TARIFF_FIELDS)


def tariff_changes(request: service_pb.UpdateTariffRequest, current: Tariff) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK, INVALID_FIELD."""
    names = masks.updated_fields(request.tariff, request.update_mask, _TARIFF_FIELDS.keys())
    if _PRICES & set(names) and "currency_code" not in names:
        request.tariff.currency_code = current.currency_code
    return read(request.tariff, _TARIFF_FIELDS, names)


def price_question(request: service_pb.CalculatePriceRequest) -> PriceQuestion:
    """What a caller wants to know the price of."""
    return PriceQuestion(
        tariff_id=request.tariff_id,
        station_id=request.station_id,
        charge_point_id=request.charge_point_id,
        connector_id=request.connector_id,
        driver_id=request.driver_id,
        energy_wh=request.energy_wh,
        start=time_of(request, "start"),
        end=time_of(request, "end"),
        idle_minutes=request.idle_minutes,
    )


def tariff_to_proto(tariff: Tariff) -> tariff_pb.Tariff:
    """The resource as callers see it."""
    return tariff_pb.Tariff(
        id=tariff.id,
        name=tariff.name,
        description=tariff.description,
        currency_code=tariff.currency_code,
        components=[component_to_proto(component, tariff.currency_code) for component in tariff.components],
        tax_basis_points=tariff.tax_basis_points,
        tier_discounts=[
            tariff_pb.TierDiscount(
                membership_tier=driver_pb.Driver.MembershipTier.Value(tier), discount_basis_points=discount
            )
            for tier, discount in tariff.tier_discounts.items()
        ],
        station_ids=tariff.station_ids,
        is_default=tariff.is_default,
        retired=tariff.retired,
        version=tariff.version,
        create_time=timestamp(tariff.create_time),
        update_time=timestamp(tariff.update_time),
        etag=str(tariff.version),
        tax_included=tariff.tax_included,
        min_price=_limit_to_proto(tariff.min_price, tariff.currency_code),
        max_price=_limit_to_proto(tariff.max_price, tariff.currency_code),
        holidays=[day.isoformat() for day in tariff.holidays],
        valid_from=None if tariff.valid_from is None else timestamp(tariff.valid_from),
        valid_until=None if tariff.valid_until is None else timestamp(tariff.valid_until),
        driver_ids=tariff.driver_ids,
        connectors=[tariff_pb.TariffConnector(**connector._asdict()) for connector in tariff.connectors],
        warnings=warnings(tariff),
    )


def price_to_message(price: Price) -> tariff_pb.Price:
    """A price and how it comes about, as callers see it."""
    return tariff_pb.Price(
        tariff_id=price.tariff_id,
        tariff_version=price.tariff_version,
        lines=map(line_to_proto, price.lines),
        subtotal=money_to_proto(price.subtotal),
        tax=money_to_proto(price.tax),
        total=money_to_proto(price.total),
    )


def line_to_proto(line: PriceLine) -> tariff_pb.PriceLine:
    """One line of a price or an invoice."""
    return tariff_pb.PriceLine(
        kind=number_of(tariff_pb.PriceLine.Kind, line.kind),
        description=line.description,
        quantity=str(line.quantity),
        unit=line.unit,
        unit_price=price_to_proto(line.unit_price, line.amount.currency_code),
        amount=money_to_proto(line.amount),
        tax_basis_points=line.tax_basis_points,
    )


def _components(tariff: tariff_pb.Tariff) -> list[PriceComponent]:
    return [
        component_of(message, tariff.currency_code, f"tariff.components[{position}]")
        for position, message in enumerate(tariff.components)
    ]


def _limit(tariff: tariff_pb.Tariff, field: str, name: str) -> PriceLimit:
    limit: tariff_pb.PriceLimit = getattr(tariff, field)
    net, gross = (
        price_of(getattr(limit, part), tariff.currency_code, f"tariff.{name}.{part}") if limit.HasField(part) else None
        for part in ("net", "gross")
    )
    return PriceLimit(net, gross)


def _limit_to_proto(limit: PriceLimit, currency_code: str) -> tariff_pb.PriceLimit | None:
    if limit == NO_LIMIT:
        return None
    net, gross = (None if amount is None else price_to_proto(amount, currency_code) for amount in limit)
    return tariff_pb.PriceLimit(net=net, gross=gross)


def _holidays(tariff: tariff_pb.Tariff) -> list[date]:
    days = [day_of(day, f"tariff.holidays[{position}]") for position, day in enumerate(tariff.holidays)]
    return sorted({day for day in days if day is not None})


def _discounts(tariff: tariff_pb.Tariff) -> dict[MembershipTier, int]:
    discounts: dict[MembershipTier, int] = {}
    for position, message in enumerate(tariff.tier_discounts):
        tier = enum_of(MembershipTier, driver_pb.Driver.MembershipTier, message.membership_tier)
        if tier is None or tier in discounts:
            raise invalid(f"tariff.tierDiscounts[{position}].membershipTier", "must be set, and once each")
        discounts[tier] = message.discount_basis_points
    return discounts
