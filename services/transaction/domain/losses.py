"""Losses: when it was noticed that charge points no longer know a transaction, as text that is kept beside it. Pure."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.transaction.domain.fact import Fact, moment_of, moment_time

# All are kept, because what is told late may leave any of them over; but for a charge point that boots every night.
_MOST = 16
_MOMENT = 16


class Cause(StrEnum):
    """From what it was concluded that a transaction is over (see evidence.py); also its flag."""

    BOOT = "ended_by_boot"
    NOT_ONGOING = "not_ongoing"
    SILENCE = "ended_by_silence"


class Loss(NamedTuple):
    """That a charge point no longer knows a transaction: when that was noticed first and last, and from what first."""

    first_time: datetime
    last_time: datetime
    cause: Cause


def with_loss(losses: Sequence[str], fact: Fact) -> tuple[str, ...]:
    """`losses`, and that which `fact` tells of: of more than can be kept the first ones, and the last."""
    known = sorted({*losses, f"{moment_of(fact.event.corrected_time)}{fact.event.trigger_reason}"})
    return tuple(known if len(known) <= _MOST else [*known[: _MOST - 1], known[-1]])


def not_before(losses: Sequence[str], time: datetime) -> tuple[str, ...]:
    """Those that were noticed then or later."""
    since = moment_of(time)
    return tuple(one for one in losses if one >= since)


def loss_before(losses: Sequence[str], time: datetime | None) -> Loss | None:
    """What those come to that were noticed before then, if that is a time; None without any."""
    until = None if time is None else moment_of(time)
    noticed = [one for one in losses if until is None or one < until]
    if not noticed:
        return None
    return Loss(moment_time(noticed[0]), moment_time(noticed[-1]), Cause(noticed[0][_MOMENT:]))
