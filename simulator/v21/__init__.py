"""The OCPP 2.1 dialect: what it does not share with 2.0.1."""

from simulator.v21.charge_point import V21ChargePoint

__all__ = ["V21ChargePoint"]
