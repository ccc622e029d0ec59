"""Between csms.driver.v1 (and the events) and the domain; pure, no rules."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from csms.billing.v1 import charging_session_pb2 as charging_session_pb
from csms.billing.v1.hold_pb2 import Hold
from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import driver_pb2 as driver_pb
from csms.driver.v1 import driver_service_pb2 as driver_service_pb
from csms.driver.v1 import rfid_card_service_pb2 as card_service_pb
from csms.driver.v1 import token_pb2 as token_pb
from csms.event.v1 import domain_event_pb2 as event_pb
from csms.station.v1 import charge_point_pb2 as charge_point_pb
from csms.station.v1 import connectivity_service_pb2 as connectivity_pb
from csms.station.v1 import connector_pb2 as connector_pb
from csms.station.v1 import evse_ref_pb2 as evse_ref_pb
from csms.transaction.v1 import recording_service_pb2 as recording_pb
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from services.driver.domain.driver import Driver, DriverFilter, DriverStatus, MembershipTier
from services.driver.domain.events import TokenChanged
from services.driver.domain.presentation import ChargePointState, FreeVending, Presentation, StartRule
from services.driver.domain.rfid_card import RfidCard, RfidCardFilter, RfidCardStatus, TokenDecision
from services.driver.domain.usage import DriverUsage, SessionCost, SessionUsage
from services.kernel.errors import DomainError, invalid
from services.kernel.ids import is_id, new_id
from services.kernel.money import Money
from services.kernel.tenancy import owner_of_new
from services.kernel.token_reasons import words
from services.kernel.tokens import token_of, token_type
from services.kernel.validation import search_text
from services.messaging.older_events import total_of
from services.messaging.subjects import subject
from services.rpc import masks
from services.rpc.protobuf import Fields, enum_of, money_to_proto, read, read_money, time_of, timestamp
from services.rpc.status import item_error

_MOST_IDS = 250
# Why the correction of a bill waits that billing makes by itself: what the bill says now is about to change.
_MADE_BY_ITSELF = (Hold.PENDING, Hold.NO_TARIFF, Hold.ESTIMATED_END)
_CHARGE_POINT_STATES = {
    number: ChargePointState(name) for name, number in charge_point_pb.ChargePoint.State.items() if number
}
_FREE_VENDING = {number: FreeVending(name) for name, number in connector_pb.Connector.FreeVending.items() if number}

# The fields callers may set, and what each value is in the domain.
_DRIVER_FIELDS: Fields = {
    "name": lambda driver: driver.name,
    "email": lambda driver: driver.email,
    "phone": lambda driver: driver.phone,
    "membership_tier": lambda driver: _tier(driver.membership_tier) or MembershipTier.BASIC,
    "status": lambda driver: _driver_status(driver.status) or DriverStatus.ACTIVE,
}
_CARD_FIELDS: Fields = {
    "id_tag": lambda card: token_of(card.id_tag, card.token_type).value,
    "token_type": lambda card: token_type(card.token_type),
    "driver_id": lambda card: card.driver_id or None,
    "group_id": lambda card: card.group_id,
    "status": lambda card: _card_status(card.status) or RfidCardStatus.ACTIVE,
    "expiry_time": lambda card: time_of(card, "expiry_time"),
}


def driver_filter(request: driver_service_pb.ListDriversRequest) -> DriverFilter:
    """What a list request asks for. Raises: INVALID_FIELD."""
    if len(request.driver_ids) > _MOST_IDS:
        raise invalid("driverIds", f"must be at most {_MOST_IDS}")
    return DriverFilter(
        text=search_text(request.text),
        status=_driver_status(request.status),
        membership_tier=_tier(request.membership_tier),
        driver_id=request.driver_id,
        driver_ids=tuple(request.driver_ids),
    )


def driver_fields(message: driver_pb.Driver) -> dict[str, Any]:
    """What a caller says of a new driver, by the names of the domain."""
    return read(message, _DRIVER_FIELDS, _DRIVER_FIELDS)


def driver_changes(request: driver_service_pb.UpdateDriverRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK."""
    names = masks.updated_fields(request.driver, request.update_mask, _DRIVER_FIELDS.keys())
    return read(request.driver, _DRIVER_FIELDS, names)


def driver_to_proto(driver: Driver) -> driver_pb.Driver:
    """The resource as callers see it."""
    return driver_pb.Driver(
        id=driver.id,
        name=driver.name,
        email=driver.email,
        phone=driver.phone,
        membership_tier=driver_pb.Driver.MembershipTier.Value(driver.membership_tier),
        status=driver_pb.Driver.Status.Value(driver.status),
        create_time=timestamp(driver.create_time),
        update_time=timestamp(driver.update_time),
        etag=str(driver.revision),
    )


