"""The OCPP 1.6 dialect: what the messages look like and how the commands are answered."""

from simulator.v16.charge_point import V16ChargePoint

__all__ = ["V16ChargePoint"]
