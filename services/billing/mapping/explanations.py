"""How prices come about."""

from csms.billing.v1 import price_explanation_pb2 as explanation_pb
from services.billing.domain.charging_session import ChargingSession
from services.billing.domain.course import Reading
from services.billing.domain.pricing import ExplainedLine, ExplainedPart, Explanation
from services.billing.mapping.tariffs import line_to_proto, price_to_message
from services.rpc.protobuf import money_to_proto, timestamp


def explanation_to_proto(session: ChargingSession, explanation: Explanation) -> explanation_pb.PriceExplanation:
    """The price of a session and how it comes about, as callers see it."""
    return explanation_pb.PriceExplanation(
        charging_session_id=session.id,
        driver_id=session.driver_id or "",
        price=price_to_message(explanation.price),
        cost=None if session.cost is None else money_to_proto(session.cost),
        lines=map(_line, explanation.lines),
        time_zone=explanation.time_zone,
        reading_count=explanation.reading_count,
    )


def _line(explained: ExplainedLine) -> explanation_pb.ExplainedLine:
    return explanation_pb.ExplainedLine(
        line=line_to_proto(explained.line),
        parts=map(_part, explained.parts),
        part_count=explained.part_count,
        step_size=explained.step_size,
        step_added=f"{explained.step_added:f}",
        exact_amount=f"{explained.exact_amount:f}",
    )


def _part(part: ExplainedPart) -> explanation_pb.ExplainedPart:
    return explanation_pb.ExplainedPart(
        begin_time=timestamp(part.begin),
        end_time=timestamp(part.end),
        component=part.component,
        quantity=f"{part.quantity:f}",
        readings=map(_reading, part.readings),
    )


def _reading(reading: Reading) -> explanation_pb.ExplainedReading:
    return explanation_pb.ExplainedReading(
        time=timestamp(reading.time), energy_wh=reading.energy_wh, power_w=reading.power_w
    )
