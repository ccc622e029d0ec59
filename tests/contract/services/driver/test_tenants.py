"""One tenant's drivers, cards and accounts are not there for another."""

from typing import NamedTuple

import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from csms.driver.v1 import driver_pb2
from csms.driver.v1 import driver_service_pb2 as driver_pb
from csms.driver.v1 import rfid_card_service_pb2 as card_pb
from csms.driver.v1.authorization_service_pb2 import AuthorizeTokensRequest, TokenPresentation
from csms.driver.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.driver.v1.rfid_card_service_pb2_grpc import RfidCardServiceStub
from csms.driver.v1.token_pb2 import Token
from csms.identity.v1 import identity_service_pb2 as identity_pb
from csms.identity.v1.account_pb2 import Account
from csms.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from services.rpc.auth import TokenVerifier
from tests.contract.services.driver.tenants import make_tenant
from tests.contract.services.tenants import OTHER, OWNER, Answer, Attempt, Tenants, services_for_people
from tests.fixtures.calls import reason
from tests.fixtures.events import reported
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Tenants themselves belong to none.
SERVICES = tuple(
    name for name in services_for_people("csms.driver.v1", "csms.identity.v1") if not name.endswith(".TenantService")
)
TAG, NAME, PASSWORD, EMAIL = "SOUTH0CARD", "sue@south", "a good password", "sue@south.example"
Driver, RfidCard, Decision = driver_pb2.Driver, driver_pb2.RfidCard, driver_pb2.TokenDecision


class Things(NamedTuple):
    """What the owner has."""

    driver_id: str
    card_id: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def things(service: RunningService) -> Things:
    """A driver with a card and an account."""
    for tenant in (OWNER, OTHER, "east"):
        await make_tenant(service, tenant)
    channel = await service.channel("admin", tenant=OWNER)
    driver_id = await _driver(channel)
    card = card_pb.CreateRfidCardRequest(rfid_card=RfidCard(id_tag=TAG, driver_id=driver_id))
    made = await RfidCardServiceStub(channel).CreateRfidCard(card)
    account = Account(name=NAME, role=Account.DRIVER, driver_id=driver_id, password=PASSWORD)
    await IdentityServiceStub(channel).CreateAccount(identity_pb.CreateAccountRequest(account=account))
    return Things(driver_id, made.rfid_card.id)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenants(service: RunningService, things: Things) -> Tenants:
    """Both of them."""
    return Tenants(service, _attempts(things), [*things, NAME])


async def _driver(channel: grpc.aio.Channel) -> str:
    request = driver_pb.CreateDriverRequest(driver=Driver(name="Sue", email=EMAIL))
    return (await DriverServiceStub(channel).CreateDriver(request)).driver.id


def _attempts(things: Things) -> dict[str, Attempt]:
    driver_id, card_id = things
    nothing = Answer.NOTHING
    account = Account(name=NAME, role=Account.VIEWER, password=PASSWORD)
    return {
        "DriverService.ListDrivers": Attempt(driver_pb.ListDriversRequest(), nothing),
        "DriverService.GetDriver": Attempt(driver_pb.GetDriverRequest(driver_id=driver_id)),
        "DriverService.CreateDriver": Attempt(driver_pb.CreateDriverRequest(driver=Driver(name="Mine")), Answer.OWN),
        "DriverService.UpdateDriver": Attempt(
            driver_pb.UpdateDriverRequest(
                driver_id=driver_id, driver=Driver(name="Mine"), update_mask=FieldMask(paths=["name"])
            )
        ),
        "DriverService.DeleteDriver": Attempt(driver_pb.DeleteDriverRequest(driver_id=driver_id)),
        "DriverService.GetDriverUsage": Attempt(driver_pb.GetDriverUsageRequest(driver_id=driver_id)),
        "RfidCardService.ListRfidCards": Attempt(card_pb.ListRfidCardsRequest(), nothing),
        "RfidCardService.GetRfidCard": Attempt(card_pb.GetRfidCardRequest(card_id=card_id)),
        "RfidCardService.CreateRfidCard": Attempt(
            card_pb.CreateRfidCardRequest(rfid_card=RfidCard(id_tag="MORE", driver_id=driver_id))
        ),
        "RfidCardService.UpdateRfidCard": Attempt(
            card_pb.UpdateRfidCardRequest(
                card_id=card_id, rfid_card=RfidCard(group_id="mine"), update_mask=FieldMask(paths=["group_id"])
            )
        ),
        "RfidCardService.ValidateRfidCard": Attempt(card_pb.ValidateRfidCardRequest(id_tag=TAG), nothing),
        "IdentityService.ListAccounts": Attempt(identity_pb.ListAccountsRequest(), nothing),
        "IdentityService.CreateAccount": Attempt(identity_pb.CreateAccountRequest(account=account), Answer.TAKEN),
        "IdentityService.DeleteAccount": Attempt(identity_pb.DeleteAccountRequest(name=NAME)),
    }


