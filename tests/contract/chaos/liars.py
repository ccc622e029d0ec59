"""A small platform with one charge point that lies, by OCPP 1.6, and all is well: three sessions in the real databases.

One by a clock that is an hour ahead was billed, one that told no sensible register is held, one that its charge point
has forgotten was ended by evidence and billed for what was read last.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chaos import books
from chaos.books import Book
from services.billing.tables import CHARGING_SESSIONS, INVOICES
from services.driver.tables import USAGE_SESSIONS
from services.monitoring import tables as monitoring
from services.transaction.tables import METER_VALUES, TRANSACTION_EVENTS, TRANSACTIONS
from simulator.ledger import Acknowledgement
from simulator.truth import Ending, Truth
from tests.contract.chaos.world import DRIVER, STATION, T0, World, reported

NAME = "CPLIE"
CLOCK, HELD, GHOST = (str(uuid.UUID(int=number)) for number in range(20, 23))
_REGISTER = "Energy.Active.Import.Register"
_HOUR = timedelta(hours=1)
_LIFE_WH = 4_000_000
_READ_WH, _TAKEN_WH = 100, 250


@dataclass(frozen=True)
class _Session:
    """A session and what has become of it. `start` is when it truly began, `energy_wh` what it came to."""

    id: str
    number: str
    lie: str
    start: datetime
    ending: Ending
    energy_wh: int
    flags: tuple[str, ...]
    hold: tuple[str, str] = ("", "")
    told_start_wh: int = _LIFE_WH
    ahead: timedelta = timedelta()
    stored_stop: datetime = field(default=T0)

    @property
    def read_time(self) -> datetime:
        return self.start + timedelta(seconds=20)

    @property
    def stop(self) -> datetime:
        return self.start + timedelta(seconds=60)


_SESSIONS = (
    _Session(
        *(CLOCK, "8", "clock-ahead", T0 + timedelta(minutes=5), Ending.REPORTED, _TAKEN_WH, ("clock_corrected",)),
        ahead=_HOUR,
    ),
    _Session(
        *(HELD, "9", "start-from-zero", T0 + timedelta(minutes=10), Ending.REPORTED, 0, ("implausible_energy",)),
        hold=("implausible_energy", f"{_LIFE_WH + _TAKEN_WH} Wh in 1 min is 240015 kW; the connector gives 50 kW"),
        told_start_wh=0,
    ),
    _Session(
        *(GHOST, "10", "forgets", T0 + timedelta(minutes=15), Ending.FORGOTTEN, _READ_WH),
        ("ended_by_boot", "estimated_end"),
    ),
)


class LiarsWorld(World):
    """See above."""

    def book(self) -> Book:
        entries = [entry for session in _SESSIONS for entry in _told_of(session)]
        return books.read(
            [reported(NAME, "1.6", "BootNotification", {}), *entries, _status()], [*map(_truth, _SESSIONS)]
        )

    def fill(self) -> None:
        for number, session in enumerate(_SESSIONS):
            self._transaction(session)
            self._billed(session, number)
        energy = sum(session.energy_wh for session in _SESSIONS)
        metrics = {"energy_wh": energy, "started_transaction_count": 3, "ended_transaction_count": 3}
        self.insert("monitoring", monitoring.STATION_METRICS, station_id=STATION, time=T0, **metrics)
        self.charge_point(NAME, 1)

    def _transaction(self, session: _Session) -> None:
        is_reported = session.ending is Ending.REPORTED
        self.insert(
            "transaction",
            TRANSACTIONS,
            id=session.id,
            ocpp_transaction_id=session.number,
            charge_point_id=NAME,
            evse_id=1,
            id_tag="TAG",
            state="ENDED",
            authorization="ACCEPTED",
            begin_time=session.start,
            start_time=session.start,
            stop_time=session.stop if is_reported else session.read_time,
            meter_start_wh=session.told_start_wh,
            meter_stop_wh=_LIFE_WH + _TAKEN_WH if is_reported else None,
            energy_wh=session.energy_wh,
            flags=[*session.flags],
            station_id=STATION,
            protocol="ocpp1.6",
            revision=2,
            driver_id=DRIVER,
        )
        self._of_session(session, "STARTED", session.start, session.told_start_wh, id_tag="TAG")
        if is_reported:
            self._of_session(session, "ENDED", session.stop, _LIFE_WH + _TAKEN_WH)
        else:
            self._of_session(session, "LOST", session.stop, None, estimated=True)
        where = {"charge_point_id": NAME, "evse_id": 1, "connector_id": 1, "sampled_time": session.read_time}
        self.insert("transaction", METER_VALUES, transaction_id=session.id, energy_wh=_LIFE_WH + _READ_WH, **where)
        for verb in ("started", "ended"):
            self.event("transaction", f"csms.event.transaction.transaction.{verb}.{NAME}")

    def _of_session(self, session: _Session, kind: str, time: datetime, meter_wh: int | None, **more: Any) -> None:
        place = {"charge_point_id": NAME, "evse_id": 1, "key": str(uuid.uuid4()), "ocpp_transaction_id": ""}
        what = {"kind": kind, "meter_wh": meter_wh, "device_time": time + session.ahead}
        self.insert("transaction", TRANSACTION_EVENTS, transaction_id=session.id, **place, **what, **more)

    def _billed(self, session: _Session, number: int) -> None:
        reason, detail = session.hold
        bill, invoice = str(uuid.UUID(int=30 + number)), str(uuid.UUID(int=40 + number))
        end = session.stop if session.ending is Ending.REPORTED else session.read_time
        counted = {"energy_wh": session.energy_wh, "revision": 2, "end_time": end}
        if not reason:
            counted |= {"amount_minor": session.energy_wh, "currency_code": "EUR"}
        self.insert("driver", USAGE_SESSIONS, transaction_id=session.id, **counted)
        self.insert("monitoring", monitoring.USAGE_ANALYTICS, session_id=session.id, **counted)
        known = {"id": session.id, "revision": 2, "metered_wh": session.energy_wh}
        self.insert("monitoring", monitoring.TRANSACTIONS, **known)
        state = {"state": "HELD", "hold_reason": reason} if reason else {"state": "COMPLETED", "invoice_id": invoice}
        self.insert(
            "billing",
            CHARGING_SESSIONS,
            id=bill,
            transaction_id=session.id,
            energy_wh=session.energy_wh,
            revision=2,
            driver_id=DRIVER,
            remarks={"hold_detail": detail} if detail else None,
            **state,
        )
        if reason:
            return
        owed = {"state": "OPEN", "total_minor": session.energy_wh, "driver_id": DRIVER}
        numbered = {"id": invoice, "number": f"2026-{1 + number // 2:06}"}
        self.insert("billing", INVOICES, charging_session_id=bill, **numbered, **owed)
        self.event("billing", f"csms.event.billing.charging_session.billed.{bill}")


def _truth(session: _Session) -> Truth:
    is_reported = session.ending is Ending.REPORTED
    return Truth(
        NAME,
        "1.6",
        session=session.id,
        connector_id=1,
        id_tag="TAG",
        start_time=session.start,
        meter_start_wh=_LIFE_WH,
        lies=(session.lie,),
        transaction_id=session.number,
        ending=session.ending,
        end_time=session.stop if is_reported else session.read_time,
        meter_end_wh=_LIFE_WH + (_TAKEN_WH if is_reported else _READ_WH),
        last_sent_wh=_LIFE_WH + (_TAKEN_WH if is_reported else _READ_WH),
    )


def _told_of(session: _Session) -> list[Acknowledgement]:
    def message(action: str, time: datetime, said: Mapping[str, Any], meant: Mapping[str, Any], **answer: Any) -> Any:
        true, stamped = {"timestamp": time.isoformat()}, {"timestamp": (time + session.ahead).isoformat()}
        if action == "MeterValues":
            entry = {"sampledValue": [{"measurand": _REGISTER, "value": str(_LIFE_WH + _READ_WH)}]}
            request, truth = ({**said, "meterValue": [{**stamp, **entry}]} for stamp in (stamped, true))
        else:
            request, truth = {**said, **stamped}, {**meant, **true}
        lies = () if request == truth else (session.lie,)
        return Acknowledgement(
            *(NAME, "1.6", "1", action, request, answer, time, time + timedelta(seconds=1)),
            meant=truth if lies else None,
            lies=lies,
            session=session.id,
        )

    number = int(session.number)
    start = {"connectorId": 1, "idTag": "tag"}
    stop = {"transactionId": number, "meterStop": _LIFE_WH + _TAKEN_WH}
    answer = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
    meant = {**start, "meterStart": _LIFE_WH}
    heard = [
        message("StartTransaction", session.start, {**start, "meterStart": session.told_start_wh}, meant, **answer),
        message("MeterValues", session.read_time, {"connectorId": 1, "transactionId": number}, {}),
    ]
    return (
        [*heard, message("StopTransaction", session.stop, stop, stop)] if session.ending is Ending.REPORTED else heard
    )


def _status() -> Acknowledgement:
    return reported(
        NAME, "1.6", "StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}
    )
