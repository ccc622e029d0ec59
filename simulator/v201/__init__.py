"""The OCPP 2.0.1 dialect: what the messages look like and how the commands are answered."""

from simulator.v201.charge_point import V201ChargePoint

__all__ = ["V201ChargePoint"]
