"""What can be done with alerts, and what the verdicts of the rules do to them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest
from services.monitoring.domain.alert import Alert, AlertFilter, AlertKind, Verdict, acknowledged, raised
from services.monitoring.domain.events import AlertChanged
from services.monitoring.domain.rules import (
    FREQUENCIES,
    OFFLINE_GRACE,
    SECURITY_ALERT_LIFE,
    SESSION_ALERT_LIFE,
    Incident,
    frequency_verdict,
    is_away,
    offline_verdict,
)
from services.monitoring.ports import UnitOfWork, UnitsOfWork

# What is about the hardware of a charge point, and void without it.
_HARDWARE = (
    AlertKind.CONNECTOR_FAULTED,
    AlertKind.CHARGE_POINT_OFFLINE,
    AlertKind.FREQUENT_FAULTS,
    AlertKind.FREQUENT_DISCONNECTS,
    AlertKind.CHARGE_POINT_REFUSED,
    AlertKind.CHARGE_POINT_PASSWORD_GUESSED,
    AlertKind.SECURITY_EVENT,
    AlertKind.DEVICE_PROBLEM,
)
_ABOUT_SESSIONS = (
    AlertKind.UNAUTHORIZED_SESSION,
    AlertKind.ORPHAN_TRANSACTION,
    AlertKind.UNMETERED_SESSION,
    AlertKind.DOUBTFUL_ENERGY,
)
_AWAY_AT_ONCE = 500


class Alerts:
    """The use cases of alerts. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._clock = clock

    async def page(self, narrowing: AlertFilter, page: PageRequest) -> Page[Alert]:
        """One page of alerts, the newest first."""
        async with self._units_of_work() as work:
            return await work.alerts.page(narrowing, page)

    async def acknowledge(self, alert_id: str, subject: str) -> Alert:
        """Take an alert on behalf of the caller `subject`. Idempotent: the first stays. Raises: ALERT_NOT_FOUND."""
        async with self._units_of_work() as work:
            before = await work.alerts.find(alert_id, for_update=True)
            if before is None:
                raise not_found("alert", alert_id)
            after = acknowledged(before, subject, self._clock.now())
            if after is not before:
                await work.alerts.replace(after)
                await _publish(work, [after])
            return after

    async def raise_for_those_away(self) -> int:
        """Raise an alert for charge points that have been away too long, up to a batch; how many were looked at."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            points = await work.charge_points.away(now - OFFLINE_GRACE, _AWAY_AT_ONCE)
            missed = [offline_verdict(point, stands=True) for point in points if is_away(point, now)]
            await judge(work, missed, now)
        return len(points)

    async def until_one_is_away(self) -> timedelta | None:
        """How long it takes until a charge point has been away too long that is not missed yet; None without one."""
        async with self._units_of_work.reading() as work:
            since = await work.charge_points.away_since()
        return None if since is None else since + OFFLINE_GRACE - self._clock.now()

    async def clear_what_is_over(self) -> None:
        """Clear predictions that did not come true, and alerts of what is over and was looked at."""
        now = self._clock.now()
        async with self._units_of_work() as work:
            for kind, rule in FREQUENCIES.items():
                await _publish(work, await work.alerts.clear_calmed(kind, rule, now))
            await _publish(work, await work.alerts.clear_over(_ABOUT_SESSIONS, now - SESSION_ALERT_LIFE, now))
            seen = await work.alerts.clear_seen(AlertKind.SECURITY_EVENT, now - SECURITY_ALERT_LIFE, now)
            await _publish(work, seen)


async def judge(work: UnitOfWork, verdicts: Sequence[Verdict], now: datetime) -> None:
    """Raise and clear alerts as the rules found, at most one verdict for each kind and subject."""
    fine = [(verdict.kind, verdict.subject) for verdict in verdicts if not verdict.stands]
    changed = list(await work.alerts.clear(fine, now))
    for verdict in verdicts:
        if verdict.stands:
            alert = raised(verdict, new_id(), now)
            opened = await work.alerts.open(alert, counts=verdict.counts, follows=verdict.follows)
            if opened is not None:
                changed.append(opened)
    await _publish(work, changed)


async def note_incidents(work: UnitOfWork, incidents: Mapping[Incident, Verdict], now: datetime) -> None:
    """Keep incidents, and raise predictions where they happen too often. What is long past predicts nothing.

    Each comes with a verdict that says where it happened. All are of one kind.
    """
    recent = [incident for incident in incidents if incident.time > now - FREQUENCIES[incident.kind].span]
    if recent:
        since = now - FREQUENCIES[recent[0].kind].span
        counts = await work.alerts.add_incidents(recent, since)
        found = [frequency_verdict(one, counts.get(one.subject, 0), incidents[one]) for one in recent]
        await judge(work, [verdict for verdict in found if verdict is not None], now)


async def forget_hardware(work: UnitOfWork, charge_point_ids: Collection[str], now: datetime) -> None:
    """Clear what is about charge points that are no longer there."""
    await _publish(work, await work.alerts.clear_all_of(charge_point_ids, _HARDWARE, now))


async def forget_connectors(work: UnitOfWork, connectors: Collection[str], now: datetime) -> None:
    """Clear what is about connectors that are no longer there, named as in alerts."""
    kinds = (AlertKind.CONNECTOR_FAULTED, AlertKind.FREQUENT_FAULTS)
    await _publish(work, await work.alerts.clear([(kind, name) for kind in kinds for name in connectors], now))


async def _publish(work: UnitOfWork, alerts: Sequence[Alert]) -> None:
    await work.publish([AlertChanged(alert) for alert in alerts])
