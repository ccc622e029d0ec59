"""What is forgiven in the times that charge points tell."""

from services.kernel.quirks.quirk import Needed, Quirk

_STAMP = "OCPP 1.6 and 2.0.1, time notations: times are those of RFC 3339, with their zone"
_CLOCK = "OCPP 1.6 sections 4.2 and 4.6, OCPP 2.0.1 part 2 B01 and G02: the clock follows the one of the central system"
_UNDATED = "the time counts as unreadable: it happened when it was told"

LOOSE_TIME = Quirk(
    id="loose-time",
    forgives="A time that is written otherwise: other separators, a leap second, seconds or milliseconds since 1970.",
    clause=_STAMP,
    otherwise=_UNDATED,
)
TIME_WITHOUT_ZONE = Quirk(
    id="time-without-zone",
    forgives="A time without its zone: it counts as UTC.",
    clause=_STAMP,
    flag="time_without_zone",
    otherwise=_UNDATED,
)
CLOCK_CORRECTED = Quirk(
    id="clock-corrected",
    forgives="A clock that is wrong: its times are brought to ours as far as that is known.",
    clause=_CLOCK,
    flag="clock_corrected",
    otherwise="times count as they were told",
)
TIME_MISSING = Quirk(
    id="time-missing",
    forgives="No time where one is required: it happened when it was told.",
    clause=_STAMP,
    flag="time_missing",
    needed=Needed.SESSION_REFUSED,
    counted=False,
)
TIME_UNREADABLE = Quirk(
    id="time-unreadable",
    forgives="A text that is no time: it happened when it was told.",
    clause=_STAMP,
    flag="time_unreadable",
    needed=Needed.SESSION_REFUSED,
)
TIME_IMPLAUSIBLE = Quirk(
    id="time-implausible",
    forgives="A time that cannot be true, a day ahead or years old: it happened when it was told.",
    clause=_CLOCK,
    flag="time_implausible",
    needed=Needed.DATA_LOST,
)
