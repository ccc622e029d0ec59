"""Numbers out of payloads, within the bounds that the platform can hold. The schemas of OCPP set none."""

from typing import Any

from ocpp_edge.errors import CallRefused, Fault
from ocpp_edge.frames import Payload

_INT32_MAX = 2**31 - 1
_INT64_MAX = 2**63 - 1


def number_at(payload: Payload, name: str) -> int:
    """An EVSE or connector number; 0 when it is not told. Raises CallRefused for a negative or huge one."""
    value = payload.get(name, 0)
    if not 0 <= value <= _INT32_MAX:
        raise CallRefused(Fault.PROPERTY, f"{name}: must be between 0 and {_INT32_MAX}")
    return int(value)


def place_at(payload: Payload, name: str) -> tuple[int, frozenset[str]]:
    """The same number for readings, with the doubts about it: one that cannot be counts as not told.

    Whatever is odd about readings, they are answered (OCPP 1.6 section 4.7): refused, they would be sent again and
    again, and be lost in the end.
    """
    value = payload.get(name, 0)
    if 0 <= value <= _INT32_MAX:
        return int(value), frozenset()
    return 0, frozenset({f"coerced:{name}"})


def integer_at(payload: Payload, name: str) -> int | None:
    """Any whole number; None when it is not told. Raises CallRefused for one beyond 64 bits."""
    value: Any = payload.get(name)
    if value is not None and not -_INT64_MAX <= value <= _INT64_MAX:
        raise CallRefused(Fault.PROPERTY, f"{name}: must fit 64 bits")
    return value if value is None else int(value)
