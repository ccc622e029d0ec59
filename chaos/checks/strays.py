"""What lies beside the sessions of liars: sessions that they know nothing of, and readings, of whatever session."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from chaos.books import Book
from chaos.lied import Lied
from chaos.rules import Times, rule_of
from chaos.stored import MeterValue, Stored, Transaction
from chaos.testimony import STRAY, perhaps_reported_readings, reported_readings

_UNDATED, _SILENCE = "no-stamps", "ended_by_silence"


def unknown_sessions(lied: Iterable[Lied], book: Book, stored: Stored) -> Iterator[str]:
    """Sessions of liars that they did not tell of; and ends without a session. A start whose answer was not heard may
    be stored, under a number that its charge point does not know; so may one without a stamp that is told again when
    its session is over by silence."""
    known = {transaction.id for one in lied for transaction in one.transactions}
    unheard = Counter(
        one.truth.charge_point_id for one in book.testimonies.values() if one.start is None and one.truth.last_sent_wh
    )
    undated = {one.truth.charge_point_id for one in book.testimonies.values() if _UNDATED in one.truth.lies}
    extra: defaultdict[str, list[Transaction]] = defaultdict(list)
    for transaction in stored.transactions:
        is_session = transaction.start_time is not None or transaction.stop_time is not None
        if transaction.charge_point_id in undated and _SILENCE in transaction.flags:
            continue
        if transaction.charge_point_id in book.liars and is_session and transaction.id not in known:
            extra[transaction.charge_point_id].append(transaction)
    for charge_point_id, transactions in extra.items():
        if len(transactions) > unheard[charge_point_id] or any(one.start_time is None for one in transactions):
            names = [f"{one.ocpp_transaction_id} ({one.state}, {one.begin_time})" for one in transactions]
            yield f"{charge_point_id}: {', '.join(names)}"


def lost_readings(book: Book, stored: Stored) -> Iterator[str]:
    """Readings that are not stored as told, or more often: told again, perhaps without a stamp, they are no other ones.

    Strays may be stored without having been acknowledged: they are told once, and their register stands still. Of those
    that name no session by a clock that is corrected nothing tells a repetition whose correction is another one. When a
    session is lost, so is what was under way: perhaps stored, and not acknowledged.
    """
    strayed = {entry.charge_point_id for entry in book.lied if STRAY in entry.lies}
    adrift = {one.truth.charge_point_id for one in book.testimonies.values() if rule_of(one.lies).times >= Times.HEARD}
    lost = Counter(one.truth.charge_point_id for one in book.testimonies.values() if one.is_lost)
    unknown = {
        (entry.charge_point_id, wh)
        for entry in book.lied
        if entry.charge_point_id in adrift and "transactionId" in entry.unsaid
        for wh in reported_readings(entry)
    }
    kept: defaultdict[tuple[str, int], list[MeterValue]] = defaultdict(list)
    for value in stored.meter_values:
        if value.charge_point_id in book.liars and value.energy_wh is not None:
            kept[value.charge_point_id, value.energy_wh].append(value)
    reported = {(entry.charge_point_id, wh) for entry in book.lied for wh in reported_readings(entry)}
    perhaps: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
    for entry in book.lied:
        for wh in perhaps_reported_readings(entry):
            perhaps[entry.charge_point_id, wh].add(str(entry.true_request))
    for place in reported:
        times, messages = Counter(value.context for value in kept[place]), perhaps[place]
        is_bounded = place[0] not in strayed and place not in unknown
        if not times or (max(times.values()) > len(messages) + lost[place[0]] and is_bounded):
            rows = [f"{value.time} in {value.session_id}" for value in kept[place]]
            yield f"{place[0]}: a reading of {place[1]} Wh was told {len(messages)} times, is stored {rows}"
