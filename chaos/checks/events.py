"""Every event was published, consumed and had its effect, exactly once each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from chaos.checks.check import Check, check
from chaos.stored import Messaging, Metrics, OutboxEvent, Stored, Transaction, Usage
from chaos.stream import Consumer, Stream, wants

_SUBJECT = "events and their effects"
_SESSION_EVENTS = "csms.event.transaction.transaction."
_BILL_EVENTS = "csms.event.billing.charging_session.billed."
CONSUMERS = {
    "billing-sessions",
    "driver-usage",
    "monitoring-sessions",
    "monitoring-stations",
    "station-settings",
    "transaction-commands",
    "transaction-evidence",
    "transaction-stations",
}


def event_checks(stored: Stored, stream: Stream) -> Iterator[Check]:
    """From the outboxes over the stream and the consumers to what they made of the events."""
    outbox = [event for messaging in stored.messaging.values() for event in messaging.outbox]
    waiting = (f"{event.subject} {event.id}" for event in outbox if not event.is_published)
    yield check(_SUBJECT, "every event was published", len(outbox), waiting)
    # What was relayed by a process that died before it noted that may be there twice.
    missing = (f"{event.subject} {event.id}" for event in outbox if event.is_published and not stream.events[event.id])
    yield check(_SUBJECT, "the stream has every event", len(outbox), missing)
    for consumer in sorted(stream.consumers, key=lambda each: each.name):
        yield _consumed(consumer, outbox, stored.messaging)
    parked = [line for messaging in stored.messaging.values() for line in messaging.parked]
    yield check(_SUBJECT, "no event was given up", len(outbox), parked)
    yield check(
        _SUBJECT, "each change of a session was told once", len(stored.transactions), _without_event(stored, outbox)
    )
    yield check(_SUBJECT, "each invoice was told once", len(stored.invoices), _bills_without_event(stored, outbox))
    billed = {session.transaction_id or "": session.revision for session in stored.charging_sessions}
    monitored = {one.id: one.revision for one in stored.monitored.values()}
    used = {one.session_id: one.revision for one in stored.driver_usage}
    for service, known in (("billing", billed), ("monitoring", monitored), ("driver", used)):
        claim = f"{service} knows the last state of each session"
        yield check(_SUBJECT, claim, len(stored.transactions), _behind(stored.transactions, known))
    ended = [transaction for transaction in stored.transactions if transaction.stop_time is not None]
    away = sorted(CONSUMERS - {consumer.name for consumer in stream.consumers})
    yield check(_SUBJECT, "every consumer is there", len(CONSUMERS), away)
    bills = _bills(stored)
    yield _counted("monitoring", ended, stored.monitored_usage, bills)
    yield _counted("driver", ended, stored.driver_usage, bills)
    yield check(_SUBJECT, "metrics count each session once", len(stored.transactions), _miscounted(stored))
    ghosts = (one.charge_point_id for one in stored.connections if one.is_open)
    yield check(_SUBJECT, "nobody counts as connected after the last has gone", len(stored.connections), ghosts)
    claim = "monitoring shows who is connected as it is"
    yield check(_SUBJECT, claim, len(stored.connections), _shown_otherwise(stored))


def _consumed(consumer: Consumer, outbox: Iterable[OutboxEvent], messaging: Mapping[str, Messaging]) -> Check:
    handled: Counter[str] = Counter()
    for one in messaging.values():
        handled.update(one.consumed.get(consumer.name, Counter()))
    expected = [event for event in outbox if wants(consumer, event.subject)]
    wrong = (f"{event.subject} {event.id}: {handled[event.id]} times" for event in expected if handled[event.id] != 1)
    return check(_SUBJECT, f"{consumer.name} handled each of its events once", len(expected), wrong)


def _without_event(stored: Stored, outbox: Iterable[OutboxEvent]) -> Iterator[str]:
    """A session's revision counts its events; they are told by charge point."""
    events = Counter(_entity(event.subject) for event in outbox if event.subject.startswith(_SESSION_EVENTS))
    revisions: Counter[str] = Counter()
    for transaction in stored.transactions:
        revisions[transaction.charge_point_id] += transaction.revision
    for name in events.keys() | revisions.keys():
        if events[name] != revisions[name]:
            yield f"{name}: {revisions[name]} changes, {events[name]} events"


