"""Clocks that are wrong: what a charge point stamps, given what is true.

Each is a function of the true time, so that a message which is told again bears the stamp that it bore.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from simulator.clock import stamp
from simulator.lies.message import Change, Message, objects

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEADY = timedelta()
# Where a clock that jumps may be, and how long it stays there on the average.
_JUMPS = (timedelta(minutes=75), _STEADY, timedelta(hours=-1), _STEADY)
_MEAN_SECONDS_BETWEEN_JUMPS = 40.0
_STRAYS = 0.15
_UNSTAMPED = 0.6
_STAMPS = ("timestamp", "generatedAt")

Restamp = Callable[[datetime], str]


def ahead(rng: random.Random) -> Change:
    """The clock is an hour or two ahead."""
    offset = timedelta(hours=rng.choice((1, 2)), seconds=rng.uniform(-90, 90))
    return _restamping(lambda time: stamp(time + offset))


def behind(rng: random.Random) -> Change:
    """The clock is an hour behind."""
    offset = timedelta(hours=1, seconds=rng.uniform(-90, 90))
    return _restamping(lambda time: stamp(time - offset))


def without_zone(_: random.Random) -> Change:
    """Stamps do not say that they are UTC."""
    return _restamping(lambda time: stamp(time).removesuffix("Z"))


def local_time(rng: random.Random) -> Change:
    """Stamps are in the local time of a place one or two hours ahead, and do not say so."""
    offset = timedelta(hours=rng.choice((1, 2)))
    return _restamping(lambda time: stamp(time + offset).removesuffix("Z"))


def since_power_up(power_ups: Sequence[datetime]) -> Change:
    """The clock begins with 1970 each time that power comes; `power_ups` grows, in order."""

    def restamp(time: datetime) -> str:
        last = power_ups[max(bisect_right(power_ups, time) - 1, 0)]
        return stamp(_EPOCH + max(time - last, _STEADY))

    return _restamping(restamp)


def jumping(rng: random.Random, begin: datetime) -> Change:
    """The clock is set while vehicles charge: ahead, right, an hour behind."""
    jumps: list[datetime] = [begin]

    def restamp(time: datetime) -> str:
        while jumps[-1] <= time:
            jumps.append(jumps[-1] + timedelta(seconds=rng.expovariate(1 / _MEAN_SECONDS_BETWEEN_JUMPS)))
        return stamp(time + _JUMPS[bisect_right(jumps, time) % len(_JUMPS)])

    return _restamping(restamp)


def stray_stamps(_: random.Random) -> Change:
    """One stamp here and there is far from all others, or none."""

    def change(message: Message) -> bool:
        held = [one for one in objects(message.payload) if isinstance(one.get("timestamp"), str)]
        if not held or message.rng.random() >= _STRAYS:
            return False
        one = message.rng.choice(held)
        true = datetime.fromisoformat(one["timestamp"])
        far = (timedelta(hours=2, minutes=5), timedelta(days=3), timedelta(days=-40 * 365), timedelta(days=10 * 365))
        others = ("0000-00-00T00:00:00Z", "yesterday", "")
        one["timestamp"] = message.rng.choice((*(stamp(true + offset) for offset in far), *others))
        return True

    return change


def no_stamps(_: random.Random) -> Change:
    """Most messages of sessions bear no stamp."""

    def change(message: Message) -> bool:
        if not message.is_of_session or message.rng.random() >= _UNSTAMPED:
            return False
        for holder in objects(message.payload):
            holder.pop("timestamp", None)
        return True

    return change


def _restamping(restamp: Restamp) -> Change:
    def change(message: Message) -> bool:
        is_changed = False
        for holder in objects(message.payload):
            for name in _STAMPS:
                if isinstance(holder.get(name), str):
                    holder[name] = restamp(datetime.fromisoformat(holder[name]))
                    is_changed = True
        return is_changed

    return change
