"""Commands to charge points: how one moves from being asked to having its effect. The kinds are in `commands/`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

from services.kernel.errors import DomainError, failed_precondition
from services.kernel.redaction import redacted, secrets_in, without
from services.kernel.tenancy import owner_of_new
from services.kernel.tokens import Token
from services.kernel.validation import Violations
from services.transaction.domain.transaction import Transaction

REMOTE_START, REMOTE_STOP, RESET = "remote_start", "remote_stop", "reset"
GET_TRANSACTION_STATUS = "get_transaction_status"
ROTATE_PASSWORD = "rotate_password"

_SHORTEST_LIFE, _USUAL_LIFE, _LONGEST_LIFE = timedelta(seconds=1), timedelta(minutes=5), timedelta(days=7)
_LONGEST_ERROR = 500
_NOT_ASKED = "the charge point was not asked: the service that had this command ended before"
_OUTCOME_UNKNOWN = "nobody knows whether it was carried out: no answer was stored before the service that had it ended"
# What failed like this was not sent to the charge point, or it knows no such thing.
_NOT_TAKEN = frozenset({"NOT_SUPPORTED_BY_CHARGE_POINT", "OCPP_SCHEMA_VIOLATION", "INVALID_FIELD", "QUEUE_FULL"})


# As a delivery fails about which the charge point was asked, or had to be; not as the question for it does.
_ASKED = _NOT_TAKEN | {"OCPP_CALL_ERROR", "CHARGE_POINT_TIMEOUT"}


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


# One that the charge point did not answer in time may have been carried out all the same.
STATES_BEFORE_EFFECT = (CommandState.SENT, CommandState.ACCEPTED, CommandState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The record of a command. `kind` is the name of its field in csms.transaction.v1.CommandBody and `body` that
    field, by the names of its fields, secrets masked; `delivery_time` is when a queued one shall be tried next, and
    `calls` are those that it took when one was not enough, as csms.transaction.v1.CommandCall. One that does
    not wait (`waits_offline`) fails when its charge point is not there at its turn. `late_answer` is
    csms.transaction.v1.LateAnswer by the names of its fields. `trace` is where it was asked for: its delivery, whenever
    that is, belongs there."""

    id: str
    charge_point_id: str
    kind: str
    body: Mapping[str, Any]
    state: CommandState
    status: str = ""
    answer: Mapping[str, Any] | None = None
    answer_flags: tuple[str, ...] = ()
    result: Mapping[str, Any] | None = None
    error: str = ""
    calls: Sequence[Mapping[str, Any]] = ()
    transaction_id: str = ""
    requested_by: str
    priority: CommandPriority = CommandPriority.NORMAL
    create_time: datetime
    update_time: datetime
    expire_time: datetime
    delivery_time: datetime | None = None
    campaign_id: str | None = None
    waits_offline: bool = True
    late_answer: Mapping[str, Any] | None = None
    trace: str = ""
    tenant_id: str = field(default_factory=owner_of_new)

    @property
    def place(self) -> "Place":
        """For which charge point it is, if that is its tenant's."""
        return Place(self.charge_point_id, self.tenant_id)


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

    def check(self, violations: Violations) -> None:
        """Note what is out of bounds."""
        violations.text("options.requestId", self.request_id, longest=100)
        is_possible = _SHORTEST_LIFE <= self.life <= _LONGEST_LIFE
        violations.check(is_possible, "options.expireAfter", "must be between 1 s and 7 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFilter:
    """Which commands of a charge point, or of a campaign, a list holds; an empty or None field does not narrow it."""

    charge_point_id: str = ""
    campaign_id: str = ""
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


class Place(NamedTuple):
    """A charge point and whose it is. Anybody can ask for a command to any identity: of those that are asked for, the
    charge point is concerned by its own tenant's."""

    charge_point_id: str
    tenant_id: str


@dataclass(frozen=True, slots=True)
class RemoteStartQuery:
    """A token that no card has, and when it was presented at which charge point."""

    place: Place
    token: Token
    time: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """What a charge point answered to a command: its status in its own words, the whole payload, what is wrong with
    that, and csms.transaction.v1.CommandResult by the names of its fields. Of several `calls` an `error` says why the
    last one failed: what is told was answered before."""

    accepted: bool
    status: str
    answer: Mapping[str, Any]
    flags: tuple[str, ...] = ()
    result: Mapping[str, Any] | None = None
    calls: Sequence[Mapping[str, Any]] = ()
    error: str = ""


def was_not_taken(error: DomainError, nodes_asked: int) -> bool:
    """Whether a charge point cannot have carried out what failed like this. Of an error that it answered with, nobody
    knows what it did before."""
    return nodes_asked == 0 or error.reason in _NOT_TAKEN


@dataclass(frozen=True, slots=True)
class LateReply:
    """What a charge point answered when nobody waited for it any more: a reply, or an error. `record` is
    csms.transaction.v1.LateAnswer by the names of its fields; `is_whole` when the call was all of the command."""

    reply: Reply | None
    error: str
    is_whole: bool
    record: Mapping[str, Any]


def is_outcome(error: DomainError) -> bool:
    """Whether this is how a delivery failed, and not why nobody knows how it ended."""
    return error.reason in _ASKED


def without_secrets(reply: "Reply", secrets: Collection[str]) -> "Reply":
    """A reply as a record has it."""
    result = None if reply.result is None else without(redacted(dict(reply.result)), secrets)
    calls = tuple(without(redacted([dict(call) for call in reply.calls]), secrets))
    error = without(reply.error, secrets)
    return replace(
        reply, answer=without(redacted(dict(reply.answer)), secrets), result=result, calls=calls, error=error
    )


def sent(command: Command, now: datetime) -> Command:
    """`command` on its way."""
    return replace(command, state=CommandState.SENT, delivery_time=None, update_time=now)


def queued(command: Command, delivery_time: datetime, now: datetime) -> Command:
    """`command` waiting for its charge point, to be tried at `delivery_time`."""
    return replace(command, state=CommandState.QUEUED, delivery_time=delivery_time, update_time=now)


def answered(command: Command, reply: Reply, now: datetime) -> Command:
    """`command` after the charge point answered. What is known to be over by then stays what it is."""
    changed = replace(
        command,
        status=reply.status,
        answer=reply.answer,
        answer_flags=reply.flags,
        result=reply.result,
        calls=reply.calls,
        error=reply.error[:_LONGEST_ERROR] or command.error,
        update_time=now,
    )
    if command.state is not CommandState.SENT:
        return changed
    if reply.error:
        return replace(changed, state=CommandState.FAILED)
    return replace(changed, state=CommandState.ACCEPTED if reply.accepted else CommandState.REJECTED)


def failed(command: Command, error: str, now: datetime) -> Command:
    """`command` after it could not be delivered, or got no valid answer."""
    if command.state is not CommandState.SENT:
        return command
    return replace(command, state=CommandState.FAILED, error=error[:_LONGEST_ERROR], update_time=now)


def not_asked(command: Command, now: datetime) -> Command:
    """`command`, of which it turns out that it never went out. It is asked for again, unless somebody waited for its
    answer, who was told long ago that there is none."""
    if command.state is not CommandState.SENT:
        return command
    if command.waits_offline or command.campaign_id is not None:
        return queued(command, now, now)
    return failed(command, _NOT_ASKED, now)


def given_up(command: Command, now: datetime) -> Command:
    """`command` of which nobody will know any more what became of it."""
    return failed(command, _OUTCOME_UNKNOWN, now)


def answered_late(command: Command, late: LateReply, now: datetime) -> Command:
    """`command` after an answer that nobody waited for; the first one stays. What it was told to be stays as well; but
    of one that is still SENT nobody was told anything: whoever sent it is gone."""
    if command.late_answer is not None:
        return command
    noted = replace(command, late_answer=late.record, update_time=now)
    if command.state is not CommandState.SENT or not late.is_whole:
        return noted
    return failed(noted, late.error, now) if late.reply is None else answered(noted, late.reply, now)


def effective(command: Command, transaction_id: str, now: datetime) -> Command:
    """`command` after it had its effect."""
    return replace(
        command, state=CommandState.EFFECTIVE, transaction_id=transaction_id, delivery_time=None, update_time=now
    )


def expired(command: Command, now: datetime) -> Command:
    """`command` after its time is over."""
    error = _OUTCOME_UNKNOWN if command.state is CommandState.SENT else command.error
    return replace(command, state=CommandState.EXPIRED, error=error, delivery_time=None, update_time=now)


def canceled(command: Command, now: datetime) -> Command:
    """`command` taken back before it was delivered. Raises: COMMAND_NOT_QUEUED when it is too late."""
    if command.state is CommandState.CANCELED:
        return command
    if command.state is not CommandState.QUEUED:
        message = f"the command is {command.state}; only one that is QUEUED can be canceled"
        raise failed_precondition("COMMAND_NOT_QUEUED", message, state=command.state.value)
    return replace(command, state=CommandState.CANCELED, delivery_time=None, update_time=now)


def asking_about(transaction: Transaction) -> Mapping[str, Any]:
    """The body of a command about a transaction: by our id and by what its charge point calls it."""
    return {"transaction_id": transaction.id, "ocpp_transaction_id": transaction.ocpp_transaction_id}
