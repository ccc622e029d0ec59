"""Tariffs and prices."""

from typing import Any

from csms.billing.v1 import tariff_pb2 as tariff_pb
from csms.billing.v1 import tariff_service_pb2 as service_pb
from csms.driver.v1 import driver_pb2 as driver_pb
from services.billing.application.tariffs import PriceQuestion
from services.billing.domain.pricing import Price, PriceLine
from services.billing.domain.tariff import ComponentKind, MembershipTier, PriceComponent, Tariff
from services.billing.mapping.money import price_of, price_to_proto
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
}


def tariff_fields(message: tariff_pb.Tariff) -> dict[str, Any]:
    """What a caller says of a new tariff, by the names of the domain. Raises: INVALID_FIELD."""
    return read(message, _TARIFF_FIELDS, _TARIFF_FIELDS)


def tariff_changes(request: service_pb.UpdateTariffRequest, current: Tariff) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK, INVALID_FIELD."""
    names = masks.updated_fields(request.tariff, request.update_mask, _TARIFF_FIELDS.keys())
    if "components" in names and "currency_code" not in names:
        # Prices are checked against the currency they will be in.
        request.tariff.currency_code = current.currency_code
    return read(request.tariff, _TARIFF_FIELDS, names)


def price_question(request: service_pb.CalculatePriceRequest) -> PriceQuestion:
    """What a caller wants to know the price of."""
    return PriceQuestion(
        tariff_id=request.tariff_id,
        station_id=request.station_id,
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
        components=[_component_to_proto(component, tariff.currency_code) for component in tariff.components],
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
    found = []
    for position, message in enumerate(tariff.components):
        place = f"tariff.components[{position}]"
        kind = enum_of(ComponentKind, tariff_pb.PriceComponent.Kind, message.kind)
        if kind is None:
            raise invalid(f"{place}.kind", "must be set")
        found.append(
            PriceComponent(
                kind=kind,
                price=price_of(message.price, tariff.currency_code, f"{place}.price"),
                start_time_of_day=message.start_time_of_day,
                end_time_of_day=message.end_time_of_day,
                days_of_week=tuple(message.days_of_week),
                grace_minutes=message.grace_minutes,
            )
        )
    return found


def _discounts(tariff: tariff_pb.Tariff) -> dict[MembershipTier, int]:
    discounts: dict[MembershipTier, int] = {}
    for position, message in enumerate(tariff.tier_discounts):
        tier = enum_of(MembershipTier, driver_pb.Driver.MembershipTier, message.membership_tier)
        if tier is None or tier in discounts:
            raise invalid(f"tariff.tierDiscounts[{position}].membershipTier", "must be set, and once each")
        discounts[tier] = message.discount_basis_points
    return discounts


def _component_to_proto(component: PriceComponent, currency_code: str) -> tariff_pb.PriceComponent:
    return tariff_pb.PriceComponent(
        kind=tariff_pb.PriceComponent.Kind.Value(component.kind),
        price=price_to_proto(component.price, currency_code),
        start_time_of_day=component.start_time_of_day,
        end_time_of_day=component.end_time_of_day,
        days_of_week=component.days_of_week,
        grace_minutes=component.grace_minutes,
    )
