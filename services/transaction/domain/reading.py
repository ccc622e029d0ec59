"""Readings of the meter: one sample, and what the samples of a transaction say of its energy register."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

# Why a sample was taken, in the words of OCPP (ReadingContextEnumType). Stored by position: only ever append.
CONTEXTS = (
    "Other",
    "Interruption.Begin",
    "Interruption.End",
    "Sample.Clock",
    "Sample.Periodic",
    "Transaction.Begin",
    "Transaction.End",
    "Trigger",
)
USUAL_CONTEXT = "Sample.Periodic"


class Reading(NamedTuple):
    """What the meter showed at one moment; None for what was not sent. Energy in Wh, power in W, current in mA,
    voltage in mV. `digest` tells samples of one moment apart: equal readings have equal digests. It goes by the time
    that the charge point told, whatever its clock is corrected by.

    A tuple, because one is made for every meter value that comes in.
    """

    sampled_time: datetime
    digest: int
    context: str
    energy_wh: int | None = None
    power_w: int | None = None
    current_ma: int | None = None
    voltage_mv: int | None = None
    soc_percent: int | None = None
    power_offered_w: int | None = None
    other_json: str = ""


class MeterReport(NamedTuple):
    """Readings and nothing else: a message that can change no transaction but by its energy.

    `transaction_id` is what the charge point calls the transaction; empty for readings outside of any. Those of one
    that is not `is_dated` have the time at which they were received, and are known again by the rest of what they say.
    Those of one that names no transaction and `is_corrected` may come again with another correction.
    """

    charge_point_id: str
    ocpp_transaction_id: str
    evse_id: int
    connector_id: int
    received_time: datetime
    seq_no: int | None
    readings: tuple[Reading, ...]
    is_dated: bool = True
    is_corrected: bool = False


class Placed(NamedTuple):
    """Where the readings of a report belong; both are empty outside of any transaction.

    Only those of a running transaction, and those outside of any, are stored by then: others may change what the
    transaction comes to.
    """

    transaction_id: str
    ocpp_transaction_id: str
    is_stored: bool


class LastRead(NamedTuple):
    """When the latest reading of a transaction was taken, and when it was received."""

    sampled_time: datetime
    received_time: datetime


def highest_register(readings: Iterable[Reading]) -> int | None:
    """The greatest value of the energy register among readings, but for what it was at the start."""
    return max(
        (one.energy_wh for one in readings if one.energy_wh is not None and one.context != "Transaction.Begin"),
        default=None,
    )
