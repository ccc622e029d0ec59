"""Tells session registers and mislabelled units from the register of a meter's life, by the register at the start.

Pure. Remembers the sessions that were started on one connection; of others it has no opinion.
"""

from collections.abc import Iterable

from ocpp_edge.meter_values import Reading

SESSION_REGISTER = "session_register"
MISLABELLED_UNIT = "mislabelled_unit"

# No session takes more, not even that of a lorry.
_MOST_WH = 1_000_000
_MOST_SESSIONS = 16


class Registers:
    """What the register showed when the latest sessions of a charge point started, by what they are called."""

    __slots__ = ("_starts",)

    def __init__(self) -> None:
        # Most connections never carry a session.
        self._starts: dict[str, int] | None = None

    def started(self, transaction_id: str, meter_wh: int) -> None:
        """Remember the start of a session; the oldest are forgotten."""
        if self._starts is None:
            self._starts = {}
        self._starts[transaction_id] = meter_wh
        if len(self._starts) > _MOST_SESSIONS:
            del self._starts[next(iter(self._starts))]

    def ended(self, transaction_id: str) -> None:
        """Forget a session."""
        if self._starts is not None:
            self._starts.pop(transaction_id, None)

    def aligned(self, transaction_id: str, readings: Iterable[Reading]) -> set[str]:
        """Bring the energy of `readings` to the register of the meter's life; returns the doubts about them."""
        start = None if self._starts is None else self._starts.get(transaction_id)
        flags: set[str] = set()
        if start is None:
            return flags
        for reading in readings:
            energy_wh = reading.get("energy_wh")
            if energy_wh is None or _fits(start, energy_wh):
                continue
            # Labelled kWh, but the number continues the register in Wh.
            if energy_wh % 1000 == 0 and _fits(start, energy_wh // 1000):
                reading["energy_wh"] = energy_wh // 1000
                flags.add(MISLABELLED_UNIT)
            elif 0 <= energy_wh < start and _fits(start, start + energy_wh):
                reading["energy_wh"] = energy_wh + start
                flags.add(SESSION_REGISTER)
        return flags


def _fits(start: int, register: int) -> bool:
    return start <= register <= start + _MOST_WH
