"""The one order in which units of work lock what they change. Two that keep it never wait for each other in a ring.

Every statement that locks rows tells beforehand how far it comes by that; who goes back is stopped, by an error that
any test of the use case shows.
"""

from enum import IntEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from services.postgres.gathering import put_off


class Rung(IntEnum):
    """What is locked, from first to last. A unit of work may leave out any and goes back to none.

    A turn is an advisory lock that one unit of work has at a time: under it the rows below, which nobody else locks,
    may be locked in any order and again. It also covers what has no row yet, and costs less than a lock for each thing.
    """

    STATION_TURN = 1
    """Of whoever takes in what stations, charge points and connectors are."""
    SESSION_TURN = 2
    """Of whoever takes in transactions or bills."""
    TRANSACTIONS = 3
    """Under the turn, or once and by id: live readings lock what they change without it."""
    HARDWARE = 4
    """Charge points and connectors, under the turn of stations; others pass over charge points that are locked."""
    STATIONS = 5
    """Once, by id."""
    METRICS = 6
    """Once, by station and minute."""
    ALERT_TURN = 7
    """Of whoever raises or clears alerts: which ones is found on the way."""
    USAGE = 8
    """Under the turn of sessions."""
    PROGRESS = 9
    """How far comparisons have come, one row each."""


_TURNS = {
    Rung.STATION_TURN: "SELECT pg_advisory_xact_lock(hashtextextended('stations', 0))",
    Rung.SESSION_TURN: "SELECT pg_advisory_xact_lock(hashtextextended('sessions', 0))",
    Rung.ALERT_TURN: "SELECT pg_advisory_xact_lock(hashtextextended('alerts', 0))",
}
_ONCE = frozenset({Rung.STATIONS, Rung.METRICS})
# What must not be locked without the turn.
_UNDER = {Rung.HARDWARE: Rung.STATION_TURN}

TURN_OF_SESSIONS = f"WITH turn AS MATERIALIZED ({_TURNS[Rung.SESSION_TURN]})"
"""Takes the turn of sessions, before a statement that has `turn` among what it selects from. Only for one that needs
not see what those have committed whom it had to wait for."""


class OutOfOrder(Exception):
    """A unit of work goes back in the order of locks: a mistake of ours, which could end in a deadlock."""


class Locks:
    """How far one unit of work has come."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._reached: list[Rung] = []

    def reach(self, rung: Rung, *, passing_over: bool = False) -> None:
        """What belongs to `rung` is locked next, or only as far as nobody else has locked it. Raises OutOfOrder."""
        if rung in _TURNS and rung in self._reached:
            return
        if self._reached and rung < self._reached[-1]:
            raise OutOfOrder(f"{rung.name} after {self._reached[-1].name}")
        if rung in _ONCE and rung in self._reached:
            raise OutOfOrder(f"{rung.name} twice")
        if rung in _UNDER and not passing_over and _UNDER[rung] not in self._reached:
            raise OutOfOrder(f"{rung.name} without {_UNDER[rung].name}")
        if rung not in self._reached:
            self._reached.append(rung)

    async def turn(self, rung: Rung) -> None:
        """Keep everybody else who takes this turn waiting until the transaction ends."""
        if rung not in self._reached:
            self.reach(rung)
            await put_off(self._connection, _TURNS[rung].encode())
