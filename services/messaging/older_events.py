"""What events tell that were published by a release before this one, and may still be in the stream."""

from csms.event.v1.domain_event_pb2 import SessionBilled
from services.kernel.money import Money
from services.rpc.protobuf import read_money


def total_of(billed: SessionBilled) -> Money:
    """What a bill comes to; events from before 0.2.0 tell it in minor units. Raises: ValueError for no currency."""
    return read_money(billed.total) if billed.HasField("total") else Money(billed.currency_code, billed.total_minor)
