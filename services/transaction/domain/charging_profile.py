"""What a charging profile must be to mean something (OCPP 1.6 section 7.8, OCPP 2.0.1 part 2, ChargingProfileType)."""

from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from services.kernel.validation import Violations

_KINDS, _RECURRENCES, _UNITS = ("ABSOLUTE", "RECURRING", "RELATIVE"), ("DAILY", "WEEKLY"), ("W", "A")
_MOST_SCHEDULES, _MOST_PERIODS = 3, 1024


def check_charging_profile(profile: Mapping[str, Any], place: str, violations: Violations) -> None:
    """Note what is wrong with the profile at `place` of a body."""
    kind, recurrence = profile.get("kind", "RELATIVE"), profile.get("recurrence")
    # A newer contract may have more; what they mean could not be told to a charge point.
    violations.check(kind in _KINDS, f"{place}.kind", f"must be one of {', '.join(_KINDS)}")
    violations.check(recurrence in (None, *_RECURRENCES), f"{place}.recurrence", "must be DAILY or WEEKLY")
    violations.check(
        (kind == "RECURRING") == (recurrence is not None),
        f"{place}.recurrence",
        "is needed for RECURRING, and not allowed for others",
    )
    since, until = (profile.get(name) for name in ("valid_from", "valid_to"))
    is_span = not since or not until or datetime.fromisoformat(since) < datetime.fromisoformat(until)
    violations.check(is_span, f"{place}.validTo", "must be after validFrom")
    schedules = profile.get("schedules", ())
    violations.check(1 <= len(schedules) <= _MOST_SCHEDULES, f"{place}.schedules", f"must be 1 to {_MOST_SCHEDULES}")
    for position, schedule in enumerate(schedules[:_MOST_SCHEDULES]):
        _check_schedule(schedule, f"{place}.schedules[{position}]", kind != "RELATIVE", violations)


def _check_schedule(schedule: Mapping[str, Any], place: str, has_start: bool, violations: Violations) -> None:
    violations.check(schedule.get("unit") in _UNITS, f"{place}.unit", "must be W or A")
    violations.check(
        ("start_time" in schedule) == has_start,
        f"{place}.startTime",
        "is needed for ABSOLUTE and RECURRING" if has_start else "is not allowed for RELATIVE",
    )
    periods = schedule.get("periods", ())
    violations.check(1 <= len(periods) <= _MOST_PERIODS, f"{place}.periods", f"must be 1 to {_MOST_PERIODS}")
    starts = [period.get("start_seconds", 0) for period in periods[:_MOST_PERIODS]]
    violations.check(not starts or starts[0] == 0, f"{place}.periods[0].startSeconds", "must be 0")
    for position, (before, after) in enumerate(pairwise(starts), 1):
        violations.check(before < after, f"{place}.periods[{position}].startSeconds", "must be after the one before")
    for position, period in enumerate(periods[:_MOST_PERIODS]):
        violations.check(
            "phase_to_use" not in period or period.get("phases") == 1,
            f"{place}.periods[{position}].phaseToUse",
            "is for one phase: phases must be 1",
        )
