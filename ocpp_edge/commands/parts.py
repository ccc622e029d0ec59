"""One command as the calls that carry it: charge points say how much they take in a call. Pure.

OCPP 2.0.1 part 2, B05, B06, B08: ItemsPerMessage and BytesPerMessage; OCPP 1.6 section 5.8: GetConfigurationMaxKeys.
Also what the answers to several calls say together.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from csms.edge.v1.edge_service_pb2 import DeliverCommandResponse
from csms.station.v1.device_variable_pb2 import DeviceVariable
from csms.transaction.v1.command_pb2 import CommandCall
from csms.transaction.v1.command_result_pb2 import CommandResult, StatusResult
from ocpp_edge.commands.dialect import Asked
from ocpp_edge.facts.structs import payload_of, struct_of
from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.frames import MAX_FRAME_BYTES, Payload, encode_call
from services.kernel.errors import DomainError, invalid
from services.kernel.ids import new_id, request_number
from services.kernel.quirks.asking import MANY_AT_ONCE


class Limits(NamedTuple):
    """What a charge point takes in one call; None is as many as there are. `is_assumed`: it has not said how many."""

    items: int | None = None
    size_bytes: int | None = None
    is_assumed: bool = False

    def unless_forgiven(self, forgives: Forgiving) -> "Limits":
        """The same; for one that an operator says takes many, as many as there are."""
        return self._replace(items=None) if self.is_assumed and forgives(MANY_AT_ONCE) else self


# One that does not say how much it takes surely takes one: slower, and never too much.
UNREPORTED = Limits(items=1, is_assumed=True)


class Divisible(NamedTuple):
    """The calls of a version that are about a list of things, and how a charge point limits them.

    `lists` has, by action, the name of the list in the payload and what each of its entries is called; `component_of`
    an action and `text` find the variables that tell the limits, and `limits` reads them for an action. With
    `counts_bytes` a single thing may be too much as well.
    """

    lists: Mapping[str, tuple[str, Callable[[Any], str]]]
    component_of: Callable[[str], str]
    text: str
    limits: Callable[[str, Sequence[DeviceVariable]], Limits]
    counts_bytes: bool = False

    def is_limited(self, asked: Asked) -> bool:
        """Whether it may be too much for one call."""
        return len(self._items(asked)) > (0 if self.counts_bytes else 1)

    def keys(self, asked: Asked) -> list[str]:
        """What a call is about, as callers write it."""
        action, payload = asked
        if action not in self.lists:
            return [payload["key"]] if isinstance(payload.get("key"), str) else []
        name, key_of = self.lists[action]
        return [key_of(item) for item in payload.get(name, ())]

    def parts(self, asked: Asked, limits: Limits, command_id: str, item: str) -> list[Asked]:
        """The calls that say the same, each within the limits. Reports of several calls have numbers of their own.

        Raises: INVALID_FIELD for one thing that is too long for any call; `item` is what it is called, `{}` for which.
        """
        action, payload = asked
        name, _ = self.lists[action]
        made: list[Asked] = []
        frame_bytes = len(encode_call(new_id(), action, {**payload, name: []}))
        for items in _portions(self._items(asked), limits, frame_bytes, item):
            part = {**payload, name: items}
            if made and "requestId" in part:
                part["requestId"] = request_number(f"{command_id}/{len(made)}")
            made.append((action, part))
        return made

    def _items(self, asked: Asked) -> list[Any]:
        action, payload = asked
        return payload.get(self.lists[action][0], []) if action in self.lists else []


def limit_of(variable: DeviceVariable) -> int | None:
    """The number that a variable says; None for one that is no limit."""
    text = variable.value.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0 else None


def joined(responses: Sequence[DeliverCommandResponse], calls: Sequence[CommandCall]) -> DeliverCommandResponse:
    """What the answers to several calls say together: all of what was read, and of statuses the one that says no."""
    telling = min(responses, key=lambda one: (one.accepted, one.result.status.status == StatusResult.EMPTY))
    error = calls[-1].error
    whole = DeliverCommandResponse(
        accepted=telling.accepted and not error,
        status=telling.status,
        answer=struct_of(_merged([payload_of(one.answer) for one in responses])),
        flags=list(dict.fromkeys(flag for one in responses for flag in one.flags)),
        result=telling.result,
        calls=calls,
        error=error,
    )
    kind = telling.result.WhichOneof("result")
    if kind != "status":
        whole.result.CopyFrom(_all_of([one.result for one in responses]))
    return whole


def call_made(asked: Asked, keys: Sequence[str], answer: DeliverCommandResponse | DomainError) -> CommandCall:
    """The record of one of several calls."""
    call = CommandCall(action=asked[0], keys=keys)
    if isinstance(answer, DomainError):
        call.error = f"{answer.reason}: {answer.message}"
    else:
        call.answer.CopyFrom(answer.answer)
        call.answer_flags.extend(answer.flags)
    return call


def note_unanswered(result: CommandResult, keys: Sequence[str]) -> None:
    """Of the keys that were asked about, note those of which nothing is known."""
    kind = result.WhichOneof("result")
    reported = getattr(result, kind) if kind else None
    if reported is not None and "unanswered_keys" in reported.DESCRIPTOR.fields_by_name:
        reported.unanswered_keys.extend(keys)


def _portions(items: Sequence[Any], limits: Limits, frame_bytes: int, called: str) -> Iterator[list[Any]]:
    """`items` in portions that keep the limits; a message with none of them has `frame_bytes`: all ids of ours are as
    long as each other."""
    portion: list[Any] = []
    most_bytes = limits.size_bytes if limits.size_bytes is not None else MAX_FRAME_BYTES
    size = frame_bytes
    for position, item in enumerate(items):
        added = len(orjson.dumps(item)) + 1
        if portion and (len(portion) == limits.items or size + added - 1 > most_bytes):
            yield portion
            portion, size = [], frame_bytes
        # The last of a list has no comma behind it.
        if size + added - 1 > most_bytes:
            reported = " (BytesPerMessage)" if limits.size_bytes is not None else ""
            needs = f"needs a message of {size + added - 1} bytes; the charge point takes {most_bytes}{reported}"
            raise invalid(called.format(position), needs)
        portion.append(item)
        size += added
    if portion:
        yield portion


def _merged(answers: Sequence[Payload]) -> Payload:
    merged: Payload = {}
    for answer in answers:
        for name, value in answer.items():
            if isinstance(value, list) and isinstance(merged.get(name), list):
                merged[name].extend(value)
            else:
                merged[name] = value
    return merged


def _all_of(results: Sequence[CommandResult]) -> CommandResult:
    whole = CommandResult()
    for result in results:
        whole.MergeFrom(result)
    return whole
