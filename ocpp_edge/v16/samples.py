"""Meter values as OCPP 1.6 writes them (sections 7.33 and 7.43): every value a string."""

from datetime import datetime
from decimal import Decimal
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

_SIGNED = "SignedData"


def meter_values(entries: list[Payload], moment: Moment) -> tuple[list[MeterValue], set[str]]:
    """The entries of `meterValue` or `transactionData`, in order, and the doubts about them."""
    values: list[MeterValue] = []
    flags: set[str] = set()
    for entry in entries:
        time: datetime = moment.time_of_sample(entry.get("timestamp", ""))
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
    if "phase" in sampled or get("format") == _SIGNED:
        return None
    return get("measurand", ENERGY_REGISTER), get("unit"), sampled["value"], get("context") or USUAL_CONTEXT


def _sample(sampled: dict[str, Any]) -> Sample:
    get = sampled.get
    signed = get("format") == _SIGNED
    value: Decimal | None = None if signed else decimal_of(sampled["value"])
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
