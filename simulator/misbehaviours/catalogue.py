"""The misbehaviours by name. What is told untruly stands in `simulator.lies.catalogue`, and is taken from there."""

from collections.abc import Callable, Mapping, Sequence

from simulator import distortion, scripts
from simulator.charge_point import ChargePoint
from simulator.lies.catalogue import LIES
from simulator.misbehaviours import conduct
from simulator.misbehaviours.misbehaviour import ANY, TWO, Live, Misbehaviour
from simulator.transport import Distortion

# Where each lie comes from: the clause that it goes against, or what was seen of real stations.
_SOURCES_OF_LIES: Mapping[str, str] = {
    "clock-ahead": "field case A4; clocks are to be set by Heartbeat (OCPP 1.6, 4.6)",
    "clock-behind": "field: clocks that are never set by what Heartbeat answers (OCPP 1.6, 4.6)",
    "clock-without-zone": "RFC 3339 asks for the zone; seen on 1.6 stations",
    "clock-local-time": "RFC 3339 asks for the zone; seen on 1.6 stations set to local time",
    "clock-1970": "field: no battery for the clock; the time comes with the answer to BootNotification (OCPP 1.6, 4.2)",
    "clock-jumps": "field: a clock that is set while vehicles charge",
    "stray-stamps": "field case A4",
    "no-stamps": "field case A5; OCPP 1.6, 4.8 requires the timestamp",
    "session-register": "field case A7; OCPP 1.6, Measurand: the register of the meter",
    "mixed-registers": "field case A7",
    "start-and-stop-of-session": "field case A9",
    "start-from-zero": "field case A9",
    "begin-beside-periodic": "field case A8",
    "wrong-unit": "field: Wh that are called kWh",
    "no-registers": "field case A12",
    "no-stop-register": "field case A9; meterStop is required (OCPP 1.6, 4.10)",
    "broken-parts": "field case A2",
    "doubles": "field case A3",
    "bad-characters": "field case B2; OCPP-J 1.6, 4.1.2 asks for UTF-8",
    "forgets": "field case A6",
    "denies": "field case A6; OCPP 2.0.1, E14",
    "goes-silent": "field: a start that is never followed by a stop",
    "stray-readings": "field case A1",
    "insists": "field case A14; a station is to stop what is not authorized (OCPP 1.6, StopTransactionOnInvalidId)",
}


def _lies() -> Sequence[Misbehaviour]:
    return [Misbehaviour(name, lie.about, _SOURCES_OF_LIES[name], lie.protocols, lie=lie) for name, lie in LIES.items()]


def _about(function: object) -> str:
    return (function.__doc__ or "").partition("\n")[0].rstrip(".")


def _frames(
    name: str, change: Callable[[str, distortion.Json], None], source: str, protocols: tuple[str, ...] = ANY
) -> Misbehaviour:
    """One that edits the payloads of calls."""
    return Misbehaviour(name, _about(change), source, protocols, distort=lambda: distortion.rewriting(change))


def _distorts(name: str, make: Callable[[], Distortion], source: str, protocols: tuple[str, ...] = ANY) -> Misbehaviour:
    return Misbehaviour(name, _about(make), source, protocols, distort=make)


def _prepares(name: str, prepare: Callable[[ChargePoint], None], source: str) -> Misbehaviour:
    return Misbehaviour(name, _about(prepare), source, prepare=prepare)


def _lives(name: str, live: Live, source: str) -> Misbehaviour:
    return Misbehaviour(name, _about(live), source, live=live)


def _silent() -> Distortion:
    """Commands are never answered"""
    return distortion.answering(lambda _: None)


def _odd_errors() -> Distortion:
    """Commands are answered by CALLERROR without a description"""
    return distortion.answering(lambda message_id: [4, message_id, "GenericError", "", {}])


def _invalid_answers() -> Distortion:
    """Commands are answered by results that break the schema"""
    return distortion.answering(lambda message_id: [3, message_id, {"status": "Perhaps", "extra": 1}])


