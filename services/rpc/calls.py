"""The call under way: which RPC, by whom, with what. For what depends on the whole of a request, such as repeats.

What a call means is not known here, and nothing is decided by it.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from google.protobuf.message import Message


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as its handler gets it: checked, and made to speak of the caller himself."""

    method: str
    """The full name of the RPC, `/package.Service/Method`."""
    subject: str
    """The account of the caller, with its tenant unless that is the default one; or `service:<name>`."""
    request: Message
    wants_json: bool = False
    """Whether it may be answered by JSON in place of a message; see `json_answers`."""


_call: ContextVar[Call] = ContextVar("call")


def current_call() -> Call:
    """The call that the current task handles. Raises LookupError outside of any."""
    return _call.get()


def wants_json() -> bool:
    """Whether the call that the current task handles, if it handles one, may be answered by JSON."""
    call = _call.get(None)
    return call is not None and call.wants_json


def set_call(call: Call) -> None:
    """Make `call` the one of the current task."""
    _call.set(call)
