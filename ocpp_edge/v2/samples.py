"""Meter values as OCPP 2.x writes them (part 2, MeterValueType and SampledValueType): numbers, with free units."""

from collections.abc import Sequence

from ocpp_edge.facts.device_clock import Moment
from ocpp_edge.facts.meter_values import (
    ENERGY_REGISTER,
    USUAL_CONTEXT,
    PlainSample,
    Reading,
    Sample,
    decimal_of,
    readings_of,
)
from ocpp_edge.quirks import Forgiving
from ocpp_edge.rpc.frames import Payload

_NO_UNIT: Payload = {}


def meter_values(entries: Sequence[Payload], moment: Moment, forgives: Forgiving) -> tuple[list[Reading], set[str]]:
    """The readings in the entries of `meterValue`, in order, and the doubts about them."""
    return readings_of(entries, moment, _plain, _sample, forgives)


def _plain(sampled: Payload) -> PlainSample | None:
    get = sampled.get
    unit: Payload = get("unitOfMeasure", _NO_UNIT)
    if "phase" in sampled or "signedMeterValue" in sampled or unit.get("multiplier", 0) != 0:
        return None
    # The shortest text that gives the float is what was sent.
    text = str(sampled["value"])
    return get("measurand", ENERGY_REGISTER), unit.get("unit"), text, get("context") or USUAL_CONTEXT


def _sample(sampled: Payload, forgives: Forgiving) -> Sample:
    get = sampled.get
    unit: Payload = get("unitOfMeasure") or {}
    return Sample(
        decimal_of(sampled["value"], forgives),
        get("measurand") or ENERGY_REGISTER,
        get("phase") or "",
        get("context") or "",
        get("location") or "",
        unit.get("unit") or "",
        unit.get("multiplier", 0),
        "signedMeterValue" in sampled,
        sampled,
    )
