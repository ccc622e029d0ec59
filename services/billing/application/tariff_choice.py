"""Which tariff sessions are priced by."""

from collections.abc import Mapping, Sequence

from services.billing.domain.charging_session import ChargingSession
from services.billing.domain.tariff import Tariff, applying
from services.billing.ports import TariffKey, UnitOfWork


async def tariffs_of(work: UnitOfWork, sessions: Sequence[ChargingSession]) -> list[Tariff | None]:
    """The tariff of each: the version it is bound to; else the one that applied when it began; else the one that
    applies now."""
    bound = await bound_tariffs(work, sessions)
    free = [session for session in sessions if session.tariff_id is None]
    if not free:
        return [bound.get(tariff_key(session)) for session in sessions]
    tenants = {session.tenant_id for session in free}
    stations = {session.station_id for session in free if session.station_id is not None}
    versions = await work.tariffs.in_use(tenants, stations, min(session.start_time for session in free))
    return [
        bound.get(tariff_key(session))
        if session.tariff_id is not None
        else applying(versions, session.tenant_id, session.station_id, session.start_time)
        or applying(versions, session.tenant_id, session.station_id)
        for session in sessions
    ]


async def tariff_of(work: UnitOfWork, session: ChargingSession) -> Tariff | None:
    """The same for one session."""
    [tariff] = await tariffs_of(work, [session])
    return tariff


async def tariff_at(work: UnitOfWork, tenant_id: str, station_id: str | None) -> Tariff | None:
    """The tariff of a tenant that applies at a station now, or, with None, at no station."""
    versions = await work.tariffs.in_use([tenant_id], [] if station_id is None else [station_id], None)
    return applying(versions, tenant_id, station_id)


async def bound_tariffs(work: UnitOfWork, sessions: Sequence[ChargingSession]) -> Mapping[TariffKey, Tariff]:
    """The versions that sessions are bound to."""
    keys = {tariff_key(session) for session in sessions if session.tariff_id is not None}
    return await work.tariffs.find_all(keys) if keys else {}


def tariff_key(session: ChargingSession) -> TariffKey:
    """What names the version that a session is bound to."""
    return session.tariff_id or "", session.tariff_version
