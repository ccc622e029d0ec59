"""What callers read of charging sessions, each in one round trip: no unit of work is begun for it."""

from collections.abc import Iterator

from services.billing.domain.charging_session import CORRECTION, ChargingSession, ChargingSessionFilter, SessionState
from services.billing.sql.charging_sessions import SESSION_COLUMNS, SESSION_WIDTH, session_of
from services.billing.tables import CHARGING_SESSIONS
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.postgres.keyset import COUNTED_UP_TO
from services.postgres.listing import Asks, Condition, Listing
from services.postgres.sql_text import written

_TABLE = CHARGING_SESSIONS.c
_BY_CHANGE = Listing(SESSION_COLUMNS, "charging_sessions", (_TABLE.update_time, _TABLE.id), count_up_to=COUNTED_UP_TO)
_ONE = f"SELECT {SESSION_COLUMNS} FROM charging_sessions WHERE id = %s".encode()


class SqlChargingSessionReads:
    """Satisfies ports.ChargingSessionReads."""

    def __init__(self, readers: Asks) -> None:
        self._readers = readers
        self._newest_first = Listing(
            SESSION_COLUMNS,
            "charging_sessions",
            (_TABLE.start_time, _TABLE.id),
            descending=True,
            count_up_to=COUNTED_UP_TO,
            only_grows=True,
        )

    async def page(self, narrowing: ChargingSessionFilter, page: PageRequest) -> Page[ChargingSession]:
        listing = self._newest_first if narrowing.update_time_from is None else _BY_CHANGE
        rows = await listing.fetch(self._readers, _conditions(narrowing), page)
        # Behind the columns of the table comes the key of a page.
        return rows.map(lambda row: session_of(*row[:SESSION_WIDTH]))

    async def find(self, session_id: str) -> ChargingSession | None:
        if not is_id(session_id):
            return None
        [rows] = await self._readers.ask((_ONE, (session_id,)))
        return session_of(*rows[0]) if rows else None


def _conditions(narrowing: ChargingSessionFilter) -> Iterator[Condition]:
    for name in ("driver_id", "station_id", "transaction_id"):
        if requested := getattr(narrowing, name):
            yield (f"charging_sessions.{name} = %s", (requested,)) if is_id(requested) else ("false", ())
    for name in ("charge_point_id", "state"):
        if requested := getattr(narrowing, name):
            yield f"charging_sessions.{name} = %s", (requested,)
    yield from _waiting(narrowing)
    if narrowing.start_time_from:
        yield "charging_sessions.start_time >= %s", (written(narrowing.start_time_from),)
    if narrowing.start_time_to:
        yield "charging_sessions.start_time < %s", (written(narrowing.start_time_to),)
    if narrowing.update_time_from:
        yield "charging_sessions.update_time >= %s", (written(narrowing.update_time_from),)


def _waiting(narrowing: ChargingSessionFilter) -> Iterator[Condition]:
    reason = CORRECTION if narrowing.has_correction else narrowing.hold_reason
    if reason:
        yield "charging_sessions.hold_reason = %s", (reason,)
    if reason or narrowing.state is SessionState.HELD:
        # There are few among all of them, and no index of the sessions tells them.
        yield "charging_sessions.id IN (SELECT session_id FROM unbilled_sessions)", ()
    if narrowing.hold_reason:
        yield "charging_sessions.state = %s", (SessionState.HELD,)
