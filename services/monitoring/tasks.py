"""What happens by the clock: alerts that come and go with time, comparison with the owners, and the end of old rows."""

from services.monitoring.application.alerts import Alerts
from services.monitoring.application.directory import TaskWatch
from services.monitoring.application.reconciliation import Reconciliation
from services.monitoring.domain.transaction import TransactionState
from services.monitoring.settings import MonitoringSettings
from services.postgres.database import Database, RawConnection
from services.process.heartbeats import every, repeat
from services.process.stirring import AT_REST_SECONDS

_ALERT_SECONDS = 5.0
_TASKS_SECONDS = 10.0
_RECONCILIATION_SECONDS = 1800.0
_SWEEP_SECONDS = 3600.0
_RETRY_SECONDS = 10.0
_BATCH = 5_000


class Housekeeping:
    """The tasks that run beside the server. Every replica may run them."""

    def __init__(
        self,
        settings: MonitoringSettings,
        database: Database,
        alerts: Alerts,
        reconciliation: Reconciliation,
        tasks: TaskWatch,
    ) -> None:
        self._database = database
        self._alerts = alerts
        self._reconciliation = reconciliation
        self._tasks = tasks
        # Transactions outlive the metrics they count in, so that a late correction finds what it corrects; what is said
        # to run is shown as running for as long as anything is. Usage without an end counts nowhere: it goes with its
        # transaction, unless the bill that was taken back may still be told of.
        metrics_day = f"now() - interval '{settings.metrics_retention_days + 7} days'"
        usage_day = f"now() - interval '{settings.usage_retention_days} days'"
        self._expired = (
            ("transactions", f"update_time < {metrics_day} AND state <> '{TransactionState.ACTIVE}'"),
            ("transactions", f"update_time < {usage_day} AND (power_time IS NULL OR power_time < {usage_day})"),
            ("alerts", "clear_time < now() - interval '365 days'"),
            ("usage_analytics", f"end_time < {usage_day}"),
            (
                "usage_analytics",
                f"end_time IS NULL AND (bill_time IS NULL OR bill_time < {metrics_day})"
                " AND NOT EXISTS (SELECT FROM transactions AS t WHERE t.id = session_id)",
            ),
        )

    async def watch_alerts(self) -> None:
        """Raise and clear what time alone decides, until cancelled."""
        await repeat(self._look_at_alerts, _ALERT_SECONDS, _ALERT_SECONDS)

    async def watch_tasks(self) -> None:
        """Raise and clear what is to be said of background tasks, until cancelled."""
        await every(_TASKS_SECONDS, self._tasks.look, at_rest_seconds=AT_REST_SECONDS)

    async def reconcile(self) -> None:
        """Compare with the owners now and from time to time, until cancelled."""
        await every(_RECONCILIATION_SECONDS, self._reconciliation.run, _RETRY_SECONDS)

    async def sweep(self) -> None:
        """Delete rows past their retention now and every hour, until cancelled."""
        await every(_SWEEP_SECONDS, self._delete_expired, _RETRY_SECONDS)

    async def _look_at_alerts(self) -> float:
        while await self._alerts.raise_for_those_away():
            pass
        await self._alerts.clear_what_is_over()
        left = await self._alerts.until_one_is_away()
        return AT_REST_SECONDS if left is None else min(max(left.total_seconds(), _ALERT_SECONDS), AT_REST_SECONDS)

    async def _delete_expired(self) -> None:
        async with self._database.raw() as connection:
            for table, condition in self._expired:
                while await _delete(connection, table, condition) == _BATCH:
                    pass


async def _delete(connection: RawConnection, table: str, condition: str) -> int:
    """Delete up to a batch in a short statement of its own; how many."""
    # What somebody else has locked waits for the next time, not we for them.
    expired = f"SELECT ctid FROM {table} WHERE {condition} LIMIT {_BATCH} FOR UPDATE SKIP LOCKED"
    statement = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({expired}))"
    return (await connection.execute(statement.encode())).rowcount
