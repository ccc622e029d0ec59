"""A charge point that says what its ledger has for it, and keeps the book of what was acknowledged.

By OCPP 1.6 or 2.0.1: it boots, tells of a second connector that is faulted, asks for a card, starts, reads its meter,
stops. It lived through this in the last hour: what it says has the times of then.
"""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from simulator.ledger import Acknowledgement, Ledger

_ANSWER_SECONDS = 30.0
_CALL, _RESULT = 2, 3
_REGISTER = "Energy.Active.Import.Register"
# What the meter shows at the start, in between and at the stop, in Wh, and when: minutes before it is first asked.
_METER_WH = (1_000, 1_700, 2_400, 3_210)
_MINUTES_AGO = (40, 30, 20, 10)
ENERGY_WH = _METER_WH[-1] - _METER_WH[0]

_Message = tuple[str, dict[str, Any]]


@dataclass
class ChargePoint:
    """One that charges once. `transaction_id` is what it calls its transaction, once it has one."""

    identity: str
    protocol: str
    card: str
    ledger: Ledger
    transaction_id: str = ""
    commands: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)
    _since: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def connectors(self) -> list[dict[str, int]]:
        """Its connectors as the platform counts them: by OCPP 1.6 within the charge point, by 2.x within the EVSE."""
        if self.protocol == "1.6":
            return [{"connectorId": 1}, {"connectorId": 2}]
        return [{"evseId": 1, "connectorId": 1}, {"evseId": 2, "connectorId": 1}]

    @asynccontextmanager
    async def connected(self, url: str) -> AsyncIterator["Line"]:
        """Its connection, by which it also obeys."""
        subprotocol = Subprotocol(f"ocpp{self.protocol}")
        async with connect(f"{url}/{self.identity}", subprotocols=[subprotocol], proxy=None) as socket:
            line = Line(socket, self.commands)
            listening = asyncio.create_task(line.listen())
            try:
                yield line
            finally:
                listening.cancel()

    async def begin(self, line: "Line") -> None:
        """It comes up and starts a transaction, of which it tells a first reading."""
        for action, payload in self._beginning():
            answer = await self._say(line, action, payload)
            if action == "StartTransaction":
                self.transaction_id = str(answer["transactionId"])
        await self._say(line, *self._reading(1))

    async def end(self, line: "Line") -> None:
        """It tells another reading and ends its transaction."""
        await self._say(line, *self._reading(2))
        await self._say(line, *self._stop())

    async def _say(self, line: "Line", action: str, payload: dict[str, Any]) -> dict[str, Any]:
        number, sent_time = f"{self.identity}-{next(self._numbers)}", datetime.now(UTC)
        answer = await line.ask(number, action, payload)
        now = datetime.now(UTC)
        self.ledger.record(
            Acknowledgement(self.identity, self.protocol, number, action, payload, answer, sent_time, now)
        )
        return answer

    def _beginning(self) -> Iterator[_Message]:
        time = self._time(0)
        if self.protocol == "1.6":
            yield "BootNotification", {"chargePointVendor": "ACME", "chargePointModel": "Sixteen"}
            yield "StatusNotification", self._status(1, "Preparing")
            yield "StatusNotification", self._status(2, "Faulted")
            yield "SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": time}
            yield "Authorize", {"idTag": self.card}
            start = {"connectorId": 1, "idTag": self.card, "meterStart": _METER_WH[0], "timestamp": time}
            yield "StartTransaction", start
        else:
            station = {"vendorName": "ACME", "model": "Two"}
            yield "BootNotification", {"chargingStation": station, "reason": "PowerUp"}
            yield "StatusNotification", self._status(1, "Occupied")
            yield "StatusNotification", self._status(2, "Faulted")
            yield "SecurityEventNotification", {"type": "SettingSystemTime", "timestamp": time}
            yield "Authorize", {"idToken": self._token()}
            self.transaction_id = f"T-{self.identity}"
            yield self._event("Started", 0, idToken=self._token(), evse={"id": 1, "connectorId": 1})

    def _reading(self, place: int) -> _Message:
        if self.protocol != "1.6":
            return self._event("Updated", place)
        sample = {"value": str(_METER_WH[place]), "measurand": _REGISTER, "unit": "Wh"}
        values = [{"timestamp": self._time(place), "sampledValue": [sample]}]
        return "MeterValues", {
            "connectorId": 1,
            "transactionId": int(self.transaction_id),
            "meterValue": values,
        }

    def _stop(self) -> _Message:
        if self.protocol != "1.6":
            return self._event("Ended", 3, stopped="Local")
        return "StopTransaction", {
            "transactionId": int(self.transaction_id),
            "idTag": self.card,
            "meterStop": _METER_WH[-1],
            "timestamp": self._time(3),
            "reason": "Local",
        }

    def _status(self, place: int, status: str) -> dict[str, Any]:
        if self.protocol == "1.6":
            return {"connectorId": place, "status": status, "errorCode": "NoError", "timestamp": self._time(0)}
        return {"evseId": place, "connectorId": 1, "connectorStatus": status, "timestamp": self._time(0)}

    def _event(self, kind: str, place: int, stopped: str = "", **more: Any) -> _Message:
        context = {"Started": "Transaction.Begin", "Ended": "Transaction.End"}.get(kind, "Sample.Periodic")
        sample = {"value": _METER_WH[place], "measurand": _REGISTER, "context": context}
        about: dict[str, Any] = {"transactionId": self.transaction_id, "chargingState": "Charging"}
        if stopped:
            about |= {"chargingState": "Idle", "stoppedReason": stopped}
        trigger = {"Started": "Authorized", "Ended": "StopAuthorized"}.get(kind, "MeterValuePeriodic")
        return "TransactionEvent", {
            "eventType": kind,
            "timestamp": self._time(place),
            "triggerReason": trigger,
            "seqNo": place,
            "transactionInfo": about,
            "meterValue": [{"timestamp": self._time(place), "sampledValue": [sample]}],
            **more,
        }

    def _token(self) -> dict[str, str]:
        return {"idToken": self.card, "type": "ISO14443"}

    def _time(self, place: int) -> str:
        time = self._since - timedelta(minutes=_MINUTES_AGO[place])
        return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Line:
    """The connection of a charge point: its requests with their answers, and what it is asked in between."""

    def __init__(self, socket: ClientConnection, commands: list[str]) -> None:
        self._socket = socket
        self._commands = commands
        self._answers: dict[str, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, number: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises AssertionError when it was refused or does not come."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._socket.send(json.dumps([_CALL, number, action, payload]))
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await answer

    async def listen(self) -> None:
        """Take what comes until cancelled: answers, and calls, of which it knows how to clear its cache."""
        async for text in self._socket:
            kind, number, *rest = json.loads(text)
            if kind == _CALL:
                self._commands.append(rest[0])
                status = "Accepted" if rest[0] == "ClearCache" else "Rejected"
                await self._socket.send(json.dumps([_RESULT, number, {"status": status}]))
                continue
            answer = self._answers.pop(number)
            if kind == _RESULT:
                answer.set_result(rest[0])
            else:
                answer.set_exception(AssertionError(f"{number} was refused: {text!r}"))
