"""Commands to charge points: what may be asked, and how a command moves from being asked to having its effect."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from secrets import token_hex
from typing import Any

from services.kernel.errors import DomainError, failed_precondition, invalid
from services.kernel.ids import is_id
from services.kernel.redaction import is_login_password, redacted, secrets_in, sets_login_password, without
from services.kernel.tokens import (
    CENTRAL,
    LONGEST_TYPE,
    NO_AUTHORIZATION,
    UNTYPED,
    Token,
    is_same,
    token_of,
    token_type,
)
from services.kernel.validation import Violations
from services.transaction.domain.session import Session, SessionState, token_time

REMOTE_START, REMOTE_STOP, RESET = "remote_start", "remote_stop", "reset"
GET_TRANSACTION_STATUS = "get_transaction_status"
# What they are about is a session, by our id or by what the charge point calls it.
ABOUT_TRANSACTIONS = frozenset({REMOTE_STOP, GET_TRANSACTION_STATUS})
CHANGE_CONFIGURATION, ROTATE_PASSWORD = "change_configuration", "rotate_password"
GET_REPORT = "get_report"
# The kinds whose effect shows in something else than their answer.
KINDS_WITH_EFFECT = frozenset({REMOTE_START, REMOTE_STOP, RESET})

_SHORTEST_LIFE, _USUAL_LIFE, _LONGEST_LIFE = timedelta(seconds=1), timedelta(minutes=5), timedelta(days=7)
_LONGEST_ERROR = 500
_MOST_REPORTED = 100
_SHORTEST_PASSWORD, _LONGEST_PASSWORD, _GENERATED_BYTES = 16, 40, 20
# What failed like this was not sent to the charge point, or it knows no such thing.
_NOT_TAKEN = frozenset({"NOT_SUPPORTED_BY_CHARGE_POINT", "OCPP_SCHEMA_VIOLATION", "INVALID_FIELD", "QUEUE_FULL"})
# Corrected clocks of charge points are about right.
_CLOCK_SLACK = timedelta(minutes=1)


class CommandState(StrEnum):
    """Where a command stands."""

    QUEUED = "QUEUED"
    SENT = "SENT"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    EFFECTIVE = "EFFECTIVE"
    EXPIRED = "EXPIRED"
    CANCELED = "CANCELED"


class CommandPriority(IntEnum):
    """Which of the commands that wait for a charge point goes first: the least number, and of one number the oldest."""

    URGENT = 1
    NORMAL = 2
    BACKGROUND = 3


# Somebody stands in front of the charge point; nobody waits for a list of settings.
_USUAL_PRIORITIES = {
    REMOTE_START: CommandPriority.URGENT,
    REMOTE_STOP: CommandPriority.URGENT,
    "unlock": CommandPriority.URGENT,
    "get_configuration": CommandPriority.BACKGROUND,
    "get_base_report": CommandPriority.BACKGROUND,
    GET_REPORT: CommandPriority.BACKGROUND,
    GET_TRANSACTION_STATUS: CommandPriority.BACKGROUND,
}

# One that the charge point did not answer in time may have been carried out all the same.
STATES_BEFORE_EFFECT = (CommandState.SENT, CommandState.ACCEPTED, CommandState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The record of a command. `kind` is the name of its field in csms.transaction.v1.CommandBody and `body` that
    field, by the names of its fields, secrets masked; `delivery_time` is when a queued one shall be tried next."""

    id: str
    charge_point_id: str
    kind: str
    body: Mapping[str, Any]
    state: CommandState
    status: str = ""
    answer: Mapping[str, Any] | None = None
    answer_flags: tuple[str, ...] = ()
    error: str = ""
    transaction_id: str = ""
    requested_by: str
    priority: CommandPriority = CommandPriority.NORMAL
    create_time: datetime
    update_time: datetime
    expire_time: datetime
    delivery_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandOptions:
    """How a command shall be carried out. `expire_after` None is five minutes, `priority` None that of its kind."""

    request_id: str = ""
    queue_while_offline: bool = False
    expire_after: timedelta | None = None
    priority: CommandPriority | None = None

    @property
    def life(self) -> timedelta:
        return _USUAL_LIFE if self.expire_after is None else self.expire_after


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFilter:
    """Which commands of a charge point a list holds."""

    charge_point_id: str
    state: CommandState | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked of a charge point, with its secrets, which no record has."""

    kind: str
    body: Mapping[str, Any] = field(repr=False)

    @property
    def recorded(self) -> Mapping[str, Any]:
        """The body as a record has it."""
        kept: Mapping[str, Any] = redacted(dict(self.body))
        return kept

    @property
    def secrets(self) -> frozenset[str]:
        return secrets_in(dict(self.body))

    @property
    def can_wait(self) -> bool:
        """Whether a record is enough to carry it out later."""
        return self.recorded == self.body


@dataclass(frozen=True, slots=True)
class RemoteStartQuery:
    """A token that no card has, and when it was presented at which charge point."""

    charge_point_id: str
    token: Token
    time: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What a charge point answered to a command: its status in its own words, the whole payload, and what is wrong with
    that."""

    accepted: bool
    status: str
    answer: Mapping[str, Any]
    flags: tuple[str, ...] = ()


