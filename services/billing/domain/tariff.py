"""Tariffs: what charging costs, in versions that never change.

What is refused of one, and what is said about one that can be misread, is in tariff_checks.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from services.billing.domain.price_component import PriceComponent
from services.billing.domain.tariff_checks import validated
from services.kernel.errors import conflict
from services.kernel.tenancy import owner_of_new


class MembershipTier(StrEnum):
    """How much a driver is valued, as the driver service tells it."""

    BASIC = "BASIC"
    SILVER = "SILVER"
    GOLD = "GOLD"
    PLATINUM = "PLATINUM"


class PriceLimit(NamedTuple):
    """The least or the most that a session costs, before tax and with tax; None is no limit. Both hold."""

    net: Decimal | None = None
    gross: Decimal | None = None


NO_LIMIT = PriceLimit()


class Connector(NamedTuple):
    """A connector by the identity of its charge point and the number that sessions have."""

    charge_point_id: str
    connector_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """One version of a tariff. Prices are in major units of the currency, as exact as they were given.

    Of several components of a kind that apply at a moment the first counts. Sessions that begin from `valid_from` until
    before `valid_until` are priced by it, to their end.
    """

    id: str
    name: str
    description: str = ""
    currency_code: str
    components: Sequence[PriceComponent]
    tax_basis_points: int = 0
    tier_discounts: Mapping[MembershipTier, int]
    station_ids: Sequence[str] = ()
    is_default: bool = False
    retired: bool = False
    version: int = 1
    create_time: datetime
    update_time: datetime
    tenant_id: str = field(default_factory=owner_of_new)
    tax_included: bool = False
    min_price: PriceLimit = NO_LIMIT
    max_price: PriceLimit = NO_LIMIT
    holidays: Sequence[date] = ()
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    driver_ids: Sequence[str] = ()
    connectors: Sequence[Connector] = ()

    def tax_of(self, component: PriceComponent) -> int:
        """The tax on what a component charges for, in hundredths of a percent: its own, else that of the tariff."""
        return self.tax_basis_points if component.tax_basis_points is None else component.tax_basis_points


def is_seen_by(tariff: Tariff, driver_id: str | None) -> bool:
    """Whether a driver may know of a tariff: not of one for others. None is whoever is no driver."""
    return driver_id is None or not tariff.driver_ids or driver_id in tariff.driver_ids


class Place(NamedTuple):
    """Where and by whom is charged, as far as that decides the tariff."""

    station_id: str | None = None
    connector: Connector | None = None
    driver_id: str | None = None


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A version of a tariff and when the next one took its place; None as long as it is the newest."""

    tariff: Tariff
    until_time: datetime | None

    def rank(self, tenant_id: str, place: Place, start: datetime, at: datetime | None) -> int:
        """How much before others it comes for sessions of a tenant at a place that begin at `start`; 0 when it does
        not apply: of a driver, a connector, a station, by default.

        `at` is a moment in the past at which it has to have been in use, None is now.
        """
        tariff = self.tariff
        is_in_use = self.until_time is None
        if at is not None:
            is_in_use = tariff.update_time <= at and (self.until_time is None or self.until_time > at)
        if not is_in_use or tariff.retired or tariff.tenant_id != tenant_id or not _is_valid(tariff, start):
            return 0
        reasons = (
            tariff.is_default,
            place.station_id in tariff.station_ids,
            place.connector in tariff.connectors,
            place.driver_id in tariff.driver_ids,
        )
        return max(number for number, holds in enumerate((True, *reasons)) if holds)


def applying(
    versions: Sequence[TariffVersion], tenant_id: str, place: Place, start: datetime, at: datetime | None = None
) -> Tariff | None:
    """Of the tariffs of a tenant that for a session which begins at `start`: the driver's own before the connector's,
    the station's and the default, and of several the one that was changed last; else None.

    With `at` of those that were in use then, without of those that are now.
    """
    ranked = [(version.rank(tenant_id, place, start, at), version.tariff) for version in versions]
    found = [(rank, tariff.update_time, tariff) for rank, tariff in ranked if rank]
    return max(found, key=lambda one: one[:2])[2] if found else None


def _is_valid(tariff: Tariff, start: datetime) -> bool:
    begins = tariff.valid_from is None or tariff.valid_from <= start
    return begins and (tariff.valid_until is None or start < tariff.valid_until)


def next_version(tariff: Tariff, changes: Mapping[str, Any], etag: str, now: datetime) -> Tariff:
    """The version of `tariff` after `changes`. Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(tariff.version):
        raise conflict("ETAG_MISMATCH", f"tariff {tariff.id} has changed since etag {etag} was read")
    return validated(replace(tariff, **changes, update_time=now, version=tariff.version + 1))


def no_longer_default(tariff: Tariff, now: datetime) -> Tariff:
    """The version of `tariff` after another one has become the default."""
    return replace(tariff, is_default=False, update_time=now, version=tariff.version + 1)
