"""Which tariff sessions are priced by."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.billing.domain.charging_session import ChargingSession
from services.billing.domain.tariff import Connector, Place, Tariff, TariffVersion, applying
from services.billing.ports import TariffKey, UnitOfWork


async def tariffs_of(work: UnitOfWork, sessions: Sequence[ChargingSession]) -> list[Tariff | None]:
    """The tariff of each: the version it is bound to; else the one that applied when it began; else the one that
    applies now."""
    bound = await bound_tariffs(work, sessions)
    free = [session for session in sessions if session.tariff_id is None]
    if not free:
        return [bound.get(tariff_key(session)) for session in sessions]
    places = [place_of(session) for session in free]
    tenants = {session.tenant_id for session in free}
    versions = await work.tariffs.in_use(tenants, places, min(session.start_time for session in free))
    return [
        bound.get(tariff_key(session)) if session.tariff_id is not None else _applying(versions, session)
        for session in sessions
    ]


def _applying(versions: Sequence[TariffVersion], session: ChargingSession) -> Tariff | None:
    start, place = session.start_time, place_of(session)
    return applying(versions, session.tenant_id, place, start, start) or applying(
        versions, session.tenant_id, place, start
    )


def place_of(session: ChargingSession) -> Place:
    """What decides the tariff of a session."""
    connector = Connector(session.charge_point_id, session.connector_id) if session.charge_point_id else None
    return Place(session.station_id, connector, session.driver_id)


async def tariff_of(work: UnitOfWork, session: ChargingSession) -> Tariff | None:
    """The same for one session."""
    [tariff] = await tariffs_of(work, [session])
    return tariff


async def tariff_at(work: UnitOfWork, tenant_id: str, place: Place, start: datetime) -> Tariff | None:
    """The tariff of a tenant that applies now to sessions at a place that begin at `start`."""
    return applying(await work.tariffs.in_use([tenant_id], [place], None), tenant_id, place, start)


async def bound_tariffs(work: UnitOfWork, sessions: Sequence[ChargingSession]) -> Mapping[TariffKey, Tariff]:
    """The versions that sessions are bound to."""
    keys = {tariff_key(session) for session in sessions if session.tariff_id is not None}
    return await work.tariffs.find_all(keys) if keys else {}


def tariff_key(session: ChargingSession) -> TariffKey:
    """What names the version that a session is bound to."""
    return session.tariff_id or "", session.tariff_version
