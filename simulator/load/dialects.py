"""The frames of a load run in each OCPP version, as byte templates."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from simulator.load.charger import Charger

_V16_BOOT = b'[2,"%08x","BootNotification",{"chargePointVendor":"CSMS","chargePointModel":"Load"}]'
_V16_AUTHORIZE = b'[2,"%08x","Authorize",{"idTag":%b}]'
_V16_STATUS = b'[2,"%08x","StatusNotification",{"connectorId":%d,"errorCode":"NoError","status":"%b","timestamp":"%b"}]'
_V16_START = b'[2,"%08x","StartTransaction",{"connectorId":1,"idTag":%b,"meterStart":%d,"timestamp":"%b"}]'
_V16_STOP = b'[2,"%08x","StopTransaction",{"transactionId":%d,"meterStop":%d,"timestamp":"%b","reason":"Local"}]'
_V16_METER_VALUES = (
    b'[2,"%08x","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%b","sampledValue":['
    b'{"value":"%d","context":"Sample.Periodic","measurand":"Energy.Active.Import.Register","unit":"Wh"},'
    b'{"value":"11000","context":"Sample.Periodic","measurand":"Power.Active.Import","unit":"W"},'
    b'{"value":"15.942","context":"Sample.Periodic","measurand":"Current.Import","unit":"A"},'
    b'{"value":"230.0","context":"Sample.Periodic","measurand":"Voltage","unit":"V"},'
    b'{"value":"42","context":"Sample.Periodic","measurand":"SoC","unit":"Percent"}]}]}]'
)

_V201_BOOT = (
    b'[2,"%08x","BootNotification",{"reason":"PowerUp","chargingStation":{"model":"Load","vendorName":"CSMS"}}]'
)
_V201_AUTHORIZE = b'[2,"%08x","Authorize",{"idToken":{"idToken":%b,"type":"ISO14443"}}]'
_V201_STATUS = b'[2,"%08x","StatusNotification",{"timestamp":"%b","connectorStatus":"%b","evseId":%d,"connectorId":1}]'
_V201_START = (
    b'[2,"%08x","TransactionEvent",{"eventType":"Started","timestamp":"%b","triggerReason":"Authorized","seqNo":0,'
    b'"transactionInfo":{"transactionId":"%b","chargingState":"Charging"},"evse":{"id":1,"connectorId":1},'
    b'"idToken":{"idToken":%b,"type":"ISO14443"},"meterValue":[{"timestamp":"%b","sampledValue":[{"value":%d,'
    b'"context":"Transaction.Begin","measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}}]}]}]'
)
_V201_STOP = (
    b'[2,"%08x","TransactionEvent",{"eventType":"Ended","timestamp":"%b","triggerReason":"EVDeparted","seqNo":%d,'
    b'"transactionInfo":{"transactionId":"%b","stoppedReason":"EVDisconnected"},"evse":{"id":1,"connectorId":1},'
    b'"meterValue":[{"timestamp":"%b","sampledValue":[{"value":%d,"context":"Transaction.End",'
    b'"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}}]}]}]'
)
_V201_METER_VALUES = (
    b'[2,"%08x","TransactionEvent",{"eventType":"Updated","timestamp":"%b","triggerReason":"MeterValuePeriodic",'
    b'"seqNo":%d,"transactionInfo":{"transactionId":"%b"},"evse":{"id":1,"connectorId":1},'
    b'"meterValue":[{"timestamp":"%b","sampledValue":[{"value":%d,"context":"Sample.Periodic",'
    b'"measurand":"Energy.Active.Import.Register","unitOfMeasure":{"unit":"Wh"}},'
    b'{"value":11000,"context":"Sample.Periodic","measurand":"Power.Active.Import","unitOfMeasure":{"unit":"W"}},'
    b'{"value":15.942,"context":"Sample.Periodic","measurand":"Current.Import","unitOfMeasure":{"unit":"A"}},'
    b'{"value":230.0,"context":"Sample.Periodic","measurand":"Voltage","unitOfMeasure":{"unit":"V"}},'
    b'{"value":42,"context":"Sample.Periodic","measurand":"SoC","unitOfMeasure":{"unit":"Percent"}}]}]}]'
)


class V16Charger(Charger):
    """OCPP 1.6."""

    subprotocol: ClassVar[str] = "ocpp1.6"
    _transaction_id = 0

    def _boot(self, moment: bytes, energy_wh: int) -> bytes:
        return _V16_BOOT % self.sent

    def _authorize(self, moment: bytes, energy_wh: int) -> bytes:
        return _V16_AUTHORIZE % (self.sent, orjson.dumps(self.id_tag))

    def _status(self, moment: bytes, energy_wh: int) -> bytes:
        connector, occupied = self._next_status()
        return _V16_STATUS % (self.sent, connector, b"Preparing" if occupied else b"Available", moment)

    def _meter_values(self, moment: bytes, energy_wh: int) -> bytes:
        return _V16_METER_VALUES % (self.sent, self._transaction_id, moment, energy_wh)

    def _start(self, moment: bytes, energy_wh: int) -> bytes:
        return _V16_START % (self.sent, orjson.dumps(self.id_tag), energy_wh, moment)

    def _stop(self, moment: bytes, energy_wh: int) -> bytes:
        return _V16_STOP % (self.sent, self._transaction_id, energy_wh, moment)

    def _started(self, answer: dict[str, Any]) -> None:
        self._transaction_id = int(answer["transactionId"])

    def _authorization(self, answer: dict[str, Any]) -> str | None:
        return str(answer["idTagInfo"]["status"])


class V201Charger(Charger):
    """OCPP 2.0.1: starts, samples and stops are TransactionEvents, and the station names the transaction."""

    subprotocol: ClassVar[str] = "ocpp2.0.1"
    _transaction_id = b""
    _seq_no = 0

    def _boot(self, moment: bytes, energy_wh: int) -> bytes:
        return _V201_BOOT % self.sent

    def _authorize(self, moment: bytes, energy_wh: int) -> bytes:
        return _V201_AUTHORIZE % (self.sent, orjson.dumps(self.id_tag))

    def _status(self, moment: bytes, energy_wh: int) -> bytes:
        connector, occupied = self._next_status()
        return _V201_STATUS % (self.sent, moment, b"Occupied" if occupied else b"Available", connector)

    def _meter_values(self, moment: bytes, energy_wh: int) -> bytes:
        self._seq_no += 1
        return _V201_METER_VALUES % (self.sent, moment, self._seq_no, self._transaction_id, moment, energy_wh)

    def _start(self, moment: bytes, energy_wh: int) -> bytes:
        self._seq_no = 0
        self._transaction_id = b"%b-%x-%x" % (self.identity.encode()[:12], self._began_ms, self.sent)
        return _V201_START % (
            self.sent,
            moment,
            self._transaction_id,
            orjson.dumps(self.id_tag),
            moment,
            energy_wh,
        )

    def _stop(self, moment: bytes, energy_wh: int) -> bytes:
        self._seq_no += 1
        return _V201_STOP % (self.sent, moment, self._seq_no, self._transaction_id, moment, energy_wh)

    def _started(self, answer: dict[str, Any]) -> None:
        """Nothing to learn: the transaction's name is our own."""

    def _authorization(self, answer: dict[str, Any]) -> str | None:
        status = answer.get("idTokenInfo", {}).get("status")
        return None if status is None else str(status)


class V21Charger(V201Charger):
    """OCPP 2.1: the same messages."""

    subprotocol: ClassVar[str] = "ocpp2.1"


LOAD_DIALECTS: Mapping[str, type[Charger]] = {"1.6": V16Charger, "2.0.1": V201Charger, "2.1": V21Charger}
