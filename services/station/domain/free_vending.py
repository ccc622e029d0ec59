"""Where sessions may begin without a token: connectors, charge points and stations say it, and the nearest counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class FreeVending(StrEnum):
    """Whether sessions may begin without a token (OCPP 2.0.1 use case C02)."""

    NOT_ALLOWED = "NOT_ALLOWED"
    ALLOWED = "ALLOWED"
    FREE_OF_CHARGE = "FREE_OF_CHARGE"


# Of the rules of several places the first of these counts: which place it is shows when the session begins there.
_GENEROUS = (FreeVending.ALLOWED, FreeVending.FREE_OF_CHARGE)


class Place(NamedTuple):
    """A place where a session begins; EVSE and connector are 0 where they are not known."""

    charge_point_id: str
    evse_id: int
    connector_id: int


@dataclass(frozen=True, slots=True)
class Premises:
    """What a charge point, its station and its connectors (by EVSE and number) say; None for nothing."""

    own: FreeVending | None
    of_station: FreeVending | None
    of_connectors: Mapping[tuple[int, int], FreeVending | None]

    def rule(self, place: Place) -> FreeVending:
        """What holds at a place of it."""
        usual = self.own or self.of_station or FreeVending.NOT_ALLOWED
        there = [said or usual for key, said in self.of_connectors.items() if _is_at(key, place)]
        return _most_generous(there or [usual])


def _is_at(connector: tuple[int, int], place: Place) -> bool:
    evse_id, connector_id = connector
    return place.evse_id in (0, evse_id) and place.connector_id in (0, connector_id)


def _most_generous(rules: Sequence[FreeVending]) -> FreeVending:
    return next((rule for rule in _GENEROUS if rule in rules), FreeVending.NOT_ALLOWED)
