"""What a price depends on besides tariff and session: the tier of the driver, the time zone of the station and, where
the tariff asks for it, the course of the session."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from services.billing.domain.charging_session import ChargingSession, idle_minutes_decided
from services.billing.domain.course import NO_COURSE, Course, Span, idle_spans
from services.billing.domain.pricing import LONGEST_SESSION, Consumption, may_need_course, needs_course
from services.billing.domain.tariff import MembershipTier, Tariff
from services.billing.ports import Drivers, Stations, Transactions
from services.kernel.clock import Clock
from services.kernel.errors import DomainError
from services.kernel.tenancy import current_tenant

# Stations do not move; that the time zone of one was entered wrongly is put right for all bills from then on.
_ZONE_LIFE = timedelta(minutes=1)
_MOST_ZONES = 10_000
_AT_ONCE = 8

_UTC = "UTC"


class Question(NamedTuple):
    """A session that is to be priced by a tariff until `end`."""

    session: ChargingSession
    tariff: Tariff | None
    end: datetime


class PricingContext:
    """Asks other services, for many sessions at once when there are many."""

    def __init__(self, drivers: Drivers, stations: Stations, transactions: Transactions, clock: Clock) -> None:
        self._drivers = drivers
        self._stations = stations
        self._transactions = transactions
        self._clock = clock
        # By who asked as well: a tenant hears nothing of the stations of others.
        self._zones: dict[tuple[str | None, str], tuple[str, datetime]] = {}

    async def consumption(self, question: Question, courses: Mapping[str, Course]) -> Consumption:
        """What a session used, for its price, its course being among these if it matters. Raises: UNAVAILABLE."""
        session = question.session
        tier = await self._drivers.tier(session.driver_id)
        zone = await self._stations.time_zone(session.station_id)
        return _consumption(session, question.end, tier, zone, courses.get(session.id, NO_COURSE))

    async def consumption_in_full(self, question: Question) -> Consumption:
        """The same with its course, whether or not it matters for the price. Raises: UNAVAILABLE."""
        found = await self._courses([question], lambda _: True)
        course = found.get(question.session.id, NO_COURSE)
        if isinstance(course, DomainError):
            raise course
        return await self.consumption(question, {question.session.id: course})

    async def courses(self, questions: Sequence[Question]) -> Mapping[str, Course]:
        """The courses of the sessions whose price may depend on them, by their ids. Raises: UNAVAILABLE."""
        found = await self._courses(questions, lambda one: one.tariff is not None and may_need_course(one.tariff))
        failure = next((course for course in found.values() if isinstance(course, DomainError)), None)
        if failure is not None:
            raise failure
        return {name: course for name, course in found.items() if isinstance(course, Course)}

    async def consumptions(self, questions: Sequence[Question]) -> Sequence[Consumption | DomainError]:
        """The same for many sessions; for some of them why it cannot be had. Each is asked for once."""
        sessions = [session for session, _, _ in questions]
        drivers = {session.driver_id for session in sessions if session.driver_id is not None}
        stations = {session.station_id for session in sessions if session.station_id is not None}
        tiers, zones = await asyncio.gather(self._tiers(drivers), self._time_zones(stations))
        courses = await self._courses(questions, lambda question: _depends_on_course(question, zones))
        found: list[Consumption | DomainError] = []
        for session, _, end in questions:
            tier = MembershipTier.BASIC if session.driver_id is None else tiers[session.driver_id]
            zone = _zone_of(session, zones)
            course = courses.get(session.id, NO_COURSE)
            if isinstance(tier, DomainError):
                found.append(tier)
            elif isinstance(zone, DomainError):
                found.append(zone)
            elif isinstance(course, DomainError):
                found.append(course)
            else:
                found.append(_consumption(session, end, tier, zone, course))
        return found

    async def _courses(
        self, questions: Sequence[Question], matters: Callable[[Question], bool]
    ) -> Mapping[str, Course | DomainError]:
        """The courses of the sessions for which they matter, by the ids of the sessions."""
        asked = {
            question.session.transaction_id: question.session.id
            for question in questions
            if question.session.transaction_id is not None and matters(question)
        }
        if not asked:
            return {}
        try:
            known = await self._transactions.courses(list(asked))
        except DomainError as error:
            return dict.fromkeys(asked.values(), error)
        return {asked[transaction_id]: course for transaction_id, course in known.items()}

    async def _tiers(self, driver_ids: Collection[str]) -> Mapping[str, MembershipTier | DomainError]:
        try:
            return await self._drivers.tiers(driver_ids) if driver_ids else {}
        except DomainError as error:
            return dict.fromkeys(driver_ids, error)

    async def _time_zones(self, station_ids: Collection[str]) -> Mapping[str, str | DomainError]:
        now, turns, tenant_id = self._clock.now(), asyncio.Semaphore(_AT_ONCE), current_tenant()
        if len(self._zones) > _MOST_ZONES:
            self._zones.clear()

        async def ask(station_id: str) -> str | DomainError:
            zone, asked_time = self._zones.get((tenant_id, station_id), ("", None))
            if asked_time is not None and now - asked_time < _ZONE_LIFE:
                return zone
            async with turns:
                try:
                    zone = await self._stations.time_zone(station_id)
                except DomainError as error:
                    return error
            self._zones[tenant_id, station_id] = zone, now
            return zone

        found = await asyncio.gather(*map(ask, station_ids))
        return dict(zip(station_ids, found, strict=True))


def _zone_of(session: ChargingSession, zones: Mapping[str, str | DomainError]) -> str | DomainError:
    return _UTC if session.station_id is None else zones[session.station_id]


def _depends_on_course(question: Question, zones: Mapping[str, str | DomainError]) -> bool:
    session, tariff, end = question
    if tariff is None or not may_need_course(tariff):
        return False
    zone = _zone_of(session, zones)
    return isinstance(zone, str) and needs_course(tariff, *_times(session, end), zone)


def _times(session: ChargingSession, end: datetime) -> tuple[datetime, datetime]:
    # A clock that ran wild must not price a session by centuries, nor backwards.
    length = min(max(end - session.start_time, timedelta()), LONGEST_SESSION)
    return session.start_time, session.start_time + length


def _consumption(
    session: ChargingSession, end: datetime, tier: MembershipTier, time_zone: str, course: Course
) -> Consumption:
    start, end = _times(session, end)
    idle: Sequence[Span] = ()
    idle_minutes = idle_minutes_decided(session) or 0
    if course is not NO_COURSE and idle_minutes_decided(session) is None:
        idle = idle_spans(course, start, end)
        idle_minutes = sum((span.length for span in idle), timedelta()) // timedelta(minutes=1)
    return Consumption(
        energy_wh=session.energy_wh,
        start=start,
        end=end,
        idle_minutes=idle_minutes,
        time_zone=time_zone,
        tier=tier,
        readings=course.readings,
        idle=idle,
    )
