"""Misbehaviour on the wire: correct frames in, the frames that real stations have been seen to send out.

Pure functions on parsed frames. A factory makes a fresh distortion for each run, because some of them remember. What a
station does wrong in its behaviour, not in its frames, is in `scripts`.
"""

import copy
import json
import random
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any
from uuid import uuid4

from simulator.transport import Distortion, compact

Json = dict[str, Any]
_CALL, _CALLRESULT = 2, 3
_SIGNED_LENGTH = 2_400


def twice(matches: Callable[[str, Json], bool]) -> Distortion:
    """Calls that match are sent again at once under a new id, as an impatient retry would."""

    def distort(frame: list[Any]) -> list[str]:
        if frame[0] == _CALL and matches(frame[2], frame[3]):
            return [compact(frame), compact([_CALL, str(uuid4()), *frame[2:]])]
        return [compact(frame)]

    return distort


def is_start(action: str, payload: Json) -> bool:
    """Whether a call begins a transaction."""
    return action == "StartTransaction" or (action == "TransactionEvent" and payload["eventType"] == "Started")


def is_stop(action: str, payload: Json) -> bool:
    """Whether a call ends a transaction."""
    return action == "StopTransaction" or (action == "TransactionEvent" and payload["eventType"] == "Ended")


def rewriting(change: Callable[[str, Json], None]) -> Distortion:
    """Calls pass through `change`, which edits the payload in place."""

    def distort(frame: list[Any]) -> list[str]:
        if frame[0] != _CALL:
            return [compact(frame)]
        changed = copy.deepcopy(frame)
        change(changed[2], changed[3])
        return [compact(changed)]

    return distort


def wrong_unit(_: str, payload: Json) -> None:
    """Energy in Wh, labelled kWh."""
    for value in _energy_values(payload):
        _set_unit(value, "kWh")


def noisy_kwh(_: str, payload: Json) -> None:
    """Energy in kWh as binary floating point leaves it (0.30002999999999996)."""
    for value in _energy_values(payload):
        noisy = float(value["value"]) / 1_000 * (1 + 2**-52)
        value["value"] = repr(noisy) if isinstance(value["value"], str) else noisy
        _set_unit(value, "kWh")


def no_energy(_: str, payload: Json) -> None:
    """Meter values without energy: a state of charge that jumps about is all there is."""
    for meter_value in payload.get("meterValue", []):
        values = meter_value["sampledValue"]
        soc = copy.deepcopy(values[0]) | {"measurand": "SoC", "location": "EV"}
        percent = random.randint(0, 100)
        soc["value"] = str(percent) if isinstance(soc["value"], str) else percent
        _set_unit(soc, "Percent")
        meter_value["sampledValue"] = [soc]


def signed_values(_: str, payload: Json) -> None:
    """Each meter value carries kilobytes of signed OCMF beside its numbers."""
    ocmf = 'OCMF|{"FV":"1.0","RD":[{"RV":1.5,"RU":"kWh"}]}|{"SD":"' + "30" * (_SIGNED_LENGTH // 2 - 40) + '"}'
    for meter_value in payload.get("meterValue", []):
        values = meter_value["sampledValue"]
        if "unitOfMeasure" in values[0]:
            signed = {"signedMeterData": ocmf, "signingMethod": "", "encodingMethod": "OCMF", "publicKey": ""}
            values[0]["signedMeterValue"] = signed
        else:
            values.append({"value": ocmf, "format": "SignedData", "measurand": "Energy.Active.Import.Register"})


def numbers_as_strings(_: str, payload: Json) -> None:
    """Numbers of the top level arrive as text."""
    for name, value in payload.items():
        if isinstance(value, int) and not isinstance(value, bool):
            payload[name] = str(value)


def without_zone(_: str, payload: Json) -> None:
    """Timestamps say no time zone."""
    for holder in _objects(payload):
        if isinstance(holder.get("timestamp"), str):
            holder["timestamp"] = holder["timestamp"].removesuffix("Z")


def seq_no_zero(_: str, payload: Json) -> None:
    """Every event of a transaction is number 0."""
    if "seqNo" in payload:
        payload["seqNo"] = 0


def seq_no_gaps(_: str, payload: Json) -> None:
    """Every other number is missing."""
    if "seqNo" in payload:
        payload["seqNo"] *= 2


def bare_events(action: str, payload: Json) -> None:
    """Only Started names the EVSE; no event says offline or why it stopped."""
    if action == "TransactionEvent":
        payload.pop("offline", None)
        payload["transactionInfo"].pop("stoppedReason", None)
        if payload["eventType"] != "Started":
            payload.pop("evse", None)


def stop_without_number(action: str, payload: Json) -> None:
    """StopTransaction for transaction 0."""
    if action == "StopTransaction":
        payload["transactionId"] = 0


def empty_strings(action: str, payload: Json) -> None:
    """Optional texts are sent empty instead of being left out."""
    if action == "BootNotification" and "chargingStation" in payload:
        payload["chargingStation"]["modem"] = {"iccid": "", "imsi": ""}
    elif action == "BootNotification":
        payload |= {"iccid": "", "imsi": "", "meterType": ""}


def meter_values_apart() -> Distortion:
    """Samples within a 2.x transaction are sent as MeterValues instead of TransactionEvent."""

    def distort(frame: list[Any]) -> list[str]:
        if frame[0] == _CALL and frame[2] == "TransactionEvent" and frame[3]["triggerReason"] == "MeterValuePeriodic":
            payload = {"evseId": frame[3]["evse"]["id"], "meterValue": frame[3]["meterValue"]}
            return [compact([_CALL, frame[1], "MeterValues", payload])]
        return [compact(frame)]

    return distort


def eager_status() -> Distortion:
    """A StatusNotification follows BootNotification without waiting for the answer: two calls in flight."""

    def distort(frame: list[Any]) -> list[str]:
        if frame[0] != _CALL or frame[2] != "BootNotification":
            return [compact(frame)]
        status: Json = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        if "chargingStation" in frame[3]:
            status = {
                "evseId": 1,
                "connectorId": 1,
                "connectorStatus": "Available",
                "timestamp": "2025-01-01T00:00:00Z",
            }
        return [compact(frame), compact([_CALL, str(uuid4()), "StatusNotification", status])]

    return distort


def spaced() -> Distortion:
    """JSON with spaces after commas and colons."""
    return lambda frame: [json.dumps(frame)]


def answering(replace: Callable[[str], list[Any] | None]) -> Distortion:
    """Answers to commands are replaced by `replace(message_id)`, or withheld where that is None."""

    def distort(frame: list[Any]) -> list[str]:
        if frame[0] != _CALLRESULT:
            return [compact(frame)]
        answer = replace(frame[1])
        return [] if answer is None else [compact(answer)]

    return distort


def old_codes() -> Distortion:
    """Commands are answered by CALLERROR with codes that only OCPP 1.6 knows, in its spelling."""
    codes = cycle(("OccurenceConstraintViolation", "FormationViolation"))
    return answering(lambda message_id: [4, message_id, next(codes), "", {}])


def _energy_values(payload: Json) -> Iterator[Json]:
    for meter_value in payload.get("meterValue", []):
        for value in meter_value["sampledValue"]:
            if value.get("measurand") == "Energy.Active.Import.Register":
                yield value


def _set_unit(value: Json, unit: str) -> None:
    if "unitOfMeasure" in value:
        value["unitOfMeasure"] = {"unit": unit}
    else:
        value["unit"] = unit


def _objects(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from _objects(child)
