"""Stops a session. The effect is its end."""

from services.transaction.domain.command import Command, CommandPriority
from services.transaction.domain.command_kind import CommandKind, check_transaction
from services.transaction.domain.session import Session, SessionState


def ended_by(session: Session, command: Command) -> bool:
    """Whether the end of `session` is what a remote stop asked for."""
    asked = command.body.get("ocpp_transaction_id")
    return (
        session.state is SessionState.ENDED
        and asked == session.ocpp_transaction_id
        and command.charge_point_id == session.charge_point_id
    )


KIND = CommandKind(
    priority=CommandPriority.URGENT, check=check_transaction, is_effect=ended_by, is_about_transaction=True
)
