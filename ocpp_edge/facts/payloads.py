"""Values out of payloads, within the bounds that the platform can hold. The schemas of OCPP set none.

A number out of bounds counts as not told: whatever is odd about a message, what else it says is taken.
"""

from collections.abc import Sequence

import orjson

from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.leniency.rules import LONGEST_KEPT
from ocpp_edge.rpc.errors import CallRefused, Fault
from ocpp_edge.rpc.frames import Payload

_INT32_MAX = 2**31 - 1
_INT64 = range(-(2**63), 2**63)
# The station service makes no connectors beyond; a session may be anywhere.
_GREATEST_CONNECTOR = 1000


def number_at(
    payload: Payload, name: str, context: ChargerContext, parent: str = "", greatest: int = _INT32_MAX
) -> int:
    """An EVSE or connector number; 0 when it is not told."""
    value: int = payload.get(name, 0)
    if 0 <= value <= greatest:
        return value
    context.pass_over(f"{parent}{name}", value)
    return 0


def connector_at(payload: Payload, name: str, context: ChargerContext) -> int:
    """An EVSE or connector number whose status can be kept; 0 when it is not told."""
    return number_at(payload, name, context, greatest=_GREATEST_CONNECTOR)


def integer_at(payload: Payload, name: str, context: ChargerContext, parent: str = "") -> int | None:
    """Any whole number; None when it is not told."""
    value: int | None = payload.get(name)
    if value is None or value in _INT64:
        return value
    context.pass_over(f"{parent}{name}", value)
    return None


def entries_at(payload: Payload, name: str, context: ChargerContext) -> Sequence[Payload]:
    """The list that a message is all about; empty when nothing of it could be read. Raises CallRefused without one."""
    entries: Sequence[Payload] | None = payload.get(name)
    if entries is None and not context.has_dropped(name):
        raise CallRefused(Fault.OCCURRENCE, f"{name}: is missing")
    return entries or ()


def stamps_of(entries: Sequence[Payload], name: str, context: ChargerContext) -> list[str]:
    """The stamps of the entries of the list `name`; where none of these could be read, those that they have all the
    same."""
    if not entries and context.dropped:
        lost = (value for path, value in context.dropped.items() if path.startswith(f"{name}["))
        stamps = (entry.get("timestamp") for entry in lost if isinstance(entry, dict))
        return [stamp for stamp in stamps if isinstance(stamp, str)]
    return [entry.get("timestamp", "") for entry in entries]


def word_at(payload: Payload, name: str, context: ChargerContext) -> str:
    """A word, or what stood in its place and could not be taken; empty when nothing is told."""
    word: str | None = payload.get(name)
    if word is None and context.dropped and context.dropped.get(name) is not None:
        return orjson.dumps(context.dropped[name]).decode()[:LONGEST_KEPT]
    return word or ""
