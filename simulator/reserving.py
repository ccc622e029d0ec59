"""Connectors that are kept for somebody, whatever OCPP version says so."""

from collections.abc import Callable, Coroutine
from typing import Any

from simulator.charge_point import ChargePoint
from simulator.connector import Connector, ConnectorStatus, Reservation

_REFUSALS = {ConnectorStatus.FAULTED: "Faulted", ConnectorStatus.UNAVAILABLE: "Unavailable"}


def reserve(station: ChargePoint, connector_id: int | None, reservation: Reservation) -> tuple[str, Connector | None]:
    """Keep a connector, the one named or the first that is free: the answer, and the connector if it was accepted. A
    reservation of the same id is replaced."""
    cancel(station, reservation.id)
    named = list(station.connectors.values()) if not connector_id else [station.connectors.get(connector_id)]
    found = [connector for connector in named if connector is not None]
    if not found:
        return "Rejected", None
    free = next((connector for connector in found if connector.free and not connector.plugged_in), None)
    if free is None:
        return _REFUSALS.get(found[0].status, "Occupied"), None
    free.reservation = reservation
    return "Accepted", free


def cancel(station: ChargePoint, reservation_id: int) -> Connector | None:
    """Give a connector back; None when no reservation of that id stands."""
    for connector in station.connectors.values():
        if connector.reservation is not None and connector.reservation.id == reservation_id:
            connector.reservation = None
            return connector
    return None


async def keep(
    station: ChargePoint,
    connector: Connector,
    reservation: Reservation,
    expired: Callable[[Reservation], Coroutine[Any, Any, None]] | None = None,
) -> None:
    """Tell that a connector is reserved, and give it back when the time is over, telling that by `expired` as well."""
    await station.report_status(connector)
    await station.clock.sleep_until(station.clock.to_us(reservation.expires))
    if connector.reservation is reservation:
        connector.reservation = None
        if expired is not None:
            await expired(reservation)
        await station.report_status(connector)
