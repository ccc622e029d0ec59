"""What drivers used: sessions as other services told of them, and their sums."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from services.kernel.errors import invalid

LONGEST_PERIOD = timedelta(days=366)
_USUAL_PERIOD = timedelta(days=30)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionUsage:
    """One session. `revision` orders the snapshots it is made of; cost comes apart from them, when it was billed.

    `bill_revision` is that of the snapshot that billing went by when it told the cost, or that there is none any more,
    `bill_decisions` how many decisions of persons.
    """

    transaction_id: str
    driver_id: str | None
    id_tag: str
    charge_point_id: str
    station_id: str
    start_time: datetime | None
    end_time: datetime | None
    energy_wh: int
    revision: int
    amount_minor: int | None = None
    currency_code: str | None = None
    bill_revision: int = 0
    bill_decisions: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCost:
    """What a session cost by its bill, tax included; without an amount it has none (any more).

    Of what was told of one session the highest `bill_revision` counts, of one revision the most `bill_decisions` of
    persons, and of these a bill: it may be held before it is billed, and is never billed twice.
    """

    transaction_id: str
    bill_revision: int
    bill_decisions: int = 0
    driver_id: str | None = None
    amount_minor: int | None = None
    currency_code: str | None = None

    @property
    def rank(self) -> tuple[int, int, bool]:
        """What counts has the highest."""
        return self.bill_revision, self.bill_decisions, self.currency_code is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverUsage:
    """What a driver used over a period; `costs` in minor units by currency code."""

    driver_id: str
    session_count: int = 0
    energy_wh: int = 0
    duration_seconds: int = 0
    costs: dict[str, int] = field(default_factory=dict)
    sessions: Sequence[SessionUsage] = ()


def period(start: datetime | None, end: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """The period asked for, with its defaults. Raises: INVALID_FIELD."""
    end = end or now
    start = start or max(end, _EARLIEST + _USUAL_PERIOD) - _USUAL_PERIOD
    if start >= end:
        raise invalid("startTime", "must lie before endTime")
    if end - start > LONGEST_PERIOD:
        raise invalid("startTime", "must lie at most a year before endTime")
    return start, end


def summed(driver_id: str, ended: Sequence[SessionUsage], latest: Sequence[SessionUsage]) -> DriverUsage:
    """The sums over the sessions that ended in a period, with the `latest` sessions to show."""
    costs: defaultdict[str, int] = defaultdict(int)
    for session in ended:
        if session.currency_code is not None and session.amount_minor is not None:
            costs[session.currency_code] += session.amount_minor
    return DriverUsage(
        driver_id=driver_id,
        session_count=len(ended),
        energy_wh=sum(session.energy_wh for session in ended),
        duration_seconds=sum(_seconds(session) for session in ended),
        costs=dict(costs),
        sessions=latest,
    )


def _seconds(session: SessionUsage) -> int:
    if session.start_time is None or session.end_time is None:
        return 0
    return max(0, int((session.end_time - session.start_time).total_seconds()))
