"""What the platform may make of each lie, by its promises as seen from outside: flags, times, reasons to hold. Pure.

A lie without a reason to hold is seen through: its sessions are billed for what they took.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum


class Times(IntEnum):
    """What can be known of when something happened; of several lies the greatest holds."""

    # Just what was so.
    TRUE = 0
    # What was told: nothing tells a clock that is behind from a message that waited.
    REPORTED = 1
    # Not before it happened, nor after it was heard.
    HEARD = 2
    # The same, or up to ten minutes before: what was told last before the power went is told first after it,
    # and taken for what the clock says now.
    RESTARTED = 3
    # What was told or, where that cannot be, as HEARD; an end may be put at its start.
    EITHER = 4
    # The same, or off by what the clock was wrong before.
    ADRIFT = 5


@dataclass(frozen=True)
class Rule:
    """What may become of a session with a lie. `flags` may be raised (`dropped:` stands for all that begin so), and one
    of those that are `shown` has to be. A bill may be held for one of `holds`, and has to be if it `is_held`."""

    flags: frozenset[str] = frozenset()
    shown: frozenset[str] = frozenset()
    times: Times = Times.TRUE
    holds: frozenset[str] = frozenset()
    is_held: bool = False

    def allows(self, flag: str) -> bool:
        """Whether a flag may be raised."""
        known = self.flags | self.shown
        return flag in known or f"{flag.partition(':')[0]}:" in known


def _rule(
    flags: str = "", *, shown: str = "", times: Times = Times.TRUE, holds: str = "", is_held: bool = False
) -> Rule:
    return Rule(frozenset(flags.split()), frozenset(shown.split()), times, frozenset(holds.split()), is_held)


_CLOCK = "clock_corrected"
# What came late in one queue is brought back to when it came, now by more and now by less.
_DISORDER = "stop_before_start outlier_reading reading_after_end"
_DOUBTS = "implausible_energy register_went_back"
_OFFSETS = "register_offset outlier_reading transaction_register mislabelled_unit"
_ENERGY = f"{_DOUBTS} {_OFFSETS}"
_LOST = "ended_by_boot not_ongoing ended_by_silence"
_WORDING = "dropped: coerced: unexpected_fields unknown_unit unreadable_value implausible_value unit_respelled"

RULES: Mapping[str, Rule] = {
    "clock-ahead": _rule(_DISORDER, shown=_CLOCK, times=Times.HEARD),
    "clock-behind": _rule(times=Times.REPORTED),
    "clock-without-zone": _rule(shown="time_without_zone"),
    "clock-local-time": _rule(f"{_CLOCK} {_DISORDER}", shown="time_without_zone", times=Times.HEARD),
    "clock-1970": _rule(_DISORDER, shown=f"{_CLOCK} time_implausible", times=Times.RESTARTED),
    "clock-jumps": _rule(f"{_CLOCK} {_DISORDER}", times=Times.ADRIFT),
    "stray-stamps": _rule(f"{_CLOCK} time_implausible time_unreadable time_missing {_DISORDER}", times=Times.EITHER),
    "no-stamps": _rule(f"time_missing coerced: {_DISORDER}", times=Times.HEARD),
    "session-register": _rule("transaction_register"),
    "mixed-registers": _rule("transaction_register"),
    "start-and-stop-of-session": _rule(_ENERGY, holds=_DOUBTS),
    "start-from-zero": _rule(_ENERGY, shown=f"{_DOUBTS} no_register", holds=f"{_DOUBTS} no_register", is_held=True),
    "begin-beside-periodic": _rule(),
    "wrong-unit": _rule("mislabelled_unit"),
    "no-registers": _rule("dropped: coerced:", shown="no_register", holds="no_register", is_held=True),
    "no-stop-register": _rule("dropped: coerced:"),
    "broken-parts": _rule(f"{_WORDING} outlier_reading"),
    "doubles": _rule("coerced:"),
    "bad-characters": _rule(f"bad_characters {_WORDING}"),
    "forgets": _rule(_LOST, shown="estimated_end"),
    "denies": _rule(_LOST, shown="estimated_end"),
    "goes-silent": _rule(_LOST, shown="estimated_end"),
    "stray-readings": _rule("reading_after_end"),
    "insists": _rule(),
}

# What two lies come to together is more than each.
_TOGETHER: Mapping[frozenset[str], Rule] = {
    # Where its times are in doubt, readings of after it may be of within.
    **{
        frozenset({"stray-readings", clock}): _rule(_ENERGY, holds=_DOUBTS)
        for clock in ("clock-ahead", "clock-local-time", "clock-1970", "clock-jumps", "stray-stamps", "no-stamps")
    },
    frozenset({"wrong-unit", "no-stop-register"}): _rule(_ENERGY, holds=_DOUBTS),
    # A reading under the number of one that is over has what the next one has taken so far.
    **{
        frozenset({"stray-readings", register}): _rule("outlier_reading transaction_register")
        for register in ("session-register", "mixed-registers")
    },
}


# What registers come to that are told in odd ways, when the one at an end is not there to be compared with them.
_REGISTERS = frozenset(
    "session-register mixed-registers start-and-stop-of-session begin-beside-periodic wrong-unit".split()
)
_INCOMPARABLE = _rule(f"{_ENERGY} no_register", holds=f"{_DOUBTS} no_register")


def rule_of(lies: Iterable[str], *, lacks_register: bool = False) -> Rule:
    """What may become of a session with all these lies, of which the start or the end may lack its register."""
    names = frozenset(lies)
    rules = [RULES[name] for name in names]
    if lacks_register and names & _REGISTERS:
        rules.append(_INCOMPARABLE)
    rules += [rule for together, rule in _TOGETHER.items() if together <= names]
    return Rule(
        flags=frozenset().union(*(rule.flags | rule.shown for rule in rules)),
        # With others it may not come to show.
        shown=rules[0].shown if len(rules) == 1 else frozenset(),
        times=max((rule.times for rule in rules), default=Times.TRUE),
        holds=frozenset().union(*(rule.holds for rule in rules)),
        is_held=any(rule.is_held for rule in rules),
    )
