"""Where something is, as csms.station.v1.EvseRef says it, for every OCPP version.

The rule for OCPP 1.6, which has no EVSEs, stands here alone (ADR 68). Its connector N is the EVSE N and keeps its
number, by which its charge point and operators call it: both are N. Its connector 0 is the charge point as a whole. An
operator who names a connector alone means the same at a charge point by OCPP 2.x: the EVSE of that number.
"""

from typing import Any, NamedTuple, Protocol

Place = Any
"""The fields of an EvseRef for the constructor of a message that holds one, or None: a dict, which costs half as much
there as a message would. The stubs know of messages only."""


class Asked(Protocol):
    """A command that names a connector, an EVSE, or both; 0 is neither."""

    @property
    def evse_id(self) -> int: ...

    @property
    def connector_id(self) -> int: ...


class Evse(NamedTuple):
    """An EVSE of OCPP 2.x and its connector; 0 for the station as a whole, and for all connectors."""

    evse_id: int
    connector_id: int


def place(evse_id: int, connector_id: int) -> Place:
    """What OCPP 2.x tells; None for neither, which is the charge point as a whole, or not known."""
    return {"evse_id": evse_id, "connector_id": connector_id} if evse_id or connector_id else None


def place_of_connector(number: int) -> Place | None:
    """What OCPP 1.6 tells."""
    return {"evse_id": number, "connector_id": number} if number else None


def connector_of(asked: Asked) -> int:
    """The connector by OCPP 1.6 that a command is about."""
    return asked.connector_id or asked.evse_id


def evse_of(asked: Asked) -> Evse:
    """The EVSE by OCPP 2.x that a command is about: without its number, the connector's."""
    return Evse(asked.evse_id, asked.connector_id) if asked.evse_id else Evse(asked.connector_id, 0)