def usage_to_proto(usage: DriverUsage) -> driver_pb.DriverUsage:
    """A driver's usage as callers see it."""
    return driver_pb.DriverUsage(
        driver_id=usage.driver_id,
        session_count=usage.session_count,
        energy_wh=usage.energy_wh,
        duration_seconds=usage.duration_seconds,
        costs=[money_to_proto(Money(code, amount)) for code, amount in sorted(usage.costs.items())],
        sessions=map(_session_to_proto, usage.sessions),
    )


def rfid_card_filter(request: card_service_pb.ListRfidCardsRequest) -> RfidCardFilter:
    """What a list request asks for."""
    return RfidCardFilter(
        driver_id=request.driver_id,
        id_tag=request.id_tag,
        group_id=request.group_id,
        status=_card_status(request.status),
    )


def rfid_card_fields(message: driver_pb.RfidCard) -> dict[str, Any]:
    """What a caller says of a new card, by the names of the domain."""
    return read(message, _CARD_FIELDS, _CARD_FIELDS)


def rfid_card_changes(request: card_service_pb.UpdateRfidCardRequest) -> dict[str, Any]:
    """The fields an update changes, with their new values. Raises: INVALID_UPDATE_MASK."""
    names = masks.updated_fields(request.rfid_card, request.update_mask, _CARD_FIELDS.keys())
    return read(request.rfid_card, _CARD_FIELDS, names)


def rfid_card_to_proto(card: RfidCard) -> driver_pb.RfidCard:
    """The resource as callers see it."""
    return driver_pb.RfidCard(
        id=card.id,
        id_tag=card.id_tag,
        driver_id=card.driver_id or "",
        group_id=card.group_id,
        token_type=card.token_type,
        status=driver_pb.RfidCard.Status.Value(card.status),
        expiry_time=timestamp(card.expiry_time),
        create_time=timestamp(card.create_time),
        update_time=timestamp(card.update_time),
        etag=str(card.revision),
    )


def decision_to_proto(decision: TokenDecision) -> driver_pb.TokenDecision:
    """A decision as charge points and callers see it."""
    return driver_pb.TokenDecision(
        status=driver_pb.TokenDecision.Status.Value(decision.status),
        valid=decision.status == "ACCEPTED",
        driver_id=decision.driver_id,
        group_id=decision.group_id,
        reason=words(decision.reason_code),
        reason_code=driver_pb.TokenDecision.Reason.Value(decision.reason_code),
        expiry_time=timestamp(decision.expiry_time),
    )


def authorization_answer(decision: TokenDecision | DomainError) -> authorization_pb.AuthorizationAnswer:
    """The answer about one token of a batch."""
    if isinstance(decision, DomainError):
        return authorization_pb.AuthorizationAnswer(error=item_error(decision))
    return authorization_pb.AuthorizationAnswer(decision=decision_to_proto(decision))


def presentation(
    message: authorization_pb.TokenPresentation | card_service_pb.ValidateRfidCardRequest, now: datetime
) -> Presentation:
    """A token where it was presented, at `now` unless it was told when. Raises: INVALID_FIELD."""
    evse: card_service_pb.ValidateRfidCardRequest | evse_ref_pb.EvseRef
    if isinstance(message, authorization_pb.TokenPresentation):
        written, kind, evse = message.token.value, message.token.type, message.evse
        told_time, tenant_id = time_of(message, "time"), message.tenant_id
    else:
        # People ask in their own tenant; the edge says whose the charge point is.
        written, kind, evse = message.id_tag, message.token_type, message
        told_time, tenant_id = None, ""
    return Presentation(
        token=token_of(written, kind),
        written=written,
        charge_point_id=message.charge_point_id,
        evse_id=evse.evse_id,
        connector_id=evse.connector_id,
        time=told_time or now,
        tenant_id=tenant_id or owner_of_new(),
    )


def place_to_proto(shown: Presentation) -> connectivity_pb.Place:
    """Where a token was presented, as the station service is asked."""
    return connectivity_pb.Place(
        charge_point_id=shown.charge_point_id,
        evse=evse_ref_pb.EvseRef(evse_id=shown.evse_id, connector_id=shown.connector_id),
    )


