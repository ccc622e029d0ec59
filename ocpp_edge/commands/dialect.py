"""Commands as the versions translate them: what each of their tables holds, and what they have in common. Pure."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple

from ocpp_edge.rpc.frames import Payload

# Action and payload of the call that carries a command.
Asked = tuple[str, Payload]
# From what can be read of an answer: whether the charge point took the command, and its status in its own words; empty
# where it does not say.
Reply = Callable[[Payload], tuple[bool, str]]


class Dialect(NamedTuple):
    """One kind of command in one version.

    `ask` takes the field of csms.transaction.v1.CommandBody and the id of the command's record; it raises DomainError
    for what cannot be said: INVALID_FIELD, NOT_SUPPORTED_BY_CHARGE_POINT. `otherwise` says it in the only other way
    there is, for a charge point that does not take the first; None where there is none.
    """

    ask: Callable[[Any, str], Asked]
    reply: Reply
    otherwise: Callable[[Any], Asked | None] | None = None


def told_by_status(*good: str) -> Reply:
    """The reply of an answer with a `status`, which is one of `good` when the command was taken."""

    def reply(answer: Payload) -> tuple[bool, str]:
        status = answer.get("status", "")
        return status in good, status

    return reply


def no_status(_answer: Payload) -> tuple[bool, str]:
    """The reply of an answer that has none: to be answered is to be taken."""
    return True, ""


def number_of(command_id: str) -> int:
    """The number by which a station reports what a command brought about, the session that it started or the report
    that it asked for; the same at every delivery."""
    return int.from_bytes(blake2b(command_id.encode(), digest_size=4).digest()) >> 1
