"""Statuses under overload: refused, never acknowledged unstored, and the last of each connector handed in later."""

import pytest

from csms.station.v1.connectivity_service_pb2 import StatusReport
from csms.station.v1.connector_pb2 import Connector
from csms.station.v1.evse_ref_pb2 import EvseRef
from ocpp_edge.backend.statuses import Statuses
from ocpp_edge.overload import Level, Overload
from services.kernel.errors import DomainError, ErrorKind, conflict, unavailable


class Station:
    """Stores statuses, unless `failure` says why not."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, int, str]] = []
        self.failure: DomainError | None = None

    async def submit(self, status: StatusReport) -> None:
        if self.failure is not None:
            raise self.failure
        name = Connector.Status.Name(status.status)
        self.stored.append((status.charge_point_id, status.evse.connector_id, name))


def status(charge_point: str = "CP1", connector: int = 1, name: str = "AVAILABLE") -> StatusReport:
    return StatusReport(
        charge_point_id=charge_point,
        evse=EvseRef(evse_id=connector, connector_id=connector),
        status=Connector.Status.Value(name),
    )


@pytest.fixture
def station() -> Station:
    return Station()


@pytest.fixture
def overload() -> Overload:
    return Overload()


@pytest.fixture
def statuses(station: Station, overload: Overload) -> Statuses:
    return Statuses(station.submit, overload)


async def _refused(statuses: Statuses, *reports: StatusReport) -> None:
    for report in reports:
        with pytest.raises(DomainError) as refused:
            await statuses.report(report)
        assert refused.value.kind is ErrorKind.RESOURCE_EXHAUSTED


async def test_a_status_is_stored_while_nothing_or_only_the_journal_is_shed(
    statuses: Statuses, station: Station, overload: Overload
) -> None:
    await statuses.report(status())
    overload.level = Level.JOURNAL
    await statuses.report(status(name="CHARGING"))
    assert station.stored == [("CP1", 1, "AVAILABLE"), ("CP1", 1, "CHARGING")]


async def test_the_last_status_of_each_connector_is_handed_in_when_the_pressure_has_gone(
    statuses: Statuses, station: Station, overload: Overload
) -> None:
    overload.level = Level.STATUSES
    await _refused(statuses, status(name="PREPARING"), status(connector=2), status("CP2"), status(name="CHARGING"))
    await statuses.hand_in()
    assert station.stored == []
    overload.level = Level.JOURNAL
    await statuses.hand_in()
    await statuses.hand_in()
    assert sorted(station.stored) == [("CP1", 1, "CHARGING"), ("CP1", 2, "AVAILABLE"), ("CP2", 1, "AVAILABLE")]


async def test_a_newer_status_that_was_stored_is_not_undone_by_a_held_one(
    statuses: Statuses, station: Station, overload: Overload
) -> None:
    overload.level = Level.STATUSES
    await _refused(statuses, status(name="PREPARING"))
    overload.level = Level.NOTHING
    await statuses.report(status(name="CHARGING"))
    await statuses.hand_in()
    assert station.stored == [("CP1", 1, "CHARGING")]


async def test_what_cannot_be_handed_in_yet_stays_and_what_is_refused_for_good_goes(
    statuses: Statuses, station: Station, overload: Overload
) -> None:
    overload.level = Level.STATUSES
    await _refused(statuses, status())
    overload.level = Level.NOTHING
    station.failure = unavailable("down")
    await statuses.hand_in()
    station.failure = None
    await statuses.hand_in()
    assert station.stored == [("CP1", 1, "AVAILABLE")]

    overload.level = Level.STATUSES
    await _refused(statuses, status())
    overload.level = Level.NOTHING
    station.failure = conflict("STALE_EPOCH", "a newer connection speaks")
    await statuses.hand_in()
    station.failure = None
    await statuses.hand_in()
    assert len(station.stored) == 1
