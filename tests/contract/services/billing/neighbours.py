"""The services that billing asks, as far as it does: small servers on the generated servicers, told what to say."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc.aio
from grpc_status import rpc_status

from csms.driver.v1 import driver_pb2 as driver_pb
from csms.driver.v1 import driver_service_pb2 as driver_service_pb
from csms.driver.v1 import driver_service_pb2_grpc as driver_grpc
from csms.station.v1 import station_pb2 as station_pb
from csms.station.v1 import station_service_pb2 as station_service_pb
from csms.station.v1 import station_service_pb2_grpc as station_grpc
from csms.transaction.v1 import transaction_pb2 as transaction_pb
from csms.transaction.v1 import transaction_service_pb2 as transaction_service_pb
from csms.transaction.v1 import transaction_service_pb2_grpc as transaction_grpc
from services.kernel.errors import DomainError, not_found, unavailable
from services.rpc.status import to_status
from services.rpc.tenants import TENANT_KEY

Context = grpc.aio.ServicerContext[Any, Any]


class Neighbours:
    """What the other services know. `away` names those that are: driver, station, transaction."""

    def __init__(self) -> None:
        self.address = ""
        self.forget()

    def forget(self) -> None:
        """Know nothing any more, and be there."""
        self.tiers: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.time_zones: dict[str, str] = {}
        self.transactions: dict[str, transaction_pb.Transaction] = {}
        self.curves: dict[str, transaction_service_pb.EnergyCurve] = {}
        self.states: dict[str, transaction_service_pb.ChargingStates] = {}
        # One list of ids for each call.
        self.curves_asked: list[list[str]] = []
        self.away: set[str] = set()
        # Drivers of whom nothing is said until the event is set.
        self.slow: dict[str, asyncio.Event] = {}
        self.asked: list[str] = []
        # Name of the service, and the tenant that it was asked for, if any.
        self.asked_for: set[tuple[str, str]] = set()
        self.pages_asked = 0
        self.transactions_per_page = 250

    def settings(self) -> dict[str, Any]:
        """The settings of a service that has these neighbours."""
        return {f"{name}_service_url": self.address for name in ("driver", "station", "transaction")}


class _Drivers(driver_grpc.DriverServiceServicer):
    def __init__(self, known: Neighbours) -> None:
        self._known = known

    async def ListDrivers(
        self, request: driver_service_pb.ListDriversRequest, context: Context
    ) -> driver_service_pb.ListDriversResponse:
        self._known.asked += request.driver_ids
        await _refuse_when_away("driver", self._known, context)
        for driver_id in request.driver_ids:
            if driver_id in self._known.slow:
                await self._known.slow[driver_id].wait()
        found = {driver_id: self._known.tiers.get(driver_id) for driver_id in request.driver_ids}
        drivers = [
            driver_pb.Driver(id=driver_id, membership_tier=driver_pb.Driver.MembershipTier.Value(tier))
            for driver_id, tier in found.items()
            if tier is not None
        ]
        return driver_service_pb.ListDriversResponse(drivers=drivers, total_size=len(drivers))

    async def GetDriver(
        self, request: driver_service_pb.GetDriverRequest, context: Context
    ) -> driver_service_pb.GetDriverResponse:
        self._known.asked.append(request.driver_id)
        await _refuse_when_away("driver", self._known, context)
        if request.driver_id in self._known.slow:
            await self._known.slow[request.driver_id].wait()
        if request.driver_id not in self._known.tiers:
            await _refuse(context, not_found("driver", request.driver_id))
        tier = driver_pb.Driver.MembershipTier.Value(self._known.tiers[request.driver_id])
        name = self._known.names.get(request.driver_id, "")
        driver = driver_pb.Driver(id=request.driver_id, name=name, membership_tier=tier)
        return driver_service_pb.GetDriverResponse(driver=driver)


class _Stations(station_grpc.StationServiceServicer):
    def __init__(self, known: Neighbours) -> None:
        self._known = known

    async def GetStation(
        self, request: station_service_pb.GetStationRequest, context: Context
    ) -> station_service_pb.GetStationResponse:
        await _refuse_when_away("station", self._known, context)
        if request.station_id not in self._known.time_zones:
            await _refuse(context, not_found("station", request.station_id))
        station = station_pb.Station(id=request.station_id, time_zone=self._known.time_zones[request.station_id])
        return station_service_pb.GetStationResponse(station=station)


class _Transactions(transaction_grpc.TransactionServiceServicer):
    def __init__(self, known: Neighbours) -> None:
        self._known = known

    async def ListTransactions(
        self, request: transaction_service_pb.ListTransactionsRequest, context: Context
    ) -> transaction_service_pb.ListTransactionsResponse:
        await _refuse_when_away("transaction", self._known, context)
        if request.ids:
            found = [self._known.transactions[id] for id in request.ids if id in self._known.transactions]
            return transaction_service_pb.ListTransactionsResponse(transactions=found)
        self._known.pages_asked += 1
        since = request.update_time_from.ToNanoseconds()
        changed = sorted(
            (one for one in self._known.transactions.values() if one.update_time.ToNanoseconds() >= since),
            key=lambda one: (one.update_time.ToNanoseconds(), one.id),
        )
        begin = int(request.page_token or 0)
        end = begin + min(request.page_size, self._known.transactions_per_page)
        return transaction_service_pb.ListTransactionsResponse(
            transactions=changed[begin:end], next_page_token=str(end) if end < len(changed) else ""
        )

    async def BatchGetEnergyCurves(
        self, request: transaction_service_pb.BatchGetEnergyCurvesRequest, context: Context
    ) -> transaction_service_pb.BatchGetEnergyCurvesResponse:
        self._known.curves_asked.append(list(request.ids))
        await _refuse_when_away("transaction", self._known, context)
        found = [self._known.curves[id] for id in request.ids if id in self._known.curves]
        return transaction_service_pb.BatchGetEnergyCurvesResponse(transactions=found)

    async def BatchGetChargingStates(
        self, request: transaction_service_pb.BatchGetChargingStatesRequest, context: Context
    ) -> transaction_service_pb.BatchGetChargingStatesResponse:
        await _refuse_when_away("transaction", self._known, context)
        found = [self._known.states[id] for id in request.ids if id in self._known.states]
        return transaction_service_pb.BatchGetChargingStatesResponse(transactions=found)


@asynccontextmanager
async def running_neighbours() -> AsyncIterator[Neighbours]:
    """The other services, on one free port."""
    known = Neighbours()
    server = grpc.aio.server()
    # What billing does not ask stays unimplemented.
    driver_grpc.add_DriverServiceServicer_to_server(_Drivers(known), server)  # type: ignore[abstract]
    station_grpc.add_StationServiceServicer_to_server(_Stations(known), server)  # type: ignore[abstract]
    transaction_grpc.add_TransactionServiceServicer_to_server(_Transactions(known), server)  # type: ignore[abstract]
    known.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield known
    finally:
        await server.stop(None)


async def _refuse_when_away(name: str, known: Neighbours, context: Context) -> None:
    metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
    known.asked_for.add((name, metadata.get(TENANT_KEY, "")))
    if name in known.away:
        await _refuse(context, unavailable(f"the {name} service is away"))


async def _refuse(context: Context, error: DomainError) -> None:
    await context.abort_with_status(rpc_status.to_status(to_status(error)))
