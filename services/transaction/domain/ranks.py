"""Ranks: which of several facts decides a part of a transaction, as text that is compared, with what it decides in it.

Of starts, ends and tokens the least wins, of charging states the greatest. Pure.
"""

from datetime import datetime

from services.transaction.domain.fact import (
    KEY_TAIL,
    Authorization,
    EventKind,
    Fact,
    moment,
    moment_time,
    sequence,
)

# What the rank of an end begins with: told with a time, told without one, decided by an operator, concluded from the
# start of the transaction that took its place.
REPORTED, UNDATED, DECIDED, ESTIMATE = "1", "2", "5", "9"
BY_CHARGE_POINT = frozenset({REPORTED, UNDATED})
# Flag of the end that an operator has decided.
ENDED_BY_OPERATOR = "ended_by_operator"
_MOMENT = 16


def stop_rank(fact: Fact) -> str:
    """The rank of an end: the last that the charge point told or, for want of one, the first that it told without a
    time, which are told at any time; else the first that an operator decided, else the first that was estimated."""
    if fact.estimated:
        return f"{ESTIMATE}{moment(fact)}"
    if ENDED_BY_OPERATOR in fact.event.flags:
        return f"{DECIDED}{moment(fact)}"
    if not fact.event.is_dated:
        return f"{UNDATED}{moment(fact)}"
    return f"{REPORTED}{_reversed(f'{sequence(fact)}{moment(fact)}')}"


def time_of_stop(rank: str) -> datetime:
    """The time of the end with this rank."""
    return moment_time(_reversed(rank[9:]) if rank.startswith(REPORTED) else rank[1:])


def is_concluded(rank: str) -> bool:
    """Whether nobody has told the end that has this rank, or there is none."""
    return not rank or rank.startswith(ESTIMATE)


def is_end_of_key(rank: str, key: str) -> bool:
    """Whether a dated end that was told has this rank and this key."""
    return rank.startswith(REPORTED) and _reversed(rank[-KEY_TAIL:]) == key[-KEY_TAIL:]


def token_rank(fact: Fact) -> str:
    """The rank of a token: the first good one, or the first refused one; that of an end only for want of both."""
    is_end, is_refused = fact.event.kind is EventKind.ENDED, fact.authorization is not Authorization.ACCEPTED
    return f"{2 * is_end + is_refused}{moment(fact)}"


def charging_rank(fact: Fact) -> str:
    """The rank of a charging state."""
    return f"{moment(fact)[:_MOMENT]}{sequence(fact)}{moment(fact)[_MOMENT:]}"


def _reversed(hexadecimal: str) -> str:
    """Orders the other way round, digit by digit."""
    return hexadecimal.translate(_OPPOSITE)


_OPPOSITE = str.maketrans("0123456789abcdef", "fedcba9876543210")
