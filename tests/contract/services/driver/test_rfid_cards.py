"""RfidCardService and AuthorizationService: cards, and the decisions about their tokens."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from csms.driver.v1 import driver_pb2
from csms.driver.v1 import rfid_card_service_pb2 as pb
from csms.driver.v1.authorization_service_pb2 import AuthorizeTokensRequest, TokenPresentation
from csms.driver.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from csms.driver.v1.driver_service_pb2 import CreateDriverRequest, UpdateDriverRequest
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.driver.v1.rfid_card_service_pb2_grpc import RfidCardServiceStub
from csms.driver.v1.token_pb2 import Token
from services.kernel.ids import new_id
from tests.fixtures.calls import bad_fields, reason, said_to_rest
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
Driver, RfidCard, Decision = driver_pb2.Driver, driver_pb2.RfidCard, driver_pb2.TokenDecision


@pytest.fixture
def tag() -> str:
    """A token nobody has yet, in capitals."""
    return new_id()[-24:].upper()


async def _driver(drivers: DriverServiceStub) -> str:
    return (await drivers.CreateDriver(CreateDriverRequest(driver=Driver(name="Ann")))).driver.id


async def _create(cards: RfidCardServiceStub, request_id: str = "", **fields: Any) -> driver_pb2.RfidCard:
    return (
        await cards.CreateRfidCard(pb.CreateRfidCardRequest(rfid_card=RfidCard(**fields), request_id=request_id))
    ).rfid_card


async def _update(cards: RfidCardServiceStub, card_id: str, *paths: str, **fields: Any) -> driver_pb2.RfidCard:
    mask = FieldMask(paths=paths) if paths else None
    request = pb.UpdateRfidCardRequest(card_id=card_id, rfid_card=RfidCard(**fields), update_mask=mask)
    return (await cards.UpdateRfidCard(request)).rfid_card


async def _tags(cards: RfidCardServiceStub, **filters: Any) -> list[str]:
    return [card.id_tag for card in (await cards.ListRfidCards(pb.ListRfidCardsRequest(**filters))).rfid_cards]


async def _decision(cards: RfidCardServiceStub, id_tag: str) -> driver_pb2.TokenDecision:
    return (await cards.ValidateRfidCard(pb.ValidateRfidCardRequest(id_tag=id_tag))).decision


def _shown(id_tag: str) -> TokenPresentation:
    return TokenPresentation(token=Token(value=id_tag), charge_point_id="CP1")


async def test_a_card_is_made_in_capitals_and_found_again(
    cards: RfidCardServiceStub, drivers: DriverServiceStub, tag: str
) -> None:
    driver_id, expiry = await _driver(drivers), datetime(2099, 1, 1, tzinfo=UTC)

    made = await _create(cards, id_tag=f" {tag.lower()}", driver_id=driver_id, group_id="FLEET", expiry_time=expiry)

    assert (made.id_tag, made.driver_id, made.group_id, made.status) == (tag, driver_id, "FLEET", RfidCard.ACTIVE)
    assert (made.expiry_time.ToDatetime(tzinfo=UTC), made.etag) == (expiry, "1")
    assert (await cards.GetRfidCard(pb.GetRfidCardRequest(card_id=made.id))).rfid_card == made


async def test_rest_callers_hear_where_the_new_card_is(cards: RfidCardServiceStub, tag: str) -> None:
    said = await said_to_rest(cards.CreateRfidCard(pb.CreateRfidCardRequest(rfid_card=RfidCard(id_tag=tag))))

    assert said["x-http-code"] == "201"
    assert said["location"].startswith("/rfid-cards/")


async def test_every_bad_field_is_named(cards: RfidCardServiceStub) -> None:
    bad = pb.CreateRfidCardRequest(rfid_card=RfidCard(id_tag="x" * 256, group_id="x" * 256))

    assert await bad_fields(cards.CreateRfidCard(bad)) == ["rfidCard.idTag", "rfidCard.groupId"]
    assert await bad_fields(_create(cards, group_id="G")) == ["rfidCard.idTag"]
    assert await bad_fields(_create(cards, id_tag="A", status=99)) == ["rfidCard.status"]
    out_of_time = pb.CreateRfidCardRequest(rfid_card=RfidCard(id_tag="A"))
    out_of_time.rfid_card.expiry_time.seconds = 10**15
    assert await bad_fields(cards.CreateRfidCard(out_of_time)) == ["rfidCard.expiryTime"]


async def test_a_token_is_on_one_card(cards: RfidCardServiceStub, tag: str) -> None:
    await _create(cards, id_tag=tag)

    assert await reason(_create(cards, id_tag=tag.lower())) == "RFID_CARD_EXISTS"


@pytest.mark.parametrize("driver_id", [UNKNOWN, "no id"])
async def test_a_card_cannot_be_held_by_nobody_we_know(cards: RfidCardServiceStub, tag: str, driver_id: str) -> None:
    assert await reason(_create(cards, id_tag=tag, driver_id=driver_id)) == "DRIVER_NOT_FOUND"
    made = await _create(cards, id_tag=tag)
    assert await reason(_update(cards, made.id, driver_id=driver_id)) == "DRIVER_NOT_FOUND"


async def test_a_request_with_the_same_id_makes_one_card(cards: RfidCardServiceStub, tag: str) -> None:
    request_id = new_id()

    assert await _create(cards, request_id, id_tag=tag) == await _create(cards, request_id, id_tag=tag)


async def test_cards_are_listed_in_pages_the_newest_first(cards: RfidCardServiceStub, tag: str) -> None:
    made = [(await _create(cards, id_tag=f"{tag}{number}", group_id=tag)).id_tag for number in range(3)]

    first = await cards.ListRfidCards(pb.ListRfidCardsRequest(group_id=tag, page_size=2))
    last = await cards.ListRfidCards(
        pb.ListRfidCardsRequest(group_id=tag, page_size=2, page_token=first.next_page_token)
    )

    assert [card.id_tag for card in (*first.rfid_cards, *last.rfid_cards)] == made[::-1]
    assert (first.total_size, last.total_size, last.next_page_token) == (3, 3, "")
    assert await bad_fields(cards.ListRfidCards(pb.ListRfidCardsRequest(page_size=-1))) == ["pageSize"]


async def test_a_list_is_narrowed_by_driver_token_group_and_status(
    cards: RfidCardServiceStub, drivers: DriverServiceStub, tag: str
) -> None:
    driver_id = await _driver(drivers)
    await _create(cards, id_tag=tag, driver_id=driver_id)
    await _create(cards, id_tag=f"{tag}B", driver_id=driver_id, status=RfidCard.BLOCKED)

    assert await _tags(cards, id_tag=tag.lower()) == [tag]
    assert await _tags(cards, driver_id=driver_id) == [f"{tag}B", tag]
    assert await _tags(cards, driver_id=driver_id, status=RfidCard.BLOCKED) == [f"{tag}B"]
    assert await _tags(cards, driver_id="no id") == []
    assert await _tags(cards, group_id=tag) == []


async def test_an_update_changes_what_it_carries_or_what_its_mask_names(cards: RfidCardServiceStub, tag: str) -> None:
    made = await _create(cards, id_tag=tag, group_id="G", expiry_time=datetime(2099, 1, 1, tzinfo=UTC))

    blocked = await _update(cards, made.id, status=RfidCard.BLOCKED, id_tag=tag.lower())
    cleared = await _update(cards, made.id, "expiry_time", "group_id", group_id="")

    assert (blocked.status, blocked.group_id, blocked.etag) == (RfidCard.BLOCKED, "G", "2")
    assert (cleared.HasField("expiry_time"), cleared.group_id, cleared.status) == (False, "", RfidCard.BLOCKED)
    assert await reason(_update(cards, made.id, "holder")) == "INVALID_UPDATE_MASK"
    assert await reason(_update(cards, made.id, group_id="H", etag="1")) == "ETAG_MISMATCH"


async def test_a_token_is_never_changed_and_a_lost_card_never_found(cards: RfidCardServiceStub, tag: str) -> None:
    made = await _create(cards, id_tag=tag, status=RfidCard.LOST)

    assert await bad_fields(_update(cards, made.id, id_tag=f"{tag}B")) == ["rfidCard.idTag"]
    assert await bad_fields(_update(cards, made.id, status=RfidCard.ACTIVE)) == ["rfidCard.status"]


@pytest.mark.parametrize("card_id", [UNKNOWN, "no id"])
async def test_an_unknown_card_is_not_found(cards: RfidCardServiceStub, card_id: str) -> None:
    assert await reason(cards.GetRfidCard(pb.GetRfidCardRequest(card_id=card_id))) == "RFID_CARD_NOT_FOUND"
    assert await reason(_update(cards, card_id, group_id="G")) == "RFID_CARD_NOT_FOUND"


async def test_which_card_must_be_said(cards: RfidCardServiceStub) -> None:
    assert await bad_fields(cards.GetRfidCard(pb.GetRfidCardRequest())) == ["cardId"]
    assert await bad_fields(cards.UpdateRfidCard(pb.UpdateRfidCardRequest())) == ["cardId", "rfidCard"]
    assert await bad_fields(cards.ValidateRfidCard(pb.ValidateRfidCardRequest())) == ["idTag"]


async def test_every_change_of_a_card_voids_the_decisions_about_its_token(
    cards: RfidCardServiceStub, service: RunningService, tag: str
) -> None:
    made = await _create(cards, id_tag=tag)
    await _update(cards, made.id, status=RfidCard.BLOCKED)
    await reason(_update(cards, made.id, etag="1", group_id="G"))

    events = await reported(service.database, made.id)

    assert [event.subject for event in events] == [f"csms.event.driver.token.changed.{made.id}"] * 2
    assert {event.token_changed.token.value for event in events} == {tag}
    assert len({event.id for event in events}) == 2


async def test_a_decision_is_the_one_a_charge_point_gets(
    cards: RfidCardServiceStub,
    drivers: DriverServiceStub,
    authorization: AuthorizationServiceStub,
    tag: str,
) -> None:
    driver_id = await _driver(drivers)
    past = datetime.now(UTC) - timedelta(hours=1)
    await _create(cards, id_tag=tag, driver_id=driver_id, group_id="FLEET")
    await _create(cards, id_tag=f"{tag}E", driver_id=driver_id, expiry_time=past)
    await _create(cards, id_tag=f"{tag}B", driver_id=driver_id, status=RfidCard.BLOCKED)
    await _create(cards, id_tag=f"{tag}S")
    expected = {
        tag.lower(): Decision.ACCEPTED,
        f"{tag}E": Decision.EXPIRED,
        f"{tag}B": Decision.BLOCKED,
        f"{tag}S": Decision.INVALID,
        "unknown": Decision.INVALID,
        "\x00": Decision.INVALID,
        "": Decision.INVALID,
        "ẞ" * 5000: Decision.INVALID,
    }

    response = await authorization.AuthorizeTokens(AuthorizeTokensRequest(presentations=map(_shown, expected)))

    assert [answer.decision.status for answer in response.answers] == list(expected.values())
    assert [answer.decision.valid for answer in response.answers] == [True] + [False] * 7
    good = response.answers[0].decision
    assert (good.driver_id, good.group_id, good.reason) == (driver_id, "FLEET", "The card is valid.")
    assert await _decision(cards, tag) == good
    assert (await _decision(cards, f"{tag}E")).expiry_time.ToDatetime(tzinfo=UTC) == past
    assert (await _decision(cards, "unknown")).status == Decision.INVALID


async def test_a_suspended_driver_cannot_charge_until_active_again(
    cards: RfidCardServiceStub, drivers: DriverServiceStub, tag: str
) -> None:
    driver_id = await _driver(drivers)
    await _create(cards, id_tag=tag, driver_id=driver_id)

    decisions = []
    for status in (driver_pb2.Driver.SUSPENDED, driver_pb2.Driver.CLOSED, driver_pb2.Driver.ACTIVE):
        await drivers.UpdateDriver(UpdateDriverRequest(driver_id=driver_id, driver=Driver(status=status)))
        decisions.append((await _decision(cards, tag)).status)

    assert decisions == [Decision.BLOCKED, Decision.INVALID, Decision.ACCEPTED]


async def test_a_thousand_tokens_are_decided_about_at_once_and_no_more(
    authorization: AuthorizationServiceStub,
) -> None:
    most = [_shown(f"T{number}") for number in range(1000)]

    assert len((await authorization.AuthorizeTokens(AuthorizeTokensRequest(presentations=most))).answers) == 1000
    one_more = AuthorizeTokensRequest(presentations=[*most, _shown("T")])
    assert await bad_fields(authorization.AuthorizeTokens(one_more)) == ["presentations"]
    assert not (await authorization.AuthorizeTokens(AuthorizeTokensRequest())).answers
