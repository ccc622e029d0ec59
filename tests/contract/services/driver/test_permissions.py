"""Who may call what of the driver service."""

from typing import Any

import pytest

from csms.driver.v1 import authorization_service_pb2 as authorization_pb
from csms.driver.v1 import driver_pb2
from csms.driver.v1 import driver_service_pb2 as driver_service_pb
from csms.driver.v1 import rfid_card_service_pb2 as card_pb
from csms.driver.v1.authorization_service_pb2_grpc import AuthorizationServiceStub
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.driver.v1.rfid_card_service_pb2_grpc import RfidCardServiceStub
from csms.identity.v1 import identity_service_pb2 as identity_pb
from csms.identity.v1 import tenant_service_pb2 as tenant_pb
from csms.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from csms.identity.v1.tenant_service_pb2_grpc import TenantServiceStub
from tests.fixtures.calls import reason
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
# Every RPC that is not open to all, with the reason a caller who may make this call gets; None for an answer.
CALLS: dict[str, tuple[type, Any, str | None]] = {
    "ListDrivers": (DriverServiceStub, driver_service_pb.ListDriversRequest(), None),
    "GetDriver": (DriverServiceStub, driver_service_pb.GetDriverRequest(driver_id=ID), "DRIVER_NOT_FOUND"),
    "CreateDriver": (DriverServiceStub, driver_service_pb.CreateDriverRequest(), "MISSING_FIELD"),
    "UpdateDriver": (DriverServiceStub, driver_service_pb.UpdateDriverRequest(), "MISSING_FIELD"),
    "DeleteDriver": (DriverServiceStub, driver_service_pb.DeleteDriverRequest(), "MISSING_FIELD"),
    "GetDriverUsage": (DriverServiceStub, driver_service_pb.GetDriverUsageRequest(driver_id=ID), "DRIVER_NOT_FOUND"),
    "ListRfidCards": (RfidCardServiceStub, card_pb.ListRfidCardsRequest(), None),
    "GetRfidCard": (RfidCardServiceStub, card_pb.GetRfidCardRequest(card_id=ID), "RFID_CARD_NOT_FOUND"),
    "CreateRfidCard": (RfidCardServiceStub, card_pb.CreateRfidCardRequest(), "MISSING_FIELD"),
    "UpdateRfidCard": (RfidCardServiceStub, card_pb.UpdateRfidCardRequest(), "MISSING_FIELD"),
    "ValidateRfidCard": (RfidCardServiceStub, card_pb.ValidateRfidCardRequest(id_tag="A"), None),
    "AuthorizeTokens": (AuthorizationServiceStub, authorization_pb.AuthorizeTokensRequest(), None),
    "ListAccounts": (IdentityServiceStub, identity_pb.ListAccountsRequest(), None),
    "CreateAccount": (IdentityServiceStub, identity_pb.CreateAccountRequest(), "MISSING_FIELD"),
    "DeleteAccount": (IdentityServiceStub, identity_pb.DeleteAccountRequest(name="nobody"), "ACCOUNT_NOT_FOUND"),
    "ListTenants": (TenantServiceStub, tenant_pb.ListTenantsRequest(), None),
    "GetTenant": (TenantServiceStub, tenant_pb.GetTenantRequest(tenant_id="nobody"), "TENANT_NOT_FOUND"),
    "CreateTenant": (TenantServiceStub, tenant_pb.CreateTenantRequest(), "MISSING_FIELD"),
    "UpdateTenant": (TenantServiceStub, tenant_pb.UpdateTenantRequest(), "MISSING_FIELD"),
}
ACCOUNTS = {"ListAccounts", "CreateAccount", "DeleteAccount"}
TENANTS = {"ListTenants", "GetTenant", "CreateTenant", "UpdateTenant"}
READS = {"ListDrivers", "GetDriver", "GetDriverUsage", "ListRfidCards", "GetRfidCard"}
ALLOWED: dict[str, set[str]] = {
    "admin": CALLS.keys() - {"AuthorizeTokens"},
    "operator": CALLS.keys() - {"AuthorizeTokens"} - ACCOUNTS - TENANTS,
    "viewer": READS,
    "driver": READS,
}


