"""The OCPP versions the edge can speak, and their WebSocket subprotocol names.

Says nothing about which of them a process serves; that follows from its route tables.
"""

from enum import StrEnum


class Version(StrEnum):
    """An OCPP version, by the number people call it."""

    V16 = "1.6"
    V201 = "2.0.1"
    V21 = "2.1"

    def __init__(self, number: str) -> None:
        # The registered WebSocket subprotocol name. Asked for with every message; a property costs several times this.
        self.subprotocol = f"ocpp{number}"


# Most capable first: what a station that offers several gets (OCPP 2.0.1 part 4 section 3.1.2).
PREFERENCE = (Version.V21, Version.V201, Version.V16)
_BY_SUBPROTOCOL = {version.subprotocol: version for version in Version}


def version_of(subprotocol: str) -> Version | None:
    """The version that a registered subprotocol name stands for."""
    return _BY_SUBPROTOCOL.get(subprotocol)