def _duplicate_start() -> Distortion:
    """The start is sent twice, at once, under two message ids"""
    return distortion.twice(distortion.is_start)


def _duplicate_stop() -> Distortion:
    """The stop is sent twice, at once, under two message ids"""
    return distortion.twice(distortion.is_stop)


_OF_MESSAGES = (
    _distorts("duplicate-start", _duplicate_start, "field: impatience; OCPP 1.6, TransactionMessageAttempts"),
    _distorts("duplicate-stop", _duplicate_stop, "field: impatience; OCPP 1.6, TransactionMessageAttempts"),
    _distorts("eager-status", distortion.eager_status, "field; OCPP 1.6, 4.2: wait for the answer"),
    _distorts("spaced-json", distortion.spaced, "field: allowed by JSON, and unlike what most stations send"),
    _frames("empty-strings", distortion.empty_strings, "field: iccid and imsi sent as empty texts"),
    _frames(
        "signed-values",
        distortion.signed_values,
        "field; OCPP 2.0.1, signedMeterValue",
        TWO,
    ),
    _frames("seq-no-zero", distortion.seq_no_zero, "field; OCPP 2.0.1, E01: seqNo counts the events", TWO),
    _frames("seq-no-gaps", distortion.seq_no_gaps, "field; OCPP 2.0.1, E01: seqNo counts the events", TWO),
    _frames("bare-events", distortion.bare_events, "field; OCPP 2.0.1, E04 and E06: offline, stoppedReason", TWO),
    _distorts("meter-values-apart", distortion.meter_values_apart, "field; OCPP 2.0.1, J02: by TransactionEvent", TWO),
    _frames(
        "stop-without-number",
        distortion.stop_without_number,
        "field case B5; OCPP 1.6, 4.10",
        ("1.6",),
    ),
    _prepares("repeated-ids", scripts.repeating_ids, "field: counters that begin anew; OCPP-J 1.6, 4.1.4"),
    _prepares("kept-ids", scripts.keeping_ids, "field: a message is told again under its old id; OCPP-J 1.6, 4.1.4"),
)

_OF_ANSWERS = (
    _distorts("silent", _silent, "field: no answer at all; OCPP-J 1.6, 4.2.2"),
    _distorts("odd-errors", _odd_errors, "field: CALLERROR with nothing in it; OCPP-J 1.6, 4.2.3"),
    _distorts("invalid-answers", _invalid_answers, "field case B3"),
    _distorts("old-codes", distortion.old_codes, "field; OCPP-J 2.0.1, 4.3: the codes are others", TWO),
)

_OF_CONDUCT = (
    _prepares("ignores-pending", scripts.ignore_pending, "field; OCPP 1.6, 4.2 and 2.0.1, B02: wait to be accepted"),
    _prepares("late-readings", conduct.late_readings, "field: MeterValues after StopTransaction, up to 105 s late"),
    _lives("reversed-replay", conduct.reversed_replay, "field; OCPP 1.6 asks for chronological order"),
    _lives("reconnect-storm", conduct.reconnect_storm, "field; OCPP 2.0.1, RetryBackOffWaitMinimum"),
    _lives("malformed-frames", conduct.malformed_frames, "field; OCPP-J 1.6, 4.2: a message is a JSON array"),
    _lives("two-calls-in-flight", conduct.two_calls_in_flight, "field; OCPP-J 1.6, 4.1.1: one call at a time"),
    _lives("never-obeys-the-interval", conduct.never_obeys_the_interval, "field; OCPP 1.6, 4.2: the interval given"),
    _lives("boots-at-each-connection", conduct.boots_at_each_connection, "field; OCPP 1.6, 4.2: no boot on reconnect"),
    _lives("no-boot-after-power-cut", conduct.no_boot_after_power_cut, "field; OCPP 1.6, 4.2 and 2.0.1, B01"),
)

_ALL = (*_lies(), *_OF_MESSAGES, *_OF_ANSWERS, *_OF_CONDUCT)
MISBEHAVIOURS: Mapping[str, Misbehaviour] = {one.name: one for one in _ALL}