def _bills_without_event(stored: Stored, outbox: Iterable[OutboxEvent]) -> Iterator[str]:
    events = Counter(_entity(event.subject) for event in outbox if event.subject.startswith(_BILL_EVENTS))
    issued = Counter(invoice.charging_session_id for invoice in stored.invoices if invoice.kind == "INVOICE")
    for session_id in events.keys() | issued.keys():
        if events[session_id] != issued[session_id]:
            yield f"charging session {session_id}: {issued[session_id]} invoices, {events[session_id]} events"


def _behind(transactions: Iterable[Transaction], known: Mapping[str, int]) -> Iterator[str]:
    for transaction in transactions:
        if known.get(transaction.id) != transaction.revision:
            yield f"session {transaction.id}: revision {transaction.revision}, known is {known.get(transaction.id)}"


def _bills(stored: Stored) -> dict[str, int]:
    """What each transaction cost."""
    totals = {invoice.charging_session_id: invoice.total_minor for invoice in stored.invoices if invoice.counts}
    return {
        session.transaction_id: totals[session.id]
        for session in stored.charging_sessions
        if session.transaction_id is not None and session.id in totals
    }


def _counted(service: str, ended: list[Transaction], usage: Iterable[Usage], bills: Mapping[str, int]) -> Check:
    """Each ended session is in a service's usage once, with its energy and its cost; any other counts nothing there."""
    known: dict[str, list[Usage]] = {}
    for one in usage:
        known.setdefault(one.session_id, []).append(one)
    wrong = []
    for transaction in ended:
        rows = known.get(transaction.id, [])
        expected = (transaction.energy_wh, transaction.revision, bills.get(transaction.id), transaction.stop_time)
        if [tuple(row[1:]) for row in rows] != [expected]:
            wrong.append(f"session {transaction.id}: {expected} wanted, {service} has {rows}")
    over = {transaction.id for transaction in ended}
    for one in usage:
        if one.session_id not in over and (one.amount_minor is not None or one.end_time is not None):
            wrong.append(f"session {one.session_id} has not ended or is none, {service} has {one}")
    return check(_SUBJECT, f"the {service} service counts each ended session once", len(ended), wrong)


def _miscounted(stored: Stored) -> Iterator[str]:
    """Sums over all stations: an effect that happened twice shows in them, and one that did not as well.

    Of a session that runs the live readings count, which may be lost; of one that is over its energy, to the watt-hour.
    """
    here = [transaction for transaction in stored.transactions if transaction.station_id]
    running = [stored.monitored.get(transaction.id) for transaction in here if transaction.stop_time is None]
    over = [transaction.energy_wh for transaction in here if transaction.stop_time is not None]
    expected = Metrics(
        energy_wh=sum(over) + sum(one.metered_wh for one in running if one is not None),
        started=sum(transaction.start_time is not None for transaction in here),
        ended=sum(transaction.stop_time is not None for transaction in here),
    )
    for name, should, counted in zip(Metrics._fields, expected, stored.metrics, strict=True):
        if should != counted:
            yield f"{name}: {counted} instead of {should}"


def _shown_otherwise(stored: Stored) -> Iterator[str]:
    for one in stored.connections:
        shown = stored.monitored_online.get(one.charge_point_id)
        if shown is not one.is_open:
            yield f"{one.charge_point_id}: connected is {one.is_open}, shown is {shown}"


def _entity(subject: str) -> str:
    return subject.rsplit(".", 1)[-1]
