"""Starts a transaction for a token. The effect is the transaction."""

from collections.abc import Collection
from datetime import timedelta

from services.kernel.ids import request_number
from services.kernel.tokens import (
    CENTRAL,
    LONGEST_TYPE,
    LONGEST_VALUE,
    NO_AUTHORIZATION,
    UNTYPED,
    Token,
    is_same,
    token_of,
    token_type,
)
from services.kernel.validation import Violations
from services.transaction.domain.charging_profile import check_charging_profile
from services.transaction.domain.command import (
    REMOTE_START,
    STATES_BEFORE_EFFECT,
    Command,
    CommandPriority,
    CommandState,
    RemoteStartQuery,
)
from services.transaction.domain.command_kind import Body, CommandKind, check_place
from services.transaction.domain.transaction import Transaction, TransactionState, token_time

# Corrected clocks of charge points are about right.
_CLOCK_SLACK = timedelta(minutes=1)


def check(body: Body, violations: Violations) -> None:
    check_place(body, violations)
    violations.text("idTag", body.get("id_tag", ""), longest=LONGEST_VALUE)
    violations.text("tokenType", body.get("token_type", ""), longest=LONGEST_TYPE)
    violations.text("groupId", body.get("group_id", ""), longest=LONGEST_VALUE)
    if "charging_profile" in body:
        check_charging_profile(body["charging_profile"], "chargingProfile", violations)
    is_none = token_type(body.get("token_type", UNTYPED)) == NO_AUTHORIZATION
    violations.check(not is_none, "tokenType", "is that of transactions that nobody starts with a token")


def named_by(numbers: Collection[int], command: Command) -> bool:
    """Whether a remote start is one of those whose numbers were told with a transaction (OCPP 2.0.1 part 2, use case
    F02, TransactionType.remoteStartId)."""
    return request_number(command.id) in numbers


def started_by(transaction: Transaction, command: Command) -> bool:
    """Whether `transaction` looks like what a remote start asked for: what there is to go by without a number."""
    place, presented = command.body.get("connector_id", 0), token_time(transaction)
    return (
        presented is not None
        and presented >= command.create_time - _CLOCK_SLACK
        and is_same(transaction.token, token_asked(command))
        and transaction.state is not TransactionState.ORPHAN
        and place in (0, transaction.connector_id, transaction.evse_id)
    )


def vouches_for(command: Command, is_running: bool, query: RemoteStartQuery) -> bool:
    """Whether a remote start makes a token good that no card has: the platform has made it up for that, and it is under
    way, or what it started `is_running`."""
    if command.kind != REMOTE_START or token_type(command.body.get("token_type", UNTYPED)) != CENTRAL:
        return False
    if command.place != query.place or not is_same(token_asked(command), query.token):
        return False
    if command.state is CommandState.EFFECTIVE and is_running:
        return True
    is_under_way = command.state in (*STATES_BEFORE_EFFECT, CommandState.EFFECTIVE)
    return is_under_way and command.create_time - _CLOCK_SLACK <= query.time < command.expire_time + _CLOCK_SLACK


def token_asked(command: Command) -> Token:
    """The token that a remote start is for; of any type unless the caller said which."""
    return token_of(command.body["id_tag"], command.body.get("token_type", UNTYPED))


KIND = CommandKind(priority=CommandPriority.URGENT, check=check, is_effect=started_by, is_sole_effect=True)
