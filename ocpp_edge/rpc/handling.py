"""What a charge point is told when its request failed, whatever the cause.

Stateless; every failure is counted and logged here, once, and nothing of our own defects reaches the charge point.
"""

import asyncio
import logging

from ocpp_edge.counters import Counters
from ocpp_edge.rpc.errors import CallRefused, Fault, refusal_of
from services.kernel.errors import DomainError, ErrorKind

logger = logging.getLogger(__name__)


def refusal_for(error: BaseException, action: str, counters: Counters) -> CallRefused:
    """The refusal to send for `error`; a cancellation stands for handling that took too long."""
    counters.refused.add()
    if isinstance(error, CallRefused):
        return error
    if isinstance(error, DomainError):
        refusal = refusal_of(error)
        # What is shed is counted where it is shed; a line for each would be more load.
        if refusal.fault is Fault.INTERNAL and error.kind is not ErrorKind.RESOURCE_EXHAUSTED:
            logger.warning("%s not handled: %s", action, error.message)
        return refusal
    if isinstance(error, asyncio.CancelledError):
        counters.handlers_overdue.add()
        logger.error("%s given up: handling took too long", action)
        return CallRefused(Fault.INTERNAL, "the request took too long, try again later")
    counters.defects.add()
    logger.error("%s made the edge fail", action, exc_info=error)
    return CallRefused(Fault.INTERNAL, "the request could not be processed")
