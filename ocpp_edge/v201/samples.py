"""Meter values as OCPP 2.x writes them (part 2, MeterValueType and SampledValueType): numbers, with free units."""

from typing import Any

from csms.transaction.v1.transaction_pb2 import MeterValue
from ocpp_edge.device_clock import Moment
from ocpp_edge.frames import Payload
from ocpp_edge.meter_values import ENERGY_REGISTER, Sample, decimal_of, to_meter_values


def meter_values(entries: list[Payload], moment: Moment) -> tuple[list[MeterValue], set[str]]:
    """The entries of `meterValue`, in order, and the doubts about them."""
    values: list[MeterValue] = []
    flags: set[str] = set()
    for entry in entries:
        time = moment.time_of_sample(entry.get("timestamp", ""))
        read, doubts = to_meter_values([_sample(sampled) for sampled in entry["sampledValue"]], time)
        values += read
        flags |= doubts
    return values, flags


def _sample(sampled: dict[str, Any]) -> Sample:
    get = sampled.get
    unit: dict[str, Any] = get("unitOfMeasure") or {}
    return Sample(
        decimal_of(sampled["value"]),
        get("measurand") or ENERGY_REGISTER,
        get("phase") or "",
        get("context") or "",
        get("location") or "",
        unit.get("unit") or "",
        unit.get("multiplier", 0),
        "signedMeterValue" in sampled,
        sampled,
    )