async def test_every_rpc_has_its_attempt(tenants: Tenants) -> None:
    tenants.check_none_is_forgotten(*SERVICES)


async def test_another_tenant_reads_and_changes_nothing(tenants: Tenants) -> None:
    await tenants.check_a_stranger_gets_nothing(*SERVICES)


async def test_what_a_person_signs_in_with_names_the_tenant(service: RunningService, things: Things) -> None:
    anybody = IdentityServiceStub(await service.anonymous_channel())
    request = identity_pb.IssueTokenRequest(grant_type="password", username=NAME, password=PASSWORD)
    token = (await anybody.IssueToken(request)).access_token
    settings = service.settings
    caller = TokenVerifier("driver", settings.jwt_jwks_file, settings.service_jwks_file).verify(token)

    assert (caller.tenant_id, caller.driver_id) == (OWNER, things.driver_id)


async def test_an_account_or_a_card_cannot_be_for_a_driver_of_another_tenant(
    service: RunningService, things: Things
) -> None:
    channel = await service.channel("admin", tenant=OTHER)
    account = Account(name="spy@north", role=Account.DRIVER, driver_id=things.driver_id, password=PASSWORD)
    made = IdentityServiceStub(channel).CreateAccount(identity_pb.CreateAccountRequest(account=account))

    assert await reason(made) == "DRIVER_NOT_FOUND"


async def test_two_tenants_may_have_cards_and_people_of_one_name(service: RunningService, things: Things) -> None:
    """And a charge point is told what the card of its own tenant may do."""
    other = await service.channel("admin", tenant="east")
    theirs = await _driver(other)
    blocked = RfidCard(id_tag=TAG, driver_id=theirs, status=RfidCard.BLOCKED)
    await RfidCardServiceStub(other).CreateRfidCard(card_pb.CreateRfidCardRequest(rfid_card=blocked))
    edge = AuthorizationServiceStub(await service.internal_channel("edge"))
    shown = [TokenPresentation(token=Token(value=TAG), tenant_id=tenant) for tenant in (OWNER, "east", OTHER, "")]
    answers = (await edge.AuthorizeTokens(AuthorizeTokensRequest(presentations=shown))).answers

    statuses = [answer.decision.status for answer in answers]
    assert statuses == [Decision.ACCEPTED, Decision.BLOCKED, Decision.INVALID, Decision.INVALID]
    assert [answer.decision.driver_id for answer in answers] == [things.driver_id, theirs, "", ""]


async def test_events_name_the_tenant_of_what_they_tell(service: RunningService, things: Things) -> None:
    events = await reported(service.database, "csms.event.driver.token.changed", things.card_id)

    assert {event.tenant_id for event in events} == {OWNER}


async def test_the_owner_gets_what_is_his(tenants: Tenants) -> None:
    """The last of all: it deletes them."""
    await tenants.check_the_owner_gets_it(*SERVICES)
