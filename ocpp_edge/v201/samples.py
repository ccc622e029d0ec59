"""Meter values as OCPP 2.x writes them (part 2, MeterValueType and SampledValueType): numbers, with free units."""

from typing import Any

from csms.transaction.v1.transaction_pb2 import MeterValue
from ocpp_edge.device_clock import Moment
from ocpp_edge.frames import Payload
from ocpp_edge.meter_values import (
    ENERGY_REGISTER,
    USUAL_CONTEXT,
    PlainSample,
    Sample,
    decimal_of,
    plain_value,
    to_meter_values,
)

_NO_UNIT: dict[str, Any] = {}


def meter_values(entries: list[Payload], moment: Moment) -> tuple[list[MeterValue], set[str]]:
    """The entries of `meterValue`, in order, and the doubts about them."""
    values: list[MeterValue] = []
    flags: set[str] = set()
    for entry in entries:
        time = moment.time_of_sample(entry.get("timestamp", ""))
        samples: list[dict[str, Any]] = entry["sampledValue"]
        plain = plain_value(map(_plain, samples), time)
        if plain is not None:
            values.append(plain)
            continue
        read, doubts = to_meter_values([_sample(sampled) for sampled in samples], time)
        values += read
        flags |= doubts
    return values, flags


def _plain(sampled: dict[str, Any]) -> PlainSample | None:
    get = sampled.get
    unit: dict[str, Any] = get("unitOfMeasure", _NO_UNIT)
    if "phase" in sampled or "signedMeterValue" in sampled or unit.get("multiplier", 0) != 0:
        return None
    # The shortest text that gives the float is what was sent.
    text = str(sampled["value"])
    return get("measurand", ENERGY_REGISTER), unit.get("unit"), text, get("context") or USUAL_CONTEXT


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
