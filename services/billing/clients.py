"""The ports of the billing service that other services answer, over gRPC."""

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

import grpc.aio

from csms.driver.v1 import driver_pb2 as driver_pb
from csms.driver.v1 import driver_service_pb2 as driver_service_pb
from csms.driver.v1 import driver_service_pb2_grpc as driver_grpc
from csms.station.v1 import station_service_pb2 as station_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from csms.transaction.v1 import transaction_service_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from services.billing.domain.course import Course
from services.billing.domain.following import TransactionSnapshot
from services.billing.domain.tariff import MembershipTier
from services.billing.mapping.charging_sessions import transaction_snapshot
from services.billing.mapping.courses import courses
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.zones import zone_names
from services.rpc.protobuf import timestamp, told_enum

_PAGE = 250

_log = logging.getLogger(__name__)


class GrpcDrivers:
    """Satisfies ports.Drivers."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._drivers = driver_grpc.DriverServiceStub(channel)

    async def tiers(self, driver_ids: Collection[str]) -> Mapping[str, MembershipTier]:
        tiers = dict.fromkeys(driver_ids, MembershipTier.BASIC)
        names = list(tiers)
        for begin in range(0, len(names), _PAGE):
            request = driver_service_pb.ListDriversRequest(driver_ids=names[begin : begin + _PAGE], page_size=_PAGE)
            response = await self._drivers.ListDrivers(request)
            tiers |= {driver.id: _tier(driver.membership_tier) for driver in response.drivers}
        return tiers

    async def tier(self, driver_id: str | None) -> MembershipTier:
        if driver_id is None:
            return MembershipTier.BASIC
        try:
            number = (await self._get(driver_id)).membership_tier
        except DomainError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return MembershipTier.BASIC
            raise
        return _tier(number)

    async def name(self, driver_id: str) -> str | None:
        try:
            return (await self._get(driver_id)).name or None
        except DomainError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    async def require(self, driver_id: str) -> None:
        await self._get(driver_id)

    async def _get(self, driver_id: str) -> driver_pb.Driver:
        response = await self._drivers.GetDriver(driver_service_pb.GetDriverRequest(driver_id=driver_id))
        return response.driver


def _tier(number: int) -> MembershipTier:
    return told_enum(MembershipTier, driver_pb.Driver.MembershipTier, number) or MembershipTier.BASIC


class GrpcStations:
    """Satisfies ports.Stations."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stations = station_grpc.StationServiceStub(channel)

    async def time_zone(self, station_id: str | None) -> str:
        if station_id is None:
            return "UTC"
        try:
            response = await self._stations.GetStation(station_pb.GetStationRequest(station_id=station_id))
        except DomainError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return "UTC"
            raise
        return _known(response.station.time_zone)


def _known(time_zone: str) -> str:
    # The station service has checked it, maybe by a newer list of time zones than ours.
    if time_zone in zone_names():
        return time_zone
    _log.error("the time zone %r is not known here: prices go by UTC", time_zone)
    return "UTC"


class GrpcTransactions:
    """Satisfies ports.Transactions."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._transactions = transaction_grpc.TransactionServiceStub(channel)

    async def energy_wh(self, transaction_ids: Sequence[str], timeout: float) -> Mapping[str, int]:
        request = transaction_pb.ListTransactionsRequest(ids=transaction_ids, page_size=_PAGE)
        try:
            response = await self._transactions.ListTransactions(request, timeout=timeout)
        except DomainError as error:
            _log.warning("live energy is not to be had: %s", error.message)
            return {}
        return {transaction.id: transaction.energy_wh for transaction in response.transactions}

    async def courses(self, transaction_ids: Sequence[str]) -> Mapping[str, Course]:
        found: dict[str, Course] = {}
        for begin in range(0, len(transaction_ids), _PAGE):
            ids = transaction_ids[begin : begin + _PAGE]
            curves, states = await asyncio.gather(
                self._transactions.BatchGetEnergyCurves(transaction_pb.BatchGetEnergyCurvesRequest(ids=ids)),
                self._transactions.BatchGetChargingStates(transaction_pb.BatchGetChargingStatesRequest(ids=ids)),
            )
            found |= courses(curves, states)
        return found

    async def changed_since(
        self, time: datetime, page_token: str
    ) -> tuple[Sequence[tuple[TransactionSnapshot, datetime]], str]:
        request = transaction_pb.ListTransactionsRequest(
            update_time_from=timestamp(time), page_size=_PAGE, page_token=page_token
        )
        response = await self._transactions.ListTransactions(request)
        found = [
            (transaction_snapshot(transaction), transaction.update_time.ToDatetime(tzinfo=UTC))
            for transaction in response.transactions
        ]
        return found, response.next_page_token
