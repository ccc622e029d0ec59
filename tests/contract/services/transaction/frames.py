"""Charge points in front of the real transaction service: payloads of OCPP in, by the routes of the edge, rows out."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from csms.transaction.v1.recording_service_pb2 import TransactionEvent, TransactionEventAnswer
from ocpp_edge.facts.context import ChargerContext
from ocpp_edge.facts.device_clock import iso_text
from ocpp_edge.v16 import routes as v16
from ocpp_edge.v201 import routes as v201
from ocpp_edge.versions import Version
from tests.contract.services.transaction.conftest import Record
from tests.contract.services.transaction.reports import NOW, minutes
from tests.unit.ocpp_edge.platform import Platform

TABLES = {Version.V16: v16.route_table(), Version.V201: v201.route_table()}
BOOTS: dict[Version, dict[str, Any]] = {
    Version.V16: {"chargePointVendor": "V", "chargePointModel": "M"},
    Version.V201: {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}


class _Backend(Platform):
    def __init__(self, record: Record) -> None:
        super().__init__()
        self._record = record

    async def record(self, event: TransactionEvent) -> TransactionEventAnswer:
        self.events.append(event)
        [answer] = await self._record(event)
        assert not answer.HasField("error"), answer.error
        return answer


@dataclass
class ChargePoint:
    """A charge point that tells messages, each so many minutes after now; `reconnect` makes a new connection of it."""

    record: Record
    version: Version = Version.V16
    id: str = "CP1"
    epoch: int = 1
    context: ChargerContext = field(init=False)
    backend: _Backend = field(init=False)

    def __post_init__(self) -> None:
        self.backend = _Backend(self.record)
        self.reconnect()

    def reconnect(self) -> None:
        """Another socket: the edge knows nothing of before."""
        self.epoch += 1
        self.context = ChargerContext(self.id, self.version, epoch=self.epoch, received_time=NOW)

    async def tell(self, action: str, at: float, /, **payload: Any) -> Any:
        """The answer to a message that is received so many minutes after now."""
        self.context.received_time = minutes(at)
        # As it is read off the wire.
        read = orjson.loads(json.dumps(payload))
        return await TABLES[self.version].dispatch(action, read, self.context, self.backend)

    async def boot(self, at: float) -> None:
        """Tell a boot."""
        await self.tell("BootNotification", at, **BOOTS[self.version])


def stamp(number: float, ahead: timedelta = timedelta()) -> str:
    """So many minutes after now, by a clock that is ahead."""
    time: datetime = minutes(number) + ahead
    return iso_text(time)
