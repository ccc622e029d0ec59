"""Meter values as OCPP 1.6 writes them (sections 7.33 and 7.43): every value a string."""

from collections.abc import Sequence
from decimal import Decimal

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

_SIGNED = "SignedData"


def meter_values(entries: Sequence[Payload], moment: Moment, forgives: Forgiving) -> tuple[list[Reading], set[str]]:
    """The readings in the entries of `meterValue` or `transactionData`, in order, and the doubts about them."""
    return readings_of(entries, moment, _plain, _sample, forgives)


def _plain(sampled: Payload) -> PlainSample | None:
    get = sampled.get
    if "phase" in sampled or get("format") == _SIGNED:
        return None
    return get("measurand", ENERGY_REGISTER), get("unit"), sampled["value"], get("context") or USUAL_CONTEXT


def _sample(sampled: Payload, forgives: Forgiving) -> Sample:
    get = sampled.get
    signed = get("format") == _SIGNED
    value: Decimal | None = None if signed else decimal_of(sampled["value"], forgives)
    return Sample(
        value,
        get("measurand") or ENERGY_REGISTER,
        get("phase") or "",
        get("context") or "",
        get("location") or "",
        get("unit") or "",
        0,
        signed,
        sampled,
    )