async def _outcomes(service: RunningService, role: str) -> dict[str, str | None]:
    """The reason that each call is refused for, None for an answer."""
    claims = {"driver_id": ID} if role == "driver" else {}
    channel = await service.channel(role, **claims)
    outcomes: dict[str, str | None] = {}
    for name, (stub, request, expected) in CALLS.items():
        call = getattr(stub(channel), name)(request)
        if name in ALLOWED[role] and expected is None:
            await call
            outcomes[name] = None
        else:
            outcomes[name] = await reason(call)
    return outcomes


@pytest.mark.parametrize("role", ALLOWED)
async def test_a_role_may_do_what_it_includes_and_nothing_else(service: RunningService, role: str) -> None:
    assert await _outcomes(service, role) == {
        name: expected if name in ALLOWED[role] else "PERMISSION_DENIED" for name, (_, _, expected) in CALLS.items()
    }


async def test_without_a_token_nothing_is_said(service: RunningService) -> None:
    channel = await service.anonymous_channel()

    reasons = {name: await reason(getattr(stub(channel), name)(request)) for name, (stub, request, _) in CALLS.items()}

    assert reasons == dict.fromkeys(CALLS, "UNAUTHENTICATED")


async def test_a_driver_sees_only_what_is_his(
    service: RunningService, drivers: DriverServiceStub, cards: RfidCardServiceStub
) -> None:
    ids, card_ids = [], []
    for name in ("Ann", "Bea"):
        made = await drivers.CreateDriver(driver_service_pb.CreateDriverRequest(driver=driver_pb2.Driver(name=name)))
        ids.append(made.driver.id)
        card = driver_pb2.RfidCard(id_tag=f"OF-{name}".upper(), driver_id=made.driver.id)
        card_ids.append((await cards.CreateRfidCard(card_pb.CreateRfidCardRequest(rfid_card=card))).rfid_card.id)
    ann, bea = ids
    channel = await service.channel("driver", driver_id=ann)
    his_drivers, his_cards = DriverServiceStub(channel), RfidCardServiceStub(channel)

    listed = await his_drivers.ListDrivers(driver_service_pb.ListDriversRequest())
    assert [driver.id for driver in listed.drivers] == [ann]
    assert listed.total_size == 1
    assert (await his_drivers.GetDriver(driver_service_pb.GetDriverRequest(driver_id=ann))).driver.id == ann
    assert (await his_drivers.GetDriverUsage(driver_service_pb.GetDriverUsageRequest())).usage.driver_id == ann
    listed_cards = await his_cards.ListRfidCards(card_pb.ListRfidCardsRequest())
    assert [card.id_tag for card in listed_cards.rfid_cards] == ["OF-ANN"]
    assert (await his_cards.GetRfidCard(card_pb.GetRfidCardRequest(card_id=card_ids[0]))).rfid_card.id_tag == "OF-ANN"

    hidden: dict[Any, str] = {
        his_drivers.GetDriver(driver_service_pb.GetDriverRequest(driver_id=bea)): "DRIVER_NOT_FOUND",
        his_drivers.ListDrivers(driver_service_pb.ListDriversRequest(driver_id=bea)): "PERMISSION_DENIED",
        his_drivers.GetDriverUsage(driver_service_pb.GetDriverUsageRequest(driver_id=bea)): "PERMISSION_DENIED",
        his_cards.ListRfidCards(card_pb.ListRfidCardsRequest(driver_id=bea)): "PERMISSION_DENIED",
        his_cards.GetRfidCard(card_pb.GetRfidCardRequest(card_id=card_ids[1])): "RFID_CARD_NOT_FOUND",
    }
    assert [await reason(call) for call in hidden] == list(hidden.values())


async def test_a_card_of_somebody_else_is_refused_in_the_words_for_one_that_is_not_there(
    service: RunningService, cards: RfidCardServiceStub
) -> None:
    card = driver_pb2.RfidCard(id_tag="IN-STOCK")
    made = (await cards.CreateRfidCard(card_pb.CreateRfidCardRequest(rfid_card=card))).rfid_card
    his_cards = RfidCardServiceStub(await service.channel("driver", driver_id=ID))

    words = []
    for card_id in (made.id, ID):
        refused = his_cards.GetRfidCard(card_pb.GetRfidCardRequest(card_id=card_id))
        await reason(refused)
        words.append((await refused.details() or "").replace(card_id, "?"))

    assert words[0] == words[1]
