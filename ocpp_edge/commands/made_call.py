"""A call of ours, and what is made of its answer: whoever waits for it, or nobody any more. No gRPC in here."""

import logging
from datetime import datetime
from typing import NamedTuple

from csms.edge.v1.edge_service_pb2 import DeliverCommandResponse
from ocpp_edge.backend.ports import Backend
from ocpp_edge.commands.dialect import Dialect
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.exchange import Exchange
from ocpp_edge.facts.structs import struct_of
from ocpp_edge.rpc.answers import Answered, bad_answer
from ocpp_edge.rpc.frames import Payload
from ocpp_edge.served import SERVED
from services.kernel.errors import DomainError
from services.kernel.redaction import redacted

logger = logging.getLogger(__name__)


class MadeCall(NamedTuple):
    """A call as it was made: for which command, in whose words, and whether it carries all of it. One that belongs to
    no command has neither."""

    action: str
    payload: Payload
    ask_time: datetime
    command_id: str = ""
    dialect: Dialect | None = None
    is_whole: bool = True


def response_to(dialect: Dialect, payload: Payload, answer: Answered) -> DeliverCommandResponse:
    """What an answer to `payload` says of its command; secrets in it are masked. Raises: OCPP_CALL_ERROR."""
    accepted, status = dialect.reply(answer.valid)
    if answer.dropped and not accepted and not status:
        raise bad_answer(f"{next(iter(answer.dropped))}: cannot be read")
    shown = struct_of(redacted(answer.sent))
    result = dialect.result_of(redacted(payload), redacted(answer.valid))
    return DeliverCommandResponse(accepted=accepted, status=status, answer=shown, flags=answer.flags, result=result)


async def take_in(backend: Backend, context: ChargerContext, made: MadeCall, answer: Answered) -> None:
    """Record what an answer tells: whoever asked, it counts as if the charge point had told it by itself.

    Raises DomainError when it cannot be stored.
    """
    tells = SERVED[context.version].answers.get(made.action)
    if tells is None:
        return
    now = backend.clock.now()
    await tells(Exchange(made.action, made.payload, answer, context, made.ask_time, now, made.command_id), backend)


async def take_in_if_possible(backend: Backend, context: ChargerContext, made: MadeCall, answer: Answered) -> None:
    """The same for an answer that somebody waits for, who shall have it in any case."""
    try:
        await take_in(backend, context, made, answer)
    except DomainError as error:
        logger.warning("what a charge point answered to %s cannot be recorded: %s", made.action, error.message)
