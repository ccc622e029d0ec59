"""Live readings: what charge points measure now, gathered until it is written down.

They may be lost on their way. The energy register makes up for it: the next reading, or the end of the session, holds
what the lost ones would have told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of
from services.monitoring.domain.transaction import POWER_IS_FRESH, Transaction

# What no connector gives, and how far a minute and clocks may be off.
_GREATEST_POWER_W, _SLACK_SECONDS = 400_000, 180
# More sessions than one process has to do with; what comes on top waits for the next reading.
MOST_SESSIONS = 50_000

SessionKey = tuple[str, str]
"""The charge point, and what it calls the session."""


class LiveReading(NamedTuple):
    """One sample; None for what was not measured. Power in W, the energy register in Wh."""

    charge_point_id: str
    ocpp_transaction_id: str
    time: datetime
    power_w: int | None
    register_wh: int | None


@dataclass(slots=True)
class Gathered:
    """The samples of one session: the latest power, and the highest register in each minute."""

    power_w: int | None = None
    power_time: datetime | None = None
    registers_wh: dict[datetime, int] = field(default_factory=dict)

    def add(self, reading: LiveReading) -> None:
        """Take in a sample; samples may come in any order."""
        if reading.power_w is not None and (self.power_time is None or reading.time >= self.power_time):
            self.power_w, self.power_time = reading.power_w, reading.time
        if reading.register_wh is not None:
            minute = bucket_of(reading.time)
            self.registers_wh[minute] = max(self.registers_wh.get(minute, 0), reading.register_wh)


class LiveReadings:
    """What was gathered since it was last taken."""

    def __init__(self, most_sessions: int = MOST_SESSIONS) -> None:
        self._most_sessions = most_sessions
        self._sessions: dict[SessionKey, Gathered] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def add(self, readings: Iterable[LiveReading]) -> None:
        """Take in samples; those of more sessions than are allowed are left out."""
        for reading in readings:
            key = reading.charge_point_id, reading.ocpp_transaction_id
            gathered = self._sessions.get(key)
            if gathered is None:
                if len(self._sessions) >= self._most_sessions:
                    continue
                gathered = self._sessions[key] = Gathered()
            gathered.add(reading)

    def take(self, limit: int) -> dict[SessionKey, Gathered]:
        """Up to `limit` sessions, the first ones first; they are forgotten here."""
        keys = list(self._sessions)[:limit]
        return {key: self._sessions.pop(key) for key in keys}


def metered(transaction: Transaction, gathered: Gathered, now: datetime) -> tuple[Transaction, list[MetricChange]]:
    """`transaction` after samples, and what they add to the metrics. Samples that came before add nothing."""
    is_fresh = gathered.power_time is not None and abs(now - gathered.power_time) <= POWER_IS_FRESH
    if is_fresh and _is_later(gathered.power_time, transaction.power_time):
        transaction = transaction._replace(power_w=gathered.power_w, power_time=gathered.power_time)
    station_id, metered_wh = transaction.station_id, transaction.metered_wh
    changes = []
    if transaction.is_running and station_id is not None:
        for minute, register_wh in sorted(gathered.registers_wh.items()):
            more_wh = _energy_wh(transaction, minute, register_wh) - metered_wh
            if more_wh > 0:
                metered_wh += more_wh
                changes.append(MetricChange(station_id=station_id, time=minute, metrics=Metrics(energy_wh=more_wh)))
    if changes:
        transaction = transaction._replace(metered_wh=metered_wh)
    return transaction, changes


def _energy_wh(transaction: Transaction, minute: datetime, register_wh: int) -> int:
    """What a register in that minute means if it can be true at first sight, else 0: the end of the session tells more.
    One below that at the start is taken for the register of the session itself."""
    start_wh, start_time = transaction.meter_start_wh, transaction.start_time
    if start_wh is None or start_time is None:
        return 0
    energy_wh = register_wh - start_wh if register_wh >= start_wh else register_wh
    seconds = max((minute - start_time).total_seconds(), 0) + _SLACK_SECONDS
    return energy_wh if 0 <= energy_wh <= _GREATEST_POWER_W * seconds / 3600 else 0


def _is_later(time: datetime | None, known: datetime | None) -> bool:
    return time is not None and (known is None or time > known)