def usual_priority(kind: str) -> CommandPriority:
    """The priority of a command for which none was asked."""
    return _USUAL_PRIORITIES.get(kind, CommandPriority.NORMAL)


def check(kind: str, body: Mapping[str, Any], options: CommandOptions) -> None:
    """Raises: INVALID_FIELD with every field of the request that is out of bounds."""
    violations = Violations()
    violations.text("options.requestId", options.request_id, longest=100)
    violations.check(
        _SHORTEST_LIFE <= options.life <= _LONGEST_LIFE, "options.expireAfter", "must be between 1 s and 7 days"
    )
    for name, place in (("connector_id", "connectorId"), ("evse_id", "evseId")):
        least = 1 if kind == "unlock" and name == "connector_id" else 0
        violations.check(body.get(name, 0) >= least, place, f"must be at least {least}")
    for name, place, longest in _TEXTS:
        violations.text(place, body.get(name, ""), longest=longest)
    is_none = token_type(body.get("token_type", UNTYPED)) == NO_AUTHORIZATION
    violations.check(not is_none, "tokenType", "is that of sessions that nobody starts with a token")
    violations.check(all(body.get("keys", ("",))) or "keys" not in body, "keys", "must not be empty")
    if kind == GET_REPORT:
        _check_report(violations, body)
    if kind in ABOUT_TRANSACTIONS:
        named = body.get("transaction_id", "")
        violations.check(
            bool(named) != bool(body.get("ocpp_transaction_id")), "transactionId", "give this or ocppTransactionId"
        )
        violations.check(
            not named or is_id(named),
            "transactionId",
            "must be an id of the platform; what the charge point calls it is ocppTransactionId",
        )
    if kind == ROTATE_PASSWORD and "password" in body:
        violations.text("password", body["password"], longest=_LONGEST_PASSWORD, shortest=_SHORTEST_PASSWORD)
    violations.raise_if_any()


def _check_report(violations: Violations, body: Mapping[str, Any]) -> None:
    """What a report shall be about must be said: all of it is what a base report is for."""
    wanted = body.get("component_variables", ())
    violations.check(
        bool(wanted or body.get("component_criteria")), "componentVariables", "must be set, or the criteria"
    )
    violations.check(len(wanted) <= _MOST_REPORTED, "componentVariables", f"must be at most {_MOST_REPORTED}")
    for position, one in enumerate(wanted[:_MOST_REPORTED]):
        place = f"componentVariables[{position}]"
        violations.check(bool(one.get("component", {}).get("name")), f"{place}.component.name", "must be set")
        is_named = "variable" not in one or bool(one["variable"].get("name"))
        violations.check(is_named, f"{place}.variable.name", "must be set")


def meant(kind: str, body: Mapping[str, Any]) -> Ask:
    """What a caller who asks for this means: whoever sets the password by which a charge point logs in, rotates it. One
    that is left out is generated. Raises: INVALID_FIELD."""
    if kind == CHANGE_CONFIGURATION and sets_login_password(body.get("key", "")):
        if not is_login_password(body["key"]):
            raise invalid("key", "is the password of the charge point; use /charge-points/{id}/rotate-password")
        kind, body = ROTATE_PASSWORD, {"password": body.get("value", "")}
        violations = Violations()
        violations.text("value", body["password"], longest=_LONGEST_PASSWORD, shortest=_SHORTEST_PASSWORD)
        violations.raise_if_any()
    if kind == ROTATE_PASSWORD and "password" not in body:
        body = {"password": token_hex(_GENERATED_BYTES)}
    return Ask(kind, body)


def was_not_taken(error: DomainError, nodes_asked: int) -> bool:
    """Whether a charge point cannot have carried out what failed like this. Of an error that it answered with, nobody
    knows what it did before."""
    return nodes_asked == 0 or error.reason in _NOT_TAKEN


def told_without(reply: "Reply", secrets: Collection[str]) -> "Reply":
    """A reply as a record has it."""
    return replace(reply, answer=without(redacted(dict(reply.answer)), secrets))


