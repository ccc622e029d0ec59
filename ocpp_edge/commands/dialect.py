"""Commands as the versions translate them: what each of their tables holds, and what they have in common. Pure."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import Any, NamedTuple

from csms.transaction.v1.command_pb2 import CommandBody, TransferData
from csms.transaction.v1.command_result_pb2 import CommandResult
from ocpp_edge.backend.ports import Backend
from ocpp_edge.commands.results import Result, status_result
from ocpp_edge.effects import Effect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.rpc.frames import Payload

# Action and payload of the call that carries a command.
Asked = tuple[str, Payload]
# From what can be read of an answer: whether the charge point took the command, and its status in its own words; empty
# where it does not say.
Reply = Callable[[Payload], tuple[bool, str]]


# From what was asked for to the same with what is to be asked of the platform first.
Completed = Callable[[Any, ChargerContext, Backend], Awaitable[Any]]


class Dialect(NamedTuple):
    """One kind of command in one version.

    `ask` takes the field of csms.transaction.v1.CommandBody and the id of the command's record; it raises DomainError
    for what cannot be said: INVALID_FIELD, NOT_SUPPORTED_BY_CHARGE_POINT. `further` are the calls behind that one,
    where the version has none that carries all of it. `otherwise` says it in the only other way there is, for a charge
    point that does not take the first; None where there is none. `result` says what was answered in words that all
    versions have; `result_of_call` does so for answers that do not name what they are about. `item` is the field of the
    body that is one thing of its list, `{}` for which: what is wrong when that alone is too long for the charge point.
    `completed` is the body with what only the platform knows, and raises nothing where
    that is not to be had. `effects` says of each action that may carry it what comes of that.
    """

    ask: Callable[[Any, str], Asked]
    reply: Reply
    otherwise: Callable[[Any], Asked | None] | None = None
    result: Result = status_result
    result_of_call: Callable[[Payload, Payload], CommandResult] | None = None
    further: Callable[[Any], list[Asked]] | None = None
    item: str = "body"
    completed: Completed | None = None
    effects: Mapping[str, Effect] = MappingProxyType({})

    def calls(self, body: Any, command_id: str) -> list[Asked]:
        """The calls that carry a command, whatever the charge point takes in one."""
        first = self.ask(body, command_id)
        return [first] if self.further is None else [first, *self.further(body)]

    def result_of(self, asked: Payload, answer: Payload) -> CommandResult:
        """What an answer to a call says; secrets in both are masked."""
        return self.result(answer) if self.result_of_call is None else self.result_of_call(asked, answer)


def by_status(*good: str) -> Reply:
    """The reply of an answer with a `status`, which is one of `good` when the command was taken."""

    def reply(answer: Payload) -> tuple[bool, str]:
        status = answer.get("status", "")
        return status in good, status

    return reply


ACCEPTED: Reply = by_status("Accepted")


def data_transfer(body: TransferData, _command_id: str) -> Asked:
    """DataTransfer, which all versions word alike."""
    payload: Payload = {"vendorId": body.vendor_id}
    if body.message_id:
        payload["messageId"] = body.message_id
    if body.data:
        payload["data"] = body.data
    return "DataTransfer", payload


def no_status(_answer: Payload) -> tuple[bool, str]:
    """The reply of an answer that has none: to be answered is to be taken."""
    return True, ""


def discovered(package: str, path: Iterable[str]) -> Mapping[str, Dialect]:
    """The commands that a version has: each module in the folder of its `package` is called as a field of CommandBody
    and has a `COMMAND`. Raises TypeError for one that does not: the process shall not start without it."""
    found = {}
    for module in iter_modules(path):
        if module.name not in CommandBody.DESCRIPTOR.fields_by_name:
            raise TypeError(f"{package}.{module.name}: no such field in CommandBody")
        command = getattr(import_module(f"{package}.{module.name}"), "COMMAND", None)
        if not isinstance(command, Dialect):
            raise TypeError(f"{package}.{module.name}: has no COMMAND")
        found[module.name] = command
    return found
