"""Messages that are badly written: optional parts that are broken, doubles for integers, characters that are none.

What a message is about is never another thing afterwards: no register becomes another number, no session gets another
name, and no card.
"""

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from simulator.lies.message import ENERGY, Json, Message

# What stands where something else belongs.
_JUNK: Sequence[Any] = (None, True, {}, [], "n/a", "", {"x": [1]}, [[1]], [None, "y"], "x" * 600, 1e300)
_NO_LIST: Sequence[Any] = (None, True, {}, [], "n/a", "", 7, {"x": [1]}, [[]], [None], [{}, 1])
# At most so many parts of one message.
_MOST_BROKEN = 3
_SPOILT_REGISTERS = 0.08
# By action: what the specification allows beside what the station says; broken whenever it is there.
_ALSO_ALLOWED = {
    "StartTransaction": ("reservationId",),
    "StopTransaction": ("transactionData",),
    "MeterValues": (),
    "TransactionEvent": ("numberOfPhasesUsed", "cableMaxCurrent", "reservationId", "customData"),
}
_OF_INFO = ("timeSpentCharging", "remoteStartId", "customData")
_OF_SAMPLE = {True: ("signedMeterValue", "phase", "customData"), False: ("format", "phase")}
# Stand for characters until a message is spelled: those that can be left out, and those that cannot be read.
_NUL, _BAD = "~nul~", "~bad~"
_NULS = (b"\0", b"\0\0\0", b"\\u0000", b"\x01")
_NO_CHARACTERS = (b"\xff", b"\xe4", b"\xed\xa0\xbd", b"\\ud83d", b"\xc3")

_Break = Callable[[], None]


def broken_parts(message: Message) -> bool:
    """One to three optional parts of a message of a session are broken."""
    if not message.is_of_session:
        return False
    for _ in range(message.rng.randint(1, _MOST_BROKEN)):
        # Anew each time: what is within something broken may be gone, and with it all that is optional.
        if breaks := list(_breaks(message)):
            message.rng.choice(breaks)()
    return True


def doubles(message: Message) -> bool:
    """Every integer is written with a fraction: 3.0."""
    if message.is_of_session:
        message.payload.update(_as_doubles(message.payload))
    return message.is_of_session


def bad_characters(message: Message) -> bool:
    """Texts hold NULs, control characters, and bytes that are no UTF-8."""
    if not message.is_of_session:
        return False
    payload = message.payload
    for holder, name in ((payload, "idTag"), (payload.get("idToken"), "idToken"), (payload, "reason")):
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            holder[name] += _NUL
    for entry in payload.get("meterValue", ()):
        for sample in entry["sampledValue"]:
            if isinstance(sample["value"], str) and message.rng.random() < 0.5:
                sample["value"] += _NUL
    note = f"Z{_BAD}hler {_BAD}"
    if message.action == "TransactionEvent":
        payload["customData"] = {"vendorId": note}
    else:
        payload["vendorNote"] = note
    return True


def spelled(text: str) -> str | bytes:
    """A frame as it goes over the wire, with its bad characters if it has any; the same each time."""
    if _NUL not in text and _BAD not in text:
        return text
    # Whatever its message id is.
    rng, spelt = random.Random(text.split(",", 2)[-1]), text.encode()
    for mark, characters in ((_NUL, _NULS), (_BAD, _NO_CHARACTERS)):
        while mark.encode() in spelt:
            spelt = spelt.replace(mark.encode(), rng.choice(characters), 1)
    return spelt + rng.choice((b"", b"", b"\0", b"\0\0\0"))


def _breaks(message: Message) -> Iterator[_Break]:
    """All that may be broken, once each."""
    payload, rng = message.payload, message.rng

    def spoil(holder: Json, name: str, junk: Sequence[Any] = _JUNK, unsaid: str = "") -> _Break:
        def apply() -> None:
            holder[name] = copy.deepcopy(rng.choice(junk))
            if unsaid:
                message.unsaid.append(unsaid)

        return apply

    for name in _ALSO_ALLOWED[message.action]:
        yield spoil(payload, name)
    for name in ("idTag", "reason") if message.action == "StopTransaction" else ():
        yield spoil(payload, name)
    for name in ("meterStart", "meterStop"):
        if name in payload and rng.random() < _SPOILT_REGISTERS:
            yield spoil(payload, name, unsaid=name)
    if message.action == "MeterValues" and "transactionId" in payload:
        yield spoil(payload, "transactionId", (None, True, {}, [], "", [[1]]), unsaid="transactionId")
    if message.action == "TransactionEvent":
        yield from _breaks_of_event(message, spoil)
    yield from _breaks_of_readings(message, spoil)


def _breaks_of_event(message: Message, spoil: Callable[..., _Break]) -> Iterator[_Break]:
    payload = message.payload
    info, evse, token = (payload.get(name) for name in ("transactionInfo", "evse", "idToken"))
    yield spoil(payload, "offline", (None, 7, {}, [], "n/a", ""))
    if isinstance(info, dict):
        for name in (*_OF_INFO, *(one for one in ("chargingState", "stoppedReason") if one in info)):
            yield spoil(info, name, (None, True, {}, [], 7, [[1]]))
    if isinstance(evse, dict):
        yield spoil(evse, "connectorId", (None, True, {}, [], "n/a", ""))
        if not message.is_start:
            yield spoil(payload, "evse", (None, True, {}, [], "n/a"))
    if isinstance(token, dict):
        yield spoil(token, "additionalInfo", _NO_LIST)
    if "meterValue" in payload and message.rng.random() < _SPOILT_REGISTERS:
        yield spoil(payload, "meterValue", _NO_LIST, unsaid="meterValue")


def _breaks_of_readings(message: Message, spoil: Callable[..., _Break]) -> Iterator[_Break]:
    """Whatever has to do with the energy register is spoilt seldom, or there would be none."""
    entries = message.payload.get("meterValue")
    for number, entry in enumerate(entries if isinstance(entries, list) else ()):
        samples = entry.get("sampledValue") if isinstance(entry, dict) else None
        place = f"meterValue.{number}"
        if not isinstance(samples, list):
            continue
        if message.rng.random() < _SPOILT_REGISTERS:
            yield spoil(entry, "sampledValue", _NO_LIST, unsaid=place)
        for sample in samples:
            is_whole = isinstance(sample, dict) and isinstance(sample.get("value"), str | int | float)
            if not is_whole or isinstance(sample["value"], bool):
                continue
            if sample.get("measurand") != ENERGY:
                # Only one thing: a voltage without measurand and unit would be an energy.
                yield spoil(sample, message.rng.choice(("value", *_details(sample))), (None, True, {}, [], [[1]]))
            elif message.rng.random() < _SPOILT_REGISTERS:
                name = message.rng.choice(("value", "context", "measurand", _unit(sample)))
                yield spoil(sample, name, (None, True, {}, [], [[1]]), unsaid=place)
            else:
                yield spoil(sample, message.rng.choice(_details(sample)), (None, True, {}, [], [[1]]))


def _unit(sample: Json) -> str:
    return "unitOfMeasure" if "unitOfMeasure" in sample else "unit"


def _details(sample: Json) -> Sequence[str]:
    return ("location", *_OF_SAMPLE["unitOfMeasure" in sample])


def _as_doubles(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _as_doubles(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_doubles(part) for part in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
