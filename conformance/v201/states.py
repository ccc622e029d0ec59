"""States that many cases of 2.0.1 begin in, and the messages that they are made of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from conformance.place import iso
from conformance.station import Asked, Payload, Station
from conformance.verdicts import holds, same

REGISTER = "Energy.Active.Import.Register"


def now(ago: timedelta = timedelta()) -> str:
    """A stamp."""
    return iso(datetime.now(UTC) - ago)


def boot(reason: str = "PowerUp") -> Payload:
    """A boot."""
    station = {"vendorName": "Conformance", "model": "Script 2.0.1", "firmwareVersion": "1.0"}
    return {"reason": reason, "chargingStation": station}


async def boots(station: Station, reason: str = "PowerUp") -> None:
    """Say that it has booted, and what its connectors do; the CSMS has to welcome it."""
    answer = await station.call("BootNotification", boot(reason))
    same("status of the boot", answer["status"], "Accepted")
    holds("the interval is greater than 0", answer["interval"] > 0, answer["interval"])
    told = datetime.fromisoformat(answer["currentTime"])
    holds("the time is that of now", abs(datetime.now(UTC) - told) < timedelta(minutes=1), answer["currentTime"])
    for evse in (1, 2):
        await status(station, "Available", evse)


async def booted(station: Station, **credentials: Any) -> None:
    """Connected, welcome, all connectors available."""
    await station.connect(**credentials)
    await boots(station)


async def reboots(station: Station, reason: str = "RemoteReset", **credentials: Any) -> None:
    """Gone, and back after a boot."""
    await station.disconnect()
    await station.connect(**credentials)
    await boots(station, reason)


async def status(station: Station, word: str, evse: int = 1, connector: int = 1, **more: Any) -> None:
    """Say what a connector does."""
    body = {"timestamp": now(), "connectorStatus": word, "evseId": evse, "connectorId": connector, **more}
    await station.acknowledged("StatusNotification", body)


async def all_statuses(station: Station, word: str, evses: tuple[int, ...] = (1, 2)) -> None:
    """Say that all connectors do the same, and wait until the operator sees it."""
    for evse in evses:
        await status(station, word, evse)
    for evse in evses:
        await station.connector_is(word.upper(), 1, evse)


async def authorized(station: Station, tag: str, *expected: str) -> Payload:
    """Ask about a token. Returns what is told about it."""
    info: Payload = (await station.call("Authorize", {"idToken": token(tag)}))["idTokenInfo"]
    holds(f"the token is {' or '.join(expected or ('Accepted',))}", info["status"] in (expected or ("Accepted",)), info)
    return info


def token(tag: str, kind: str = "ISO14443") -> Payload:
    """A token."""
    return {"idToken": tag, "type": kind}


def reading(wh: float, context: str, *, signed: bool = False, ago: timedelta = timedelta()) -> Payload:
    """One sample of the register of the meter."""
    value: Payload = {"value": wh, "context": context, "measurand": REGISTER, "unitOfMeasure": {"unit": "Wh"}}
    if signed:
        value["signedMeterValue"] = {
            "signedMeterData": "T0NNRnx7IkZWIjoiMS4wIn18eyJTRCI6IjAwIn0=",
            "signingMethod": "ECDSA-secp256r1-SHA256",
            "encodingMethod": "OCMF",
            "publicKey": "b2NhOmJhc2UxNjphc24xOjMwNTk=",
        }
    return {"timestamp": now(ago), "sampledValue": [value]}


class Session:
    """One transaction as the station tells it, which counts its events. `answer` is the last that it got."""

    def __init__(self, station: Station, evse: int = 1) -> None:
        self.station, self.id, self._evse, self._number = station, str(uuid4()), evse, 0
        self.answer: Payload = {}

    async def tell(
        self,
        kind: str,
        trigger: str,
        *,
        tag: str = "",
        state: str = "",
        expected: tuple[str, ...] = ("Accepted",),
        seq_no: int | None = None,
        ago: timedelta = timedelta(),
        info: Payload | None = None,
        **more: Any,
    ) -> Payload:
        """An event. Returns what the answer says of its token, if it has one: that has to be one of `expected`."""
        session: Payload = {"transactionId": self.id, **({"chargingState": state} if state else {}), **(info or {})}
        body: Payload = {
            "eventType": kind,
            "timestamp": now(ago),
            "triggerReason": trigger,
            "seqNo": self._number if seq_no is None else seq_no,
            "transactionInfo": session,
            **({"evse": {"id": self._evse, "connectorId": 1}} if self._evse else {}),
            **({"idToken": token(tag)} if tag else {}),
            **more,
        }
        self._number += 1
        self.answer = await self.station.call("TransactionEvent", body)
        told: Payload = self.answer.get("idTokenInfo", {})
        if tag:
            holds(f"the token is {' or '.join(expected)}", told.get("status") in expected, self.answer)
        return told

    def skip(self, count: int = 1) -> int:
        """Leave out numbers of events that are told later. Returns the first."""
        first, self._number = self._number, self._number + count
        return first

    def begins_at(self, evse: int) -> None:
        """From now on events tell this EVSE."""
        self._evse = evse

    async def is_shown(self, state: str, **fields: Any) -> Any:
        """The transaction as the operator sees it, as soon as it is so."""
        return await self.station.transaction(ocppTransactionId=self.id, state=state, **fields)


async def charging(station: Station, tag: str, evse: int = 1) -> Session:
    """A transaction that goes on: the cable first, then the token, then the energy."""
    session = Session(station, evse)
    await status(station, "Occupied", evse)
    await session.tell(
        "Started", "CablePluggedIn", state="EVConnected", meterValue=[reading(1000, "Transaction.Begin")]
    )
    await authorized(station, tag)
    await session.tell("Updated", "Authorized", tag=tag, state="EVConnected")
    await session.tell("Updated", "ChargingStateChanged", state="Charging")
    await session.is_shown("ACTIVE", idTag=tag, chargingState="Charging")
    return session


async def ended(session: Session, trigger: str, reason: str, *, tag: str = "", state: str = "EVConnected") -> None:
    """The transaction ends, having charged 2 kWh; the operator sees it."""
    last = [reading(3000, "Transaction.End")]
    await session.tell("Ended", trigger, tag=tag, state=state, info={"stoppedReason": reason}, meterValue=last)
    await session.is_shown("ENDED", stopReason=reason, energyWh="2000")


async def set_variables(station: Station, key: str, value: str, answer: str = "Accepted") -> Asked:
    """The operator sets one variable."""
    result = {"setVariableResult": [{**named(key), "attributeStatus": answer}]}
    asked = await station.commanded("change-configuration", {"key": key, "value": value}, "SetVariables", result)
    same("what is asked", asked.payload, {"setVariableData": [{**named(key), "attributeValue": value}]})
    same("status of the command", asked.command["status"], answer)
    return asked


async def takes(station: Station, key: str, count: int) -> None:
    """The operator reads how many items the station takes in a request."""
    await station.commanded("get-configuration", {"keys": [key]}, "GetVariables", values_of((key, str(count))))


def named(key: str) -> Payload:
    """The variable `Component[instance].Variable[instance]`."""
    component, _, variable = key.partition(".")
    return {"component": _with_instance(component), "variable": _with_instance(variable)}


def _with_instance(text: str) -> Payload:
    name, _, instance = text.rstrip("]").partition("[")
    return {"name": name, **({"instance": instance} if instance else {})}


def values_of(*values: tuple[str, str]) -> Payload:
    """The answer to GetVariables."""
    told = [{**named(key), "attributeStatus": "Accepted", "attributeValue": value} for key, value in values]
    return {"getVariableResult": told}


async def event(station: Station, component: str, variable: str, value: str, **more: Any) -> None:
    """Tell of a variable; the CSMS acknowledges it."""
    entry = {
        "eventId": 1,
        "timestamp": now(),
        "trigger": "Alerting",
        "actualValue": value,
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": component, "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": variable},
        **more,
    }
    await station.acknowledged("NotifyEvent", {"generatedAt": now(), "seqNo": 0, "eventData": [entry]})
