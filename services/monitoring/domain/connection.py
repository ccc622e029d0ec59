"""Connections of charge points as the station service lists them."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """An open connection; the fields are those of csms.station.v1.Connection."""

    charge_point_id: str
    protocol: str
    connected_time: datetime | None
    last_seen_time: datetime | None
    node: str
    epoch: int
    remote_address: str
    node_address: str
