"""Tokens that no card has, and those who present none: what the real station and transaction services say of them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import rfid_card_service_pb2 as card_pb
from csms.driver.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from csms.driver.v1.driver_pb2 import Driver, RfidCard, TokenDecision
from csms.driver.v1.driver_service_pb2 import CreateDriverRequest
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.driver.v1.rfid_card_service_pb2_grpc import RfidCardServiceStub
from csms.driver.v1.token_pb2 import Token
from csms.station.v1.charge_point_pb2 import ChargePoint
from csms.station.v1.charge_point_service_pb2_grpc import ChargePointServiceStub
from csms.station.v1.station_service_pb2_grpc import StationServiceStub
from csms.transaction.v1 import command_service_pb2 as command_pb
from csms.transaction.v1.command_service_pb2_grpc import CommandServiceStub
from services.rpc.protobuf import timestamp
from tests.contract.services.station.callers import Connector as Plug
from tests.contract.services.station.callers import (
    Station,
    create_point,
    create_station,
    update_connector,
    update_point,
)
from tests.contract.services.transaction.platform import Edge, Stations, running_edge
from tests.fixtures.calls import bad_fields, reason
from tests.fixtures.services import ServiceRunner
from tests.fixtures.shorthand import spelled_out
from tests.fixtures.tokens import Tokens

Reason = TokenDecision
ALLOWED, FREE, NEVER = Plug.ALLOWED, Plug.FREE_OF_CHARGE, Plug.NOT_ALLOWED
NOBODY = "NoAuthorization"


@dataclass
class Platform:
    """The driver service, and those it asks."""

    stations: StationServiceStub
    points: ChargePointServiceStub
    known: Stations
    edge: Edge
    commands: CommandServiceStub
    cards: RfidCardServiceStub
    drivers: DriverServiceStub
    authorization: AuthorizationServiceStub

    async def decide(self, **shown: Any) -> authorization_pb.AuthorizationAnswer:
        """As the edge is answered about one token at CP1."""
        presentation = authorization_pb.TokenPresentation(**{"charge_point_id": "CP1", **spelled_out(shown)})
        request = authorization_pb.AuthorizeTokensRequest(presentations=[presentation])
        [answer] = (await self.authorization.AuthorizeTokens(request)).answers
        return answer

    async def why(self, **shown: Any) -> tuple[str, str]:
        decision = (await self.decide(**shown)).decision
        return TokenDecision.Status.Name(decision.status), TokenDecision.Reason.Name(decision.reason_code)

    async def validate(self, **shown: Any) -> TokenDecision:
        """As an operator is answered."""
        return (await self.cards.ValidateRfidCard(card_pb.ValidateRfidCardRequest(**shown))).decision

    async def card(self, id_tag: str, **fields: Any) -> None:
        driver = (await self.drivers.CreateDriver(CreateDriverRequest(driver=Driver(name="Ann")))).driver
        card = RfidCard(id_tag=id_tag, driver_id=driver.id, **fields)
        await self.cards.CreateRfidCard(card_pb.CreateRfidCardRequest(rfid_card=card))

    async def start(self, id_tag: str, token_type: str, charge_point_id: str = "CP1", **options: Any) -> None:
        """Start a session at a charge point that is connected."""
        request = command_pb.RemoteStartRequest(
            charge_point_id=charge_point_id,
            id_tag=id_tag,
            token_type=token_type,
            options=command_pb.CommandOptions(**options),
        )
        await self.commands.RemoteStart(request)


@pytest.fixture
async def platform(run_service: ServiceRunner, tokens: Tokens) -> AsyncIterator[Platform]:
    async with running_edge(tokens) as edge:
        station = await run_service("station")
        transaction = await run_service("transaction", station_service_url=station.address)
        driver = await run_service(
            "driver", station_service_url=station.address, transaction_service_url=transaction.address
        )
        yield Platform(
            StationServiceStub(await station.channel("operator")),
            ChargePointServiceStub(await station.channel("operator")),
            Stations(station),
            edge,
            CommandServiceStub(await transaction.channel("operator")),
            RfidCardServiceStub(await driver.channel("operator")),
            DriverServiceStub(await driver.channel("operator")),
            AuthorizationServiceStub(await driver.internal_channel("edge")),
        )


@pytest.mark.field_case("B1")
async def test_who_may_start_without_a_token_is_said_by_connector_charge_point_and_station(platform: Platform) -> None:
    plugs = [Plug(charge_point_id="CP1", connector_id=number) for number in (1, 2)]
    station = await create_station(platform.stations, charge_points=[ChargePoint(id="CP1")], connectors=plugs)
    assert await platform.why(token_type=NOBODY) == ("INVALID", "FREE_VENDING_NOT_ALLOWED")

    await update_connector(platform.stations, station.id, "1", free_vending=ALLOWED)
    assert await platform.why(token_type=NOBODY, evse_id=1, connector_id=1) == ("ACCEPTED", "FREE_VENDING")
    assert await platform.why(token_type=NOBODY, evse_id=2, connector_id=2) == ("INVALID", "FREE_VENDING_NOT_ALLOWED")
    # Whoever asks before there is a place is told whether there is one.
    assert await platform.why(token_type=NOBODY) == ("ACCEPTED", "FREE_VENDING")

    await update_point(platform.points, "CP1", free_vending=FREE)
    assert await platform.why(token_type=NOBODY, evse_id=2, connector_id=2) == ("ACCEPTED", "FREE_OF_CHARGE")
    assert await platform.why(token_type=NOBODY, evse_id=2) == ("ACCEPTED", "FREE_OF_CHARGE")
    assert await platform.why(token_type=NOBODY, evse_id=9, connector_id=1) == ("ACCEPTED", "FREE_OF_CHARGE")

    other = await create_station(platform.stations, charge_points=[ChargePoint(id="CP2")], free_vending=ALLOWED)
    assert await platform.why(charge_point_id="CP2", token_type=NOBODY) == ("ACCEPTED", "FREE_VENDING")
    await update_point(platform.points, "CP2", free_vending=NEVER)
    assert await platform.why(charge_point_id="CP2", token_type=NOBODY) == ("INVALID", "FREE_VENDING_NOT_ALLOWED")
    assert (other.free_vending, station.free_vending) == (ALLOWED, Plug.FREE_VENDING_UNSPECIFIED)
    assert Station.DESCRIPTOR.fields_by_name["free_vending"].json_name == "freeVending"


@pytest.mark.field_case("B1")
async def test_an_empty_card_is_never_looked_for(platform: Platform) -> None:
    await create_point(platform.points, "CP1", free_vending=ALLOWED)
    await platform.card("CARD")
    assert await platform.why(id_tag="CARD", token_type=NOBODY) == ("ACCEPTED", "FREE_VENDING")
    assert await platform.why(id_tag="", token_type="ISO14443") == ("ACCEPTED", "FREE_VENDING")
    assert await platform.why(id_tag="CARD", token_type="ISO14443") == ("ACCEPTED", "CARD_VALID")
    # What the charge point made up itself is no more than no token; what a driver showed must be known.
    assert await platform.why(id_tag="button-1", token_type="Local") == ("ACCEPTED", "FREE_VENDING")
    assert await platform.why(id_tag="1234", token_type="KeyCode") == ("INVALID", "UNKNOWN_TOKEN")


async def test_a_place_that_nobody_knows_fails_alone(platform: Platform) -> None:
    shown = [authorization_pb.TokenPresentation(token=Token(value="X"), charge_point_id="CP1")]
    shown.append(authorization_pb.TokenPresentation(token=Token(type=NOBODY), charge_point_id="NOWHERE"))
    request = authorization_pb.AuthorizeTokensRequest(presentations=shown)
    card, nobody = (await platform.authorization.AuthorizeTokens(request)).answers
    assert (card.decision.reason_code, nobody.error.message) == (
        Reason.UNKNOWN_TOKEN,
        "charge point NOWHERE not found",
    )


@pytest.mark.field_case("B1")
async def test_a_token_is_told_apart_by_its_type(platform: Platform) -> None:
    await platform.card("1234", token_type="keycode")
    await platform.card("de-8aa-c1", token_type="eMAID")
    await platform.card("OLD")
    assert await platform.why(id_tag="1234", token_type="KeyCode") == ("ACCEPTED", "CARD_VALID")
    assert await platform.why(id_tag="1234", token_type="ISO14443") == ("INVALID", "UNKNOWN_TOKEN")
    assert await platform.why(id_tag="1234") == ("ACCEPTED", "CARD_VALID")
    for written in ("DE8AAC1", "de-8AA-c1"):
        assert await platform.why(id_tag=written, token_type="EMAID") == ("ACCEPTED", "CARD_VALID")
    for kind in ("", "ISO14443", "eMAID", "acme:badge"):
        assert await platform.why(id_tag="old", token_type=kind) == ("ACCEPTED", "CARD_VALID")
    listed = await platform.cards.ListRfidCards(card_pb.ListRfidCardsRequest(id_tag="de-8aa-c1"))
    assert [(card.id_tag, card.token_type) for card in listed.rfid_cards] == [("DE8AAC1", "eMAID")]
    # The same value under another type is another card; under the same it is not.
    await platform.card("1234", token_type="ISO14443")
    assert await reason(platform.card("1234", token_type="KEYCODE")) == "RFID_CARD_EXISTS"


@pytest.mark.field_case("B1")
async def test_a_token_of_the_platforms_own_is_good_where_it_has_started_a_session_with_it(platform: Platform) -> None:
    for name in ("CP1", "CP2"):
        await create_point(platform.points, name)
        await platform.known.connect(name, platform.edge)
    await platform.start("app-7", "Central")
    await platform.start("rfid-7", "")

    assert platform.edge.delivered[0].body.remote_start.token_type == "Central"
    assert await platform.why(id_tag="APP-7", token_type="Central") == ("ACCEPTED", "REMOTE_START")
    assert await platform.why(id_tag="APP-7", token_type="Central", charge_point_id="CP2") == (
        "INVALID",
        "UNKNOWN_TOKEN",
    )
    assert await platform.why(id_tag="APP-8", token_type="Central") == ("INVALID", "UNKNOWN_TOKEN")
    assert await platform.why(id_tag="APP-7", token_type="ISO14443") == ("INVALID", "UNKNOWN_TOKEN")
    # One that is to be a card has to be one.
    assert await platform.why(id_tag="RFID-7", token_type="Central") == ("INVALID", "UNKNOWN_TOKEN")
    for away in (timedelta(hours=-1), timedelta(hours=1)):
        time = timestamp(datetime.now(UTC) + away)
        assert (await platform.why(id_tag="APP-7", token_type="Central", time=time))[1] == "UNKNOWN_TOKEN"


@pytest.mark.field_case("B10")
async def test_an_operator_is_told_that_the_charge_point_is_not_accepted_yet(platform: Platform) -> None:
    await create_point(platform.points, "CP1", state=ChargePoint.PENDING, free_vending=ALLOWED)
    await platform.card("CARD")
    assert (await platform.validate(id_tag="CARD")).valid

    there = await platform.validate(id_tag="CARD", charge_point_id="CP1")
    assert (there.valid, there.reason_code) == (False, Reason.CHARGE_POINT_PENDING)
    assert there.reason == "The charge point is not accepted yet."
    nobody = await platform.validate(token_type=NOBODY, charge_point_id="CP1")
    assert nobody.reason_code == Reason.CHARGE_POINT_PENDING

    await update_point(platform.points, "CP1", state=ChargePoint.REJECTED)
    turned_away = await platform.validate(id_tag="CARD", charge_point_id="CP1")
    assert turned_away.reason_code == Reason.CHARGE_POINT_REJECTED
    await update_point(platform.points, "CP1", state=ChargePoint.ACCEPTED)
    assert (await platform.validate(id_tag="CARD", charge_point_id="CP1")).valid
    assert (await platform.validate(token_type=NOBODY, charge_point_id="CP1")).reason_code == Reason.FREE_VENDING


async def test_what_is_missing_is_named(platform: Platform) -> None:
    def asked(**fields: Any) -> Any:
        return platform.cards.ValidateRfidCard(card_pb.ValidateRfidCardRequest(**fields))

    assert await bad_fields(asked()) == ["idTag"]
    assert await bad_fields(asked(token_type="eMAID", id_tag=" - ")) == ["idTag"]
    assert await bad_fields(asked(token_type=NOBODY)) == ["chargePointId"]
    assert await reason(asked(id_tag="CARD", charge_point_id="NOWHERE")) == "CHARGE_POINT_NOT_FOUND"
