"""Mends a payload that breaks its schema, as far as the table of leniency.py goes.

Pure. Only asked when the strict check has failed; whatever is changed, dropped or let through is named.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, NamedTuple

import orjson

from ocpp_edge.frames import Payload
from ocpp_edge.leniency import ANY, TABLE, Remedy
from ocpp_edge.meter_values import decimal_of
from ocpp_edge.schemas import PayloadSchema, Violation

_MAX_VIOLATIONS = 2000
_MAX_ROUNDS = 8
_MAX_FLAGS = 8
_LONGEST_KEPT = 255


class Mended(NamedTuple):
    """A payload after mending. `flags` names what was forgiven; `violations` is what could not be."""

    payload: Payload
    flags: tuple[str, ...]
    violations: Sequence[Violation]


class _Unmendable(Exception):
    pass


def mend(schema: PayloadSchema, action: str, payload: Payload) -> Mended:
    """Forgive what the table forgives. `payload` itself stays as it is."""
    mended: Payload = orjson.loads(orjson.dumps(payload))
    flags: dict[str, None] = {}
    for _ in range(_MAX_ROUNDS):
        violations = schema.violations(mended, at_most=_MAX_VIOLATIONS)
        if len(violations) >= _MAX_VIOLATIONS:
            return Mended(payload, (), violations)
        changed = False
        for violation in violations:
            try:
                changed |= _apply(violation, action, mended)
            except _Unmendable:
                return Mended(payload, (), [violation])
            flags[_flag(violation)] = None
        if not changed:
            return Mended(mended, tuple(flags)[:_MAX_FLAGS], ())
    return Mended(payload, (), violations)


def _apply(violation: Violation, action: str, payload: Payload) -> bool:
    """Do what the table says; whether that changed anything."""
    names = [step for step in (action, *violation.location) if isinstance(step, str)]
    remedies = TABLE.get(violation.keyword, {})
    keys = (".".join(names[-2:]), names[-1], ANY) if len(names) > 1 else ()
    remedy = next((remedies[key] for key in keys if key in remedies), None)
    if remedy is None:
        raise _Unmendable
    if remedy is Remedy.KEEP:
        return False
    *parents, last = violation.location
    holder: Any = payload
    for step in parents:
        holder = holder[step]
    if remedy is Remedy.DROP:
        last = violation.limit  # the whole name; the location has it cut
    if isinstance(holder, dict) and (remedy is Remedy.DROP or holder.get(last) is None):
        holder.pop(last, None)  # one that is wrong in two ways may be gone already
        return True
    value = holder[last]
    holder[last] = _REMEDIES[remedy](value, violation.limit)
    return bool(holder[last] is not value)


def _flag(violation: Violation) -> str:
    if violation.keyword == "additionalProperties":
        return "unexpected_fields"
    return "coerced:" + ".".join(step for step in violation.location if isinstance(step, str))


def _convert(value: Any, wanted: Sequence[str]) -> Any:
    for kind in wanted:
        converted = _CONVERSIONS[kind](value) if kind in _CONVERSIONS else None
        if converted is not None:
            return converted
    raise _Unmendable


def _round(value: Any, wanted: Sequence[str]) -> Any:
    number = _number(value)
    if number is None or "integer" not in wanted:
        raise _Unmendable
    return int(number.quantize(Decimal(1), ROUND_HALF_EVEN))


def _match(value: Any, allowed: Sequence[Any]) -> Any:
    if isinstance(value, str):
        alike = [one for one in allowed if isinstance(one, str) and _letters(one) == _letters(value)]
        if alike:
            return alike[0]
    raise _Unmendable


def _match_or_keep(value: Any, allowed: Sequence[Any]) -> Any:
    try:
        return _match(value, allowed)
    except _Unmendable:
        return _keep_short(value, allowed)


def _keep_short(value: Any, _limit: Any) -> Any:
    if isinstance(value, str) and len(value) <= _LONGEST_KEPT:
        return value
    raise _Unmendable


def _cut(value: str, longest: int) -> str:
    return value[:longest]


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum()).lower()


def _number(value: Any) -> Decimal | None:
    number = decimal_of(value)
    # Beyond 18 digits nothing is a reading or a number of anything.
    return number if number is not None and number.adjusted() < 18 else None


def _to_integer(value: Any) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == number.to_integral_value() else None


def _to_number(value: Any) -> int | float | None:
    number = _number(value)
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() else float(number)


def _to_text(value: Any) -> str | None:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _to_boolean(value: Any) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def _to_array(value: Any) -> list[Any] | None:
    return [value] if isinstance(value, dict) else None


_CONVERSIONS: Mapping[str, Callable[[Any], Any]] = {
    "integer": _to_integer,
    "number": _to_number,
    "string": _to_text,
    "boolean": _to_boolean,
    "array": _to_array,
}
_REMEDIES: Mapping[Remedy, Callable[[Any, Any], Any]] = {
    Remedy.CONVERT: _convert,
    Remedy.ROUND: _round,
    Remedy.CUT: _cut,
    Remedy.MATCH: _match,
    Remedy.MATCH_OR_KEEP: _match_or_keep,
    Remedy.KEEP_SHORT: _keep_short,
}
