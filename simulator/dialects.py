"""The OCPP versions that charge points are built for."""

from collections.abc import Mapping

from simulator.charge_point import ChargePoint
from simulator.v16 import V16ChargePoint
from simulator.v201 import V201ChargePoint

DIALECTS: Mapping[str, type[ChargePoint]] = {dialect.protocol: dialect for dialect in (V16ChargePoint, V201ChargePoint)}
