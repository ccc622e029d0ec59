"""The OCPP versions that charge points are built for."""

from collections.abc import Mapping

from simulator.charge_point import ChargePoint
from simulator.v16 import V16ChargePoint
from simulator.v21 import V21ChargePoint
from simulator.v201 import V201ChargePoint

_DIALECTS: tuple[type[ChargePoint], ...] = (V16ChargePoint, V201ChargePoint, V21ChargePoint)
DIALECTS: Mapping[str, type[ChargePoint]] = {dialect.protocol: dialect for dialect in _DIALECTS}
