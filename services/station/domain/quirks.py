"""What charge points are forgiven: the quirks that an operator has switched for one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.kernel.quirks import QUIRKS, Quirk
from services.kernel.validation import Violations
from services.station.domain.charge_point import ChargePoint


@dataclass(frozen=True, slots=True)
class QuirkProfile:
    """What decides what a charge point is forgiven. Its own words count: they say what it is."""

    vendor: str
    model: str
    firmware_version: str
    on: tuple[str, ...]
    off: tuple[str, ...]

    def forgives(self, quirk: Quirk) -> bool:
        """Whether a quirk is forgiven."""
        if quirk.needed is not None or quirk.id in self.on:
            return True
        return quirk.id not in self.off and self.forgives_by_default(quirk)

    def forgives_by_default(self, quirk: Quirk) -> bool:
        """Whether it would be if nobody had switched it."""
        return quirk.covers(self.vendor, self.model, self.firmware_version)


@dataclass(frozen=True, slots=True)
class Switch:
    """Whether a quirk shall be forgiven; None where that is not said."""

    id: str
    forgiven: bool | None


def profile_of(charge_point: ChargePoint) -> QuirkProfile:
    """The profile of a charge point."""
    return QuirkProfile(
        charge_point.reported_vendor or charge_point.vendor,
        charge_point.reported_model or charge_point.model,
        charge_point.firmware_version,
        charge_point.quirks_on,
        charge_point.quirks_off,
    )


def switched(charge_point: ChargePoint, switches: Sequence[Switch], now: datetime) -> ChargePoint:
    """`charge_point` with these switches and no others.

    Raises: INVALID_FIELD for what is no quirk, is switched twice, or is needed and switched off.
    """
    violations = Violations()
    seen: set[str] = set()
    for place, switch in enumerate(switches):
        _check(switch, seen, f"switches[{place}]", violations)
    violations.raise_if_any()
    return charge_point._replace(
        quirks_on=tuple(sorted(switch.id for switch in switches if switch.forgiven)),
        quirks_off=tuple(sorted(switch.id for switch in switches if not switch.forgiven)),
        update_time=now,
        revision=charge_point.revision + 1,
        is_unknown=False,
    )


def _check(switch: Switch, seen: set[str], field: str, violations: Violations) -> None:
    quirk = QUIRKS.get(switch.id)
    violations.check(quirk is not None, f"{field}.id", "is no quirk; GET lists them")
    violations.check(switch.id not in seen, f"{field}.id", "is switched twice")
    violations.check(switch.forgiven is not None, f"{field}.forgiven", "is missing")
    if quirk is not None and quirk.needed is not None and switch.forgiven is False:
        violations.add(f"{field}.forgiven", f"{quirk.id} cannot be switched off: {quirk.needed}")
    seen.add(switch.id)
