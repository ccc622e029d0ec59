"""Whether a price needs to know how a session went: most do not, and then nobody is asked for readings."""

from datetime import datetime

from services.billing.domain.price_component import ComponentKind, PriceComponent
from services.billing.domain.pricing.consumption import Consumption
from services.billing.domain.pricing.shares import shared
from services.billing.domain.tariff import Tariff


def may_need_course(tariff: Tariff) -> bool:
    """Whether that of any session does, wherever and whenever it is. Asked of every session: a loop costs least."""
    for component in tariff.components:
        if _always_needs(component):
            return True
        if component.kind is ComponentKind.ENERGY and (component.goes_by_clock or component.goes_by_duration):
            return True
    return False


def needs_course(tariff: Tariff, start: datetime, end: datetime, time_zone: str) -> bool:
    """Whether the price of a session depends on how it went, not only on what it came to."""
    if any(map(_always_needs, tariff.components)):
        return True
    energy = [component for component in tariff.components if component.kind is ComponentKind.ENERGY]
    if not any(component.goes_by_clock or component.goes_by_duration for component in energy):
        return False
    if any(component.goes_by_energy for component in energy):
        return True
    used = Consumption(energy_wh=1, start=start, end=end, time_zone=time_zone)
    return shared(tariff, used).is_evenly_spread


def _always_needs(component: PriceComponent) -> bool:
    if component.kind.depends_on_idling:
        return bool(component.price or component.series)
    if component.goes_by_power:
        return True
    # How much energy there is in the end is known without readings, when it came is not.
    return component.goes_by_energy and (component.kind is ComponentKind.TIME or component.goes_by_duration)
