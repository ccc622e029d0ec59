"""Who was refused at the handshake: taking in what the edge tells, showing it to operators, and forgetting it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.pagination import Page, PageRequest
from services.kernel.refusal import Rule
from services.station.domain.events import ChargePointChanged, ConnectionRefused
from services.station.domain.refusal import Refusal, UnknownFilter
from services.station.ports import UnitsOfWork

# Of one identity, from all addresses and by all rules.
_MOST_OF_IDENTITY = 50
_MOST_OF_UNKNOWN = 10_000
_FORGOTTEN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Memory:
    """How long refusals are kept, and charge points that came by themselves and that nobody accepted."""

    kept: timedelta


class Refusals:
    """The use cases of refusals. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, memory: Memory) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._memory = memory

    async def report(self, refusals: Sequence[Refusal]) -> None:
        """Record what was refused, and tell of the charge points in service that somebody has to look at."""
        if not refusals:
            return
        async with self._units_of_work() as work:
            tallies = await work.refusals.record(_added_up(refusals), _MOST_OF_IDENTITY)
            now = self._clock.now()
            news = [tally for tally in tallies if tally.is_news(now)]
            await work.refusals.note_published([tally.refusal for tally in news], now)
            await work.publish(
                [
                    ConnectionRefused(refusal=one.unpublished, station_id=one.station_id, tenant_id=one.tenant_id)
                    for one in news
                ]
            )

    async def page(self, charge_point_id: str, rule: Rule | None, page: PageRequest) -> Page[Refusal]:
        """One page of what was refused of a charge point, the latest first. Raises: CHARGE_POINT_NOT_FOUND."""
        async with self._units_of_work() as work:
            if await work.charge_points.find(charge_point_id) is None:
                raise not_found("charge point", charge_point_id)
            return await work.refusals.page(charge_point_id, rule, page)

    async def unknown(self, narrowing: UnknownFilter, page: PageRequest) -> Page[Refusal]:
        """One page of what was refused of those that no operator has accepted, the latest first."""
        async with self._units_of_work() as work:
            return await work.refusals.unknown(narrowing, page)

    async def forget(self) -> None:
        """Forget what is old, and what is too much; and unknown charge points that have not come again for as long."""
        before = self._clock.now() - self._memory.kept
        async with self._units_of_work() as work:
            await work.refusals.forget(before, _MOST_OF_UNKNOWN)
        async with self._units_of_work() as work:
            unknown = await work.charge_points.forgotten_unknown(before, _FORGOTTEN_AT_ONCE)
            for one in unknown:
                await work.charge_points.remove(one.id)
            await work.publish([ChargePointChanged(charge_point=one, deleted=True) for one in unknown])


def _added_up(refusals: Sequence[Refusal]) -> Sequence[Refusal]:
    """At most one for each identity, rule and address: the latest, which counts for the others."""
    found: dict[tuple[str, Rule, str], Refusal] = {}
    for refusal in refusals:
        key = refusal.identity, refusal.rule, refusal.remote_address
        found[key] = refusal if key not in found else found[key].followed_by(refusal)
    return list(found.values())
