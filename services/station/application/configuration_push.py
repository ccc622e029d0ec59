"""Carrying on to the charge points what an operator set. Of any order, and idempotent by what caused it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.ids import derived_id
from services.station.domain.connector import Connector, key_of
from services.station.ports import Commands, UnitOfWork

# No later try helps with these: they are the last word of the charge point, or of who keeps the commands.
_LAST_WORDS = (
    ErrorKind.INVALID_ARGUMENT,
    ErrorKind.NOT_FOUND,
    ErrorKind.ALREADY_EXISTS,
    ErrorKind.FAILED_PRECONDITION,
    ErrorKind.UNIMPLEMENTED,
)
_NO_ANSWER = "CHARGE_POINT_TIMEOUT"
_AT_ONCE = 10

_log = logging.getLogger(__name__)


async def send_configuration(
    work: UnitOfWork, commands: Commands, station_id: str, changes: Mapping[str, str], cause: str
) -> None:
    """Send changed settings to the charge points of a station, but for what has been changed again since.

    Raises: the failure that a later try may mend, after everything was tried; UNAVAILABLE most likely.
    """
    station = await work.stations.find(station_id)
    if station is None or not changes:
        return
    settings = sorted((key, value) for key, value in changes.items() if station.configuration.get(key) == value)
    points = await work.charge_points.of_stations([station_id])
    await _give_all(
        [
            partial(commands.change_configuration, point.id, key, value, derived_id(cause, point.id, key))
            for point in points
            for key, value in settings
        ]
    )


async def send_availability(work: UnitOfWork, commands: Commands, reported: Connector, cause: str) -> None:
    """Send the availability of a connector, unless it has been changed again since. Raises like the other."""
    plug = await work.connectors.find(key_of(reported))
    if plug is not None and plug.availability is reported.availability:
        await _give_all([partial(commands.change_availability, *key_of(plug), plug.availability, cause)])


async def _give_all(orders: Sequence[Callable[[], Awaitable[None]]]) -> None:
    """Give the orders, some at once, and pass over those that are refused for good."""
    slots = asyncio.Semaphore(_AT_ONCE)
    failures: list[DomainError] = []

    async def give(order: Callable[[], Awaitable[None]]) -> None:
        async with slots:
            try:
                await order()
            except DomainError as error:
                if error.kind in _LAST_WORDS or error.reason == _NO_ANSWER:
                    _log.warning("a setting did not reach its charge point: %s", error.message)
                else:
                    failures.append(error)

    async with asyncio.TaskGroup() as group:
        for order in orders:
            group.create_task(give(order))
    if failures:
        raise failures[0]
