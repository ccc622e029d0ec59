"""Transactions: what their snapshots, their bills and live readings bring."""

from collections.abc import Iterable, Sequence

from services.kernel.clock import Clock
from services.monitoring.application.alerts import judge
from services.monitoring.application.partition_by_key import partition_by_key
from services.monitoring.domain.alert import Verdict
from services.monitoring.domain.live_reading import LiveReading, LiveReadings, metered
from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of, merged, transaction_changes
from services.monitoring.domain.rules import session_verdicts
from services.monitoring.domain.transaction import POWER_IS_FRESH, Transaction, followed
from services.monitoring.domain.usage import Bill
from services.monitoring.ports import UnitOfWork, UnitsOfWork

_SESSIONS_AT_ONCE = 500


async def take_in_transactions(work: UnitOfWork, snapshots: Sequence[Transaction], clock: Clock) -> None:
    """Bring transactions, the metrics, the usage and the alerts up to date; older snapshots change nothing."""
    stored = await work.transactions.lock({snapshot.id for snapshot in snapshots})
    known, changed = dict(stored), dict[str, Transaction]()
    changes: list[MetricChange] = []
    verdicts: list[Verdict] = []
    for snapshot in snapshots:
        before = known.get(snapshot.id)
        after = followed(before, snapshot)
        if after is not before:
            after, added = transaction_changes(before, after)
            known[after.id] = changed[after.id] = after
            changes += added
            verdicts += session_verdicts(before, after)
    newest = list(changed.values())
    await work.transactions.store(newest)
    await work.stations.touch({one.station_id: one.update_time for one in newest if one.station_id is not None})
    await work.metrics.add(merged(changes))
    for batch in partition_by_key(verdicts, lambda verdict: (verdict.kind, verdict.subject)):
        await judge(work, batch, clock.now())
    used = [one for one in newest if _has_ended(one) or _has_ended(stored.get(one.id))]
    await work.usage.record_sessions(used)


async def take_in_bills(work: UnitOfWork, bills: Iterable[Bill]) -> None:
    """Note what sessions cost, or that they are not billed any more; older news than the known changes nothing."""
    for batch in partition_by_key(bills, lambda bill: bill.session_id):
        await work.usage.record_bills(batch)


async def mend_bills(work: UnitOfWork, bills: Iterable[Bill]) -> None:
    """Take in what the owner of bills knows, where something else is known: when a bill was issued, events tell."""
    owned = {bill.session_id: bill for bill in bills}
    known = await work.usage.amounts(owned)
    wrong = [bill for bill in owned.values() if known.get(bill.session_id) != (bill.amount_minor, bill.currency_code)]
    await take_in_bills(work, [bill for bill in wrong if bill.session_id in known or bill.currency_code is not None])


def _has_ended(transaction: Transaction | None) -> bool:
    return transaction is not None and transaction.stop_time is not None


class LiveMeter:
    """Gathers live readings and writes them down from time to time, many sessions at once."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._readings = LiveReadings()

    @property
    def waiting(self) -> int:
        """How many sessions have samples that are not written down."""
        return len(self._readings)

    def gather(self, readings: Iterable[LiveReading]) -> None:
        """Take in samples; costs no database."""
        self._readings.add(readings)

    async def write(self) -> int:
        """Write down what was gathered of up to 500 sessions; how many. Harmless when other replicas do the same.

        What cannot be written is lost, as any live reading may be.
        """
        gathered = self._readings.take(_SESSIONS_AT_ONCE)
        if not gathered:
            return 0
        now = self._clock.now()
        changes: list[MetricChange] = []
        changed: list[Transaction] = []
        async with self._units_of_work() as work:
            for before in await work.transactions.named(gathered.keys()):
                samples = gathered[before.charge_point_id, before.ocpp_transaction_id]
                after, added = metered(before, samples, now)
                if after is not before:
                    changed.append(after)
                    changes += added
            await work.transactions.set_metered(changed)
            stations = {transaction.station_id for transaction in changed if transaction.station_id is not None}
            powers = await work.transactions.powers_at(stations, now - POWER_IS_FRESH)
            for station_id, power_w in powers.items():
                power = Metrics(max_power_w=power_w)
                changes.append(MetricChange(station_id=station_id, time=bucket_of(now), metrics=power))
            await work.metrics.add(merged(changes))
        return len(gathered)
