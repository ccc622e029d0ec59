"""What connectors can give, as the station service tells it."""

from datetime import datetime
from typing import NamedTuple


class ConnectorPower(NamedTuple):
    """The greatest power of a connector in W, None when it is not known, and since when that is so."""

    charge_point_id: str
    evse_id: int
    connector_id: int
    max_power_w: int | None
    told_time: datetime