# By OCPP 2.x, which allows more than OCPP 1.6; what a charge point's own version allows is for the edge to say.
_TEXTS = (
    ("id_tag", "idTag", 36),
    # As charge points call them, and some have longer names than the specification.
    ("ocpp_transaction_id", "ocppTransactionId", 255),
    ("token_type", "tokenType", LONGEST_TYPE),
    ("key", "key", 101),
    ("value", "value", 2500),
    ("message", "message", 50),
    ("vendor_id", "vendorId", 255),
    ("message_id", "messageId", 50),
)


def sent(command: Command, now: datetime) -> Command:
    """`command` on its way."""
    return replace(command, state=CommandState.SENT, delivery_time=None, update_time=now)


def queued(command: Command, delivery_time: datetime, now: datetime) -> Command:
    """`command` waiting for its charge point, to be tried at `delivery_time`."""
    return replace(command, state=CommandState.QUEUED, delivery_time=delivery_time, update_time=now)


def answered(command: Command, reply: Reply, now: datetime) -> Command:
    """`command` after the charge point answered. What is known to be over by then stays what it is."""
    told = replace(command, status=reply.status, answer=reply.answer, answer_flags=reply.flags, update_time=now)
    if command.state is not CommandState.SENT:
        return told
    return replace(told, state=CommandState.ACCEPTED if reply.accepted else CommandState.REJECTED)


def failed(command: Command, error: str, now: datetime) -> Command:
    """`command` after it could not be delivered, or got no valid answer."""
    if command.state is not CommandState.SENT:
        return command
    return replace(command, state=CommandState.FAILED, error=error[:_LONGEST_ERROR], update_time=now)


def effective(command: Command, transaction_id: str, now: datetime) -> Command:
    """`command` after it had its effect."""
    return replace(
        command, state=CommandState.EFFECTIVE, transaction_id=transaction_id, delivery_time=None, update_time=now
    )


def expired(command: Command, now: datetime) -> Command:
    """`command` after its time is over."""
    return replace(command, state=CommandState.EXPIRED, delivery_time=None, update_time=now)


def canceled(command: Command, now: datetime) -> Command:
    """`command` taken back before it was delivered. Raises: COMMAND_NOT_QUEUED when it is too late."""
    if command.state is CommandState.CANCELED:
        return command
    if command.state is not CommandState.QUEUED:
        message = f"the command is {command.state}; only one that is QUEUED can be canceled"
        raise failed_precondition("COMMAND_NOT_QUEUED", message, state=command.state.value)
    return replace(command, state=CommandState.CANCELED, delivery_time=None, update_time=now)


def started_by(session: Session, command: Command) -> bool:
    """Whether `session` is what a remote start asked for."""
    place, presented = command.body.get("connector_id", 0), token_time(session)
    return (
        command.kind == REMOTE_START
        and presented is not None
        and presented >= command.create_time - _CLOCK_SLACK
        and is_same(session.token, token_asked(command))
        and session.state is not SessionState.ORPHAN
        and place in (0, session.connector_id, session.evse_id)
    )


def vouches_for(command: Command, is_running: bool, query: RemoteStartQuery) -> bool:
    """Whether a remote start makes a token good that no card has: the platform has made it up for that, and it is under
    way, or what it started `is_running`."""
    if command.kind != REMOTE_START or token_type(command.body.get("token_type", UNTYPED)) != CENTRAL:
        return False
    if command.charge_point_id != query.charge_point_id or not is_same(token_asked(command), query.token):
        return False
    if command.state is CommandState.EFFECTIVE and is_running:
        return True
    is_under_way = command.state in (*STATES_BEFORE_EFFECT, CommandState.EFFECTIVE)
    return is_under_way and command.create_time - _CLOCK_SLACK <= query.time < command.expire_time + _CLOCK_SLACK


def token_asked(command: Command) -> Token:
    """The token that a remote start is for; of any type unless the caller said which."""
    return token_of(command.body["id_tag"], command.body.get("token_type", UNTYPED))


def ended_by(session: Session, command: Command) -> bool:
    """Whether the end of `session` is what a remote stop asked for."""
    asked = command.body.get("ocpp_transaction_id")
    return (
        command.kind == REMOTE_STOP
        and session.state is SessionState.ENDED
        and asked == session.ocpp_transaction_id
        and command.charge_point_id == session.charge_point_id
    )


def asking_about(session: Session) -> Mapping[str, Any]:
    """The body of a command about a transaction: by our id and by what its charge point calls it."""
    return {"transaction_id": session.id, "ocpp_transaction_id": session.ocpp_transaction_id}
