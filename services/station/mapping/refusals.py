"""Refused handshakes: what the edge tells of them, and what operators see."""

from collections.abc import Iterable

from csms.station.v1 import charge_point_service_pb2 as service_pb
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import refusal_pb2 as refusal_pb
from services.kernel.clock import Clock
from services.kernel.errors import invalid
from services.kernel.refusal import Rule
from services.kernel.validation import search_text
from services.rpc.protobuf import enum_of, time_of, timestamp
from services.station.domain.refusal import ADVICE, Refusal, UnknownFilter

_RULES = frozenset(refusal_pb.Refusal.Rule.values())
# The edge cuts what it tells; this is what is kept whoever tells it.
_LONGEST_TEXT, _LONGEST_OFFER, _MOST_OFFERS = 300, 40, 10


def refused(messages: Iterable[connectivity_pb.RefusedHandshakes], clock: Clock) -> list[Refusal]:
    """What the edge tells, each of one rule, identity and address. Raises: INVALID_FIELD.

    Those by a rule that only a newer edge knows are left out: there would be nothing to tell of them.
    """
    return [_refused(message, clock) for message in messages if message.rule in _RULES]


def _refused(message: connectivity_pb.RefusedHandshakes, clock: Clock) -> Refusal:
    rule = rule_of(message.rule)
    if rule is None:
        raise invalid("refusals.rule", "must be said")
    last_time = time_of(message, "last_time") or clock.now()
    return Refusal(
        identity=_kept(message.identity),
        rule=rule,
        remote_address=_kept(message.remote_address),
        detail=_kept(message.detail),
        offered_protocols=tuple(
            name.replace(",", "")[:_LONGEST_OFFER] for name in message.offered_protocols[:_MOST_OFFERS]
        ),
        path=_kept(message.path),
        count=max(message.count, 1),
        guess_count=max(message.guess_count, 0),
        first_time=time_of(message, "first_time") or last_time,
        last_time=last_time,
    )


def rule_of(number: int) -> Rule | None:
    """A rule as the contract numbers it; None for none."""
    return enum_of(Rule, refusal_pb.Refusal.Rule, number)


def unknown_filter(request: service_pb.ListUnknownChargePointsRequest) -> UnknownFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    return UnknownFilter(text=search_text(request.text), rule=rule_of(request.rule))


def refusal_to_proto(refusal: Refusal) -> refusal_pb.Refusal:
    """The resource as callers see it."""
    return refusal_pb.Refusal(
        identity=refusal.identity,
        rule=refusal_pb.Refusal.Rule.Value(refusal.rule),
        advice=ADVICE[refusal.rule],
        detail=refusal.detail,
        remote_address=refusal.remote_address,
        offered_protocols=refusal.offered_protocols,
        path=refusal.path,
        count=refusal.count,
        guess_count=refusal.guess_count,
        first_time=timestamp(refusal.first_time),
        last_time=timestamp(refusal.last_time),
    )


def _kept(text: str) -> str:
    return text[:_LONGEST_TEXT].replace("\0", "")