def start_rule(answer: connectivity_pb.FreeVendingAnswer) -> StartRule:
    """What holds at a place, as the station service tells it; what is not known here is no permission."""
    return StartRule(
        _CHARGE_POINT_STATES.get(answer.state, ChargePointState.PENDING),
        _FREE_VENDING.get(answer.free_vending, FreeVending.NOT_ALLOWED),
    )


def remote_start_query(shown: Presentation) -> recording_pb.RemoteStartQuery:
    """A token that no card has, as the transaction service is asked."""
    return recording_pb.RemoteStartQuery(
        charge_point_id=shown.charge_point_id,
        token=token_pb.Token(value=shown.token.value, type=shown.token.type),
        time=timestamp(shown.time),
        tenant_id=shown.tenant_id,
    )


def event_to_proto(event: TokenChanged, now: datetime) -> event_pb.DomainEvent:
    """A domain event as it is published."""
    return event_pb.DomainEvent(
        id=new_id(),
        create_time=timestamp(now),
        subject=subject("token_changed", "changed", event.card_id),
        # Told by the operator who has changed it.
        tenant_id=owner_of_new(),
        token_changed=event_pb.TokenChanged(
            token=token_pb.Token(value=event.id_tag, type=event.token_type), rfid_card_id=event.card_id
        ),
    )


def session_usage(transaction: transaction_pb.Transaction) -> SessionUsage:
    """What the transaction service told, as usage."""
    return SessionUsage(
        transaction_id=transaction.id,
        driver_id=transaction.driver_id if is_id(transaction.driver_id) else None,
        id_tag=transaction.id_tag,
        charge_point_id=transaction.charge_point_id,
        station_id=transaction.station_id,
        start_time=time_of(transaction, "start_time"),
        end_time=time_of(transaction, "stop_time"),
        energy_wh=transaction.energy_wh,
        revision=transaction.revision,
    )


def session_cost(billed: event_pb.SessionBilled) -> SessionCost:
    """What billing told, as the cost of a session."""
    total = total_of(billed)
    return SessionCost(
        transaction_id=billed.transaction_id,
        driver_id=billed.driver_id if is_id(billed.driver_id) else None,
        amount_minor=total.minor_units,
        currency_code=total.currency_code,
        bill_revision=billed.revision,
        bill_decisions=billed.decision_count,
    )


def cost_taken_back(unbilled: event_pb.SessionUnbilled) -> SessionCost:
    """What billing told of a session that it does not bill any more."""
    return SessionCost(
        transaction_id=unbilled.transaction_id,
        bill_revision=unbilled.revision,
        bill_decisions=unbilled.decision_count,
    )


def cost_known(session: charging_session_pb.ChargingSession) -> SessionCost | None:
    """What billing knows of the cost of a session; None while its bill is about to be replaced, or should be."""
    known = SessionCost(
        transaction_id=session.transaction_id,
        bill_revision=session.revision,
        bill_decisions=session.decision_count,
    )
    if not session.invoice_id:
        return known
    is_billed = session.state == charging_session_pb.ChargingSession.COMPLETED
    if not is_billed or session.correction.reason in _MADE_BY_ITSELF:
        return None
    cost = read_money(session.cost)
    return replace(
        known,
        driver_id=session.driver_id if is_id(session.driver_id) else None,
        amount_minor=cost.minor_units,
        currency_code=cost.currency_code,
    )


def period_of(request: driver_service_pb.GetDriverUsageRequest) -> tuple[datetime | None, datetime | None]:
    """Start and end of the period asked for, where given."""
    return time_of(request, "start_time"), time_of(request, "end_time")


def _session_to_proto(session: SessionUsage) -> driver_pb.SessionUsage:
    message = driver_pb.SessionUsage(
        transaction_id=session.transaction_id,
        station_id=session.station_id,
        charge_point_id=session.charge_point_id,
        id_tag=session.id_tag,
        start_time=timestamp(session.start_time),
        end_time=timestamp(session.end_time),
        energy_wh=session.energy_wh,
    )
    if session.currency_code is not None and session.amount_minor is not None:
        message.cost.CopyFrom(money_to_proto(Money(session.currency_code, session.amount_minor)))
    return message


def _tier(number: int) -> MembershipTier | None:
    return enum_of(MembershipTier, driver_pb.Driver.MembershipTier, number)


def _driver_status(number: int) -> DriverStatus | None:
    return enum_of(DriverStatus, driver_pb.Driver.Status, number)


def _card_status(number: int) -> RfidCardStatus | None:
    return enum_of(RfidCardStatus, driver_pb.RfidCard.Status, number)
