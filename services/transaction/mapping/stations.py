"""What the station service tells of connectors."""

from datetime import datetime

from csms.station.v1 import station_pb2 as station_pb
from services.transaction.domain.connector_power import ConnectorPower


def connector_powers(station: station_pb.Station, told_time: datetime) -> list[ConnectorPower]:
    """What the connectors of a station can give."""
    return [
        ConnectorPower(one.charge_point_id, one.evse_id, one.connector_id, one.max_power_w or None, told_time)
        for one in station.connectors
    ]
