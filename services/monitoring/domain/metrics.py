"""Metrics of stations: what each event adds to the minute it belongs to, and how minutes make up steps.

Whatever the order and repetition of snapshots, the minutes hold in the end what the newest snapshot says.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.kernel.validation import Violations
from services.monitoring.domain.transaction import Transaction, TransactionState

BUCKET = timedelta(minutes=1)
MOST_STEPS = 1500
_LONGEST_WINDOW = timedelta(days=90)
_LONGEST_STEP = timedelta(days=30)
_USUAL_WINDOW = timedelta(hours=24)
_USUAL_STEP = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BucketKey = tuple[str, datetime]
"""A station and the start of a minute."""


class Metrics(NamedTuple):
    """What happened at a station in some time, or what one event adds to it. Energy in Wh, power in W."""

    energy_wh: int = 0
    max_power_w: int = 0
    started_transaction_count: int = 0
    ended_transaction_count: int = 0
    fault_count: int = 0
    disconnect_count: int = 0


class MetricChange(NamedTuple):
    """What to add to the minute `time` of a station; of power the greater stays."""

    station_id: str
    time: datetime
    metrics: Metrics


_STARTED, _ENDED = Metrics(started_transaction_count=1), Metrics(ended_transaction_count=1)
_TAKEN_BACK = {_STARTED: Metrics(started_transaction_count=-1), _ENDED: Metrics(ended_transaction_count=-1)}


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """The metrics of one step, with its start."""

    time: datetime
    metrics: Metrics


@dataclass(frozen=True, slots=True)
class Window:
    """A window of time cut into `count` steps; the last one may be shorter."""

    start: datetime
    end: datetime
    step: timedelta

    @property
    def count(self) -> int:
        """Number of steps."""
        return -((self.start - self.end) // self.step)

    def filled(self, known: dict[int, Metrics]) -> list[MetricPoint]:
        """A point for each step: what is known by its position, and zeros elsewhere."""
        nothing = Metrics()
        return [
            MetricPoint(self.start + position * self.step, known.get(position, nothing))
            for position in range(self.count)
        ]


def bucket_of(time: datetime) -> datetime:
    """The start of the minute that `time` lies in."""
    return time.astimezone(UTC).replace(second=0, microsecond=0)


def window_of(length: timedelta | None, step: timedelta | None, end: datetime | None, now: datetime) -> Window:
    """The window asked for, with its defaults, in whole minutes. Raises: INVALID_FIELD."""
    length = _USUAL_WINDOW if length is None else length
    step = _USUAL_STEP if step is None else step
    violations = Violations()
    violations.check(BUCKET <= length <= _LONGEST_WINDOW, "window", "must be 1 minute to 90 days")
    violations.check(BUCKET <= step <= _LONGEST_STEP, "step", "must be 1 minute to 30 days")
    violations.check(length <= MOST_STEPS * max(step, BUCKET), "step", f"gives more than {MOST_STEPS} steps")
    earliest = _EPOCH + _LONGEST_WINDOW
    latest = now + timedelta(days=366)
    violations.check(end is None or earliest <= end <= latest, "endTime", "must lie between 1970 and a year from now")
    violations.raise_if_any()
    # The minute under way belongs to the window.
    end = bucket_of((end or now) + BUCKET - timedelta(microseconds=1))
    return Window(end - length, end, step)


def transaction_changes(before: Transaction | None, after: Transaction) -> tuple[Transaction, list[MetricChange]]:
    """What a new snapshot changes in the metrics, and the transaction with that noted.

    `after` is what `transaction.followed` made of `before`.
    """
    was = [] if before is None else list(_counted(before))
    now = list(_counted(after))
    added = [one for one in now if one not in was]
    added += [one._replace(metrics=_TAKEN_BACK[one.metrics]) for one in was if one not in now]
    more_wh = after.energy_wh - after.metered_wh
    # While it runs, readings may be ahead of the snapshot; the end has the last word, or that nothing is left of it.
    is_open = after.stop_time is None and after.state is not TransactionState.MERGED
    if after.station_id is None or more_wh == 0 or (more_wh < 0 and is_open):
        return after, added
    time = bucket_of(after.stop_time or after.update_time)
    added.append(MetricChange(station_id=after.station_id, time=time, metrics=Metrics(energy_wh=more_wh)))
    return after._replace(metered_wh=after.energy_wh), added


def merged(changes: Iterable[MetricChange]) -> list[MetricChange]:
    """The same with one change per minute and station, in their order: what is locked in one order cannot deadlock."""
    sums: dict[BucketKey, Metrics] = {}
    for change in changes:
        key = change.station_id, change.time
        sums[key] = plus(sums[key], change.metrics) if key in sums else change.metrics
    return [
        MetricChange(station_id=station_id, time=time, metrics=metrics)
        for (station_id, time), metrics in sorted(sums.items(), key=lambda item: item[0])
    ]


def plus(one: Metrics, other: Metrics) -> Metrics:
    """Both together."""
    return Metrics(
        energy_wh=one.energy_wh + other.energy_wh,
        max_power_w=max(one.max_power_w, other.max_power_w),
        started_transaction_count=one.started_transaction_count + other.started_transaction_count,
        ended_transaction_count=one.ended_transaction_count + other.ended_transaction_count,
        fault_count=one.fault_count + other.fault_count,
        disconnect_count=one.disconnect_count + other.disconnect_count,
    )


def _counted(transaction: Transaction) -> Iterator[MetricChange]:
    """The minutes that a transaction counts in, and as what."""
    if transaction.station_id is None:
        return
    if transaction.start_time is not None:
        yield MetricChange(transaction.station_id, bucket_of(transaction.start_time), _STARTED)
    if transaction.stop_time is not None:
        yield MetricChange(transaction.station_id, bucket_of(transaction.stop_time), _ENDED)
