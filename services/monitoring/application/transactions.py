"""Transactions: what their snapshots, their bills and live readings bring."""

from collections.abc import Iterable

from services.kernel.clock import Clock
from services.monitoring.application.alerts import judge
from services.monitoring.domain.live_reading import LiveReading, LiveReadings, metered
from services.monitoring.domain.metrics import MetricChange, Metrics, bucket_of, merged, transaction_changes
from services.monitoring.domain.rules import session_verdicts
from services.monitoring.domain.transaction import POWER_IS_FRESH, Transaction, followed
from services.monitoring.domain.usage import Bill, billed, used
from services.monitoring.ports import Work, Works

_SESSIONS_AT_ONCE = 500


async def take_in_transaction(work: Work, snapshot: Transaction, clock: Clock) -> None:
    """Bring a transaction, the metrics, the usage and the alerts up to date; an older snapshot changes nothing."""
    before = await work.transactions.find(snapshot.id)
    after = followed(before, snapshot)
    if after is before:
        return
    after, changes = transaction_changes(before, after)
    await work.transactions.store(after)
    await work.metrics.add(merged(changes))
    await judge(work, session_verdicts(after), clock)
    if after.station_id is not None:
        await work.stations.touch(after.station_id, after.update_time)
    if after.stop_time is not None or (before is not None and before.stop_time is not None):
        record = await work.usage.lock(after.id)
        await work.usage.store(used(record, after))


async def take_in_bill(work: Work, bill: Bill) -> None:
    """Note what a session cost; an older bill than the known one changes nothing."""
    before = await work.usage.lock(bill.session_id)
    after = billed(before, bill)
    if after is not before:
        await work.usage.store(after)


class LiveMeter:
    """Gathers live readings and writes them down from time to time, many sessions at once."""

    def __init__(self, works: Works, clock: Clock) -> None:
        self._works = works
        self._clock = clock
        self._readings = LiveReadings()

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
        async with self._works() as work:
            for before in await work.transactions.named(gathered.keys()):
                samples = gathered[before.charge_point_id, before.transaction_id]
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
