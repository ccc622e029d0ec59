"""Who may begin a session without a token, and where."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from services.kernel.errors import DomainError, not_found
from services.station.domain.charge_point import ChargePointState
from services.station.domain.free_vending import FreeVending, Place, Premises
from services.station.ports import UnitsOfWork


@dataclass(frozen=True, slots=True)
class StartRule:
    """What holds at a place."""

    free_vending: FreeVending
    state: ChargePointState


class StartRules:
    """The rules of places."""

    def __init__(self, units_of_work: UnitsOfWork) -> None:
        self._units_of_work = units_of_work

    async def at(self, places: Sequence[Place]) -> list[StartRule | DomainError]:
        """What holds at each place, in order; CHARGE_POINT_NOT_FOUND for one at an unknown charge point."""
        names = {place.charge_point_id for place in places}
        async with self._units_of_work.reading() as work:
            said = await work.charge_points.free_vending(names)
            plugs = await work.connectors.of_charge_points(said.keys())
        of_connectors: defaultdict[str, dict[tuple[int, int], FreeVending | None]] = defaultdict(dict)
        for plug in plugs:
            of_connectors[plug.charge_point_id][plug.evse_id, plug.connector_id] = plug.free_vending
        rules: list[StartRule | DomainError] = []
        for place in places:
            known = said.get(place.charge_point_id)
            if known is None:
                rules.append(not_found("charge point", place.charge_point_id))
                continue
            premises = Premises(known.own, known.of_station, of_connectors[place.charge_point_id])
            rules.append(StartRule(premises.rule(place), known.state))
        return rules
