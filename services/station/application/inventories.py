"""Asking charge points for their variables by ourselves: after a boot, those that have not told all of them since their
firmware is what it is.

What booted is only noted by whoever takes boots in; who of them is to be asked is looked up apart from that, and only a
few are asked at a time: after an outage all boot at once, and each report is many messages. 10,000 that nobody
knows are asked within some 35 minutes by one replica, each behind all other commands to it.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.ids import new_id
from services.kernel.quirks.asking import NOTHING_UNASKED
from services.kernel.tenancy import as_tenant
from services.process.stirring import stir
from services.station.domain.charge_point import ChargePoint, ChargePointState
from services.station.domain.quirks import profile_of
from services.station.ports import Commands, UnitsOfWork

# What is forgotten boots again one day.
_MOST_NOTED = 20_000
_LOOKED_UP_AT_ONCE = 200
_ASKED_AT_ONCE, _MOST_ASKED = 5, 20
_FIRST_WAIT, _LONGER, _LONGEST_WAIT = timedelta(minutes=10), 6, timedelta(days=7)

_log = logging.getLogger(__name__)


def next_ask(now: datetime, tries: int) -> datetime:
    """When a charge point that was asked so often, and did not tell all, may be asked again."""
    waits: int = _LONGER ** min(tries - 1, 6)
    return now + min(_FIRST_WAIT * waits, _LONGEST_WAIT)


class Inventories:
    """Whom to ask, and asking them. Every replica has its own, of the boots that it takes in."""

    def __init__(self, units_of_work: UnitsOfWork, commands: Commands, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._commands = commands
        self._clock = clock
        # Charge points, each with its tenant.
        self._booted: OrderedDict[str, str] = OrderedDict()
        self._due: deque[tuple[str, str]] = deque()
        self._asking: set[asyncio.Task[None]] = set()

    def note(self, booted: Iterable[ChargePoint]) -> None:
        """Note who has booted, of those that are in service and may be asked."""
        for point in booted:
            if point.state is not ChargePointState.ACCEPTED or profile_of(point).forgives(NOTHING_UNASKED):
                continue
            if len(self._booted) < _MOST_NOTED:
                self._booted[point.id] = point.tenant_id
                stir()

    async def ask_some(self) -> bool:
        """Ask the next few; their answers are not waited for. Whether more are to be asked."""
        while self._booted and len(self._due) < _LOOKED_UP_AT_ONCE:
            await self._look_up()
        free = min(_ASKED_AT_ONCE, _MOST_ASKED - len(self._asking), len(self._due))
        if free <= 0:
            return bool(self._due)
        async with self._units_of_work() as work:
            now = self._clock.now()
            owners = dict(self._due.popleft() for _ in range(free))
            tries = await work.device_inventories.claim(list(owners), now)
            await work.device_inventories.put_off({name: next_ask(now, count) for name, count in tries.items()})
        for name in tries:
            # The command is to be the tenant's.
            with as_tenant(owners[name]):
                self._begin(name)
        return bool(self._due or self._booted)

    async def close(self) -> None:
        """Stop waiting for answers."""
        for task in self._asking:
            task.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)

    async def _look_up(self) -> None:
        """Find out who of the next that booted is to be asked."""
        owners = dict(self._booted.popitem(last=False) for _ in range(min(len(self._booted), _LOOKED_UP_AT_ONCE)))
        async with self._units_of_work.reading() as work:
            due = await work.device_inventories.due(list(owners), self._clock.now())
        self._due += [(name, owners[name]) for name in due]

    def _begin(self, charge_point_id: str) -> None:
        task = asyncio.create_task(self._ask(charge_point_id))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, charge_point_id: str) -> None:
        try:
            await self._commands.get_full_report(charge_point_id, new_id())
        except DomainError as error:
            _log.info("charge point %s was not asked for its variables: %s", charge_point_id, error.message)
