"""Where sessions may begin without a token."""

from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connector_pb2 as connector_pb
from services.kernel.errors import DomainError
from services.kernel.identity import composed
from services.rpc.protobuf import enum_of
from services.rpc.status import item_error
from services.station.application.free_vending import StartRule
from services.station.domain.free_vending import FreeVending, Place

# Looked up once: lists ask for very many.
_RULES = {None: connector_pb.Connector.FREE_VENDING_UNSPECIFIED} | {
    each: connector_pb.Connector.FreeVending.Value(each) for each in FreeVending
}


def free_vending_of(number: int) -> FreeVending | None:
    """Whether no token is needed; None where nothing is said. Raises: INVALID_FIELD."""
    return enum_of(FreeVending, connector_pb.Connector.FreeVending, number)


def free_vending_to_proto(rule: FreeVending | None) -> connector_pb.Connector.FreeVending.ValueType:
    """The same as the contract numbers it."""
    return _RULES[rule]


def place(message: connectivity_pb.Place) -> Place:
    """A place where a session begins."""
    return Place(composed(message.charge_point_id), message.evse.evse_id, message.evse.connector_id)


def start_rule_to_proto(rule: StartRule | DomainError) -> connectivity_pb.FreeVendingAnswer:
    """What holds at a place."""
    if isinstance(rule, DomainError):
        return connectivity_pb.FreeVendingAnswer(error=item_error(rule))
    return connectivity_pb.FreeVendingAnswer(
        free_vending=free_vending_to_proto(rule.free_vending),
        state=charge_point_pb.ChargePoint.State.Value(rule.state),
    )
