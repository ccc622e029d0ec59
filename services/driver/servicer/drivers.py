"""csms.driver.v1: drivers, RFID cards, and decisions about tokens."""

from typing import Any

import grpc.aio

from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import authorization_service_pb2_grpc as authorization_grpc
from csms.driver.v1 import driver_service_pb2 as driver_pb
from csms.driver.v1 import driver_service_pb2_grpc as driver_grpc
from csms.driver.v1 import rfid_card_service_pb2 as card_pb
from csms.driver.v1 import rfid_card_service_pb2_grpc as card_grpc
from services.driver.application.authorization import Authorization
from services.driver.application.drivers import Drivers
from services.driver.application.rfid_cards import RfidCards
from services.driver.application.usage import Usage
from services.driver.mapping import drivers as mapping
from services.kernel.clock import Clock
from services.kernel.errors import invalid
from services.kernel.pagination import page_request
from services.kernel.tokens import NO_AUTHORIZATION
from services.rpc import http

Context = grpc.aio.ServicerContext[Any, Any]

_MOST_TOKENS = 1000


class DriverServicer(driver_grpc.DriverServiceServicer):
    """csms.driver.v1.DriverService."""

    def __init__(self, drivers: Drivers, usage: Usage) -> None:
        self._drivers = drivers
        self._usage = usage

    async def ListDrivers(
        self, request: driver_pb.ListDriversRequest, context: Context
    ) -> driver_pb.ListDriversResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._drivers.page(mapping.driver_filter(request), requested)
        return driver_pb.ListDriversResponse(
            drivers=map(mapping.driver_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetDriver(self, request: driver_pb.GetDriverRequest, context: Context) -> driver_pb.GetDriverResponse:
        driver = await self._drivers.get(request.driver_id)
        return driver_pb.GetDriverResponse(driver=mapping.driver_to_proto(driver))

    async def CreateDriver(
        self, request: driver_pb.CreateDriverRequest, context: Context
    ) -> driver_pb.CreateDriverResponse:
        driver = await self._drivers.create(mapping.driver_fields(request.driver), request.request_id)
        await http.created(context, f"/drivers/{driver.id}")
        return driver_pb.CreateDriverResponse(driver=mapping.driver_to_proto(driver))

    async def UpdateDriver(
        self, request: driver_pb.UpdateDriverRequest, context: Context
    ) -> driver_pb.UpdateDriverResponse:
        driver = await self._drivers.update(request.driver_id, mapping.driver_changes(request), request.driver.etag)
        return driver_pb.UpdateDriverResponse(driver=mapping.driver_to_proto(driver))

    async def DeleteDriver(
        self, request: driver_pb.DeleteDriverRequest, context: Context
    ) -> driver_pb.DeleteDriverResponse:
        await self._drivers.delete(request.driver_id)
        await http.no_content(context)
        return driver_pb.DeleteDriverResponse()

    async def GetDriverUsage(
        self, request: driver_pb.GetDriverUsageRequest, context: Context
    ) -> driver_pb.GetDriverUsageResponse:
        usage = await self._usage.of_driver(request.driver_id, *mapping.period_of(request))
        return driver_pb.GetDriverUsageResponse(usage=mapping.usage_to_proto(usage))


class RfidCardServicer(card_grpc.RfidCardServiceServicer):
    """csms.driver.v1.RfidCardService."""

    def __init__(self, cards: RfidCards, authorization: Authorization, clock: Clock) -> None:
        self._cards = cards
        self._authorization = authorization
        self._clock = clock

    async def ListRfidCards(
        self, request: card_pb.ListRfidCardsRequest, context: Context
    ) -> card_pb.ListRfidCardsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._cards.page(mapping.rfid_card_filter(request), requested)
        return card_pb.ListRfidCardsResponse(
            rfid_cards=map(mapping.rfid_card_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetRfidCard(self, request: card_pb.GetRfidCardRequest, context: Context) -> card_pb.GetRfidCardResponse:
        card = await self._cards.get(request.card_id)
        return card_pb.GetRfidCardResponse(rfid_card=mapping.rfid_card_to_proto(card))

    async def CreateRfidCard(
        self, request: card_pb.CreateRfidCardRequest, context: Context
    ) -> card_pb.CreateRfidCardResponse:
        card = await self._cards.create(mapping.rfid_card_fields(request.rfid_card), request.request_id)
        await http.created(context, f"/rfid-cards/{card.id}")
        return card_pb.CreateRfidCardResponse(rfid_card=mapping.rfid_card_to_proto(card))

    async def UpdateRfidCard(
        self, request: card_pb.UpdateRfidCardRequest, context: Context
    ) -> card_pb.UpdateRfidCardResponse:
        card = await self._cards.update(request.card_id, mapping.rfid_card_changes(request), request.rfid_card.etag)
        return card_pb.UpdateRfidCardResponse(rfid_card=mapping.rfid_card_to_proto(card))

    async def ValidateRfidCard(
        self, request: card_pb.ValidateRfidCardRequest, context: Context
    ) -> card_pb.ValidateRfidCardResponse:
        shown = mapping.presentation(request, self._clock.now())
        if shown.token.type == NO_AUTHORIZATION and not shown.charge_point_id:
            raise invalid("chargePointId", "is required for those who present no token")
        if shown.token.type != NO_AUTHORIZATION and not shown.token.value:
            raise invalid("idTag", "is required")
        decision = await self._authorization.decide_at_charge_point(shown)
        return card_pb.ValidateRfidCardResponse(decision=mapping.decision_to_proto(decision))


class AuthorizationServicer(authorization_grpc.AuthorizationServiceServicer):
    """csms.driver.v1.AuthorizationService."""

    def __init__(self, authorization: Authorization, clock: Clock) -> None:
        self._authorization = authorization
        self._clock = clock

    async def AuthorizeTokens(
        self, request: authorization_pb.AuthorizeTokensRequest, context: Context
    ) -> authorization_pb.AuthorizeTokensResponse:
        if len(request.presentations) > _MOST_TOKENS:
            raise invalid("presentations", f"must be at most {_MOST_TOKENS}")
        now = self._clock.now()
        decisions = await self._authorization.decide([mapping.presentation(one, now) for one in request.presentations])
        return authorization_pb.AuthorizeTokensResponse(answers=map(mapping.authorization_answer, decisions))
