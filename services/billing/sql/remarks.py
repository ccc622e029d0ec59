"""Remarks about charging sessions as JSON, in one column that is NULL for most sessions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.billing.domain.remarks import (
    NO_REMARKS,
    Correction,
    Decided,
    DecisionKind,
    Due,
    Facts,
    Note,
    Remarks,
)
from services.kernel.money import Money

Json = Mapping[str, Any]


# The name under which builds before 0.2.0 look for it.
_REPORTED = "told"


def remarks_to_json(remarks: Remarks) -> Json | None:
    """What is stored; times are left to the writer of JSON. None when there is nothing to say."""
    if remarks is NO_REMARKS or remarks == NO_REMARKS:
        return None
    correction, due, decision = remarks.correction, remarks.due, remarks.decision
    return {
        "hold_detail": remarks.hold_detail,
        "notes": [note._asdict() for note in remarks.notes],
        "due": due and {**due._asdict(), "facts": due.facts._asdict()},
        "correction": correction
        and {**correction._asdict(), "facts": correction.facts._asdict(), "cost": money_to_json(correction.cost)},
        "decision": decision and _decision_to_json(decision),
        "decision_count": remarks.decision_count,
        "flags": list(remarks.flags),
    }


def remarks_of(stored: Json | None) -> Remarks:
    """What was stored."""
    if stored is None:
        return NO_REMARKS
    return Remarks(
        hold_detail=stored["hold_detail"],
        notes=tuple(Note(**_timed(note, "create_time")) for note in stored["notes"]),
        due=_due(stored["due"]),
        correction=_correction(stored["correction"]),
        decision=_decision(stored["decision"]),
        decision_count=stored["decision_count"],
        flags=tuple(stored.get("flags", ())),
    )


def _due(stored: Json | None) -> Due | None:
    return None if stored is None else Due(**{**stored, "facts": _facts(stored["facts"])})


def _correction(stored: Json | None) -> Correction | None:
    if stored is None:
        return None
    changed = {"facts": _facts(stored["facts"]), "cost": money_of_json(stored["cost"])}
    return Correction(**{**_timed(stored, "create_time"), **changed})


def _decision(stored: Json | None) -> Decided | None:
    if stored is None:
        return None
    fields = _timed(stored, "create_time")
    reported = _facts(fields.pop(_REPORTED))
    return Decided(**{**fields, "kind": DecisionKind(stored["kind"]), "reported": reported})


def _decision_to_json(decision: Decided) -> Json:
    fields = decision._asdict()
    reported = fields.pop("reported")
    return {**fields, _REPORTED: reported._asdict()}


def _facts(stored: Json) -> Facts:
    return Facts(**_timed(stored, "start_time", "end_time"))


def money_to_json(money: Money | None) -> Json | None:
    return None if money is None else {"currency_code": money.currency_code, "minor_units": money.minor_units}


def money_of_json(stored: Json | None) -> Money | None:
    """An amount of money."""
    return None if stored is None else Money(**stored)


def _timed(stored: Json, *names: str) -> dict[str, Any]:
    """`stored` with the times of these names."""
    return {**stored, **{name: stored[name] and datetime.fromisoformat(stored[name]) for name in names}}
