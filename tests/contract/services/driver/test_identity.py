"""IdentityService: signing in, the public keys, and accounts."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import jwt
import pytest
import pytest_asyncio

from csms.driver.v1 import driver_pb2
from csms.driver.v1.driver_service_pb2 import CreateDriverRequest, DeleteDriverRequest, GetDriverRequest
from csms.driver.v1.driver_service_pb2_grpc import DriverServiceStub
from csms.identity.v1 import identity_service_pb2 as pb
from csms.identity.v1.account_pb2 import Account
from csms.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from services.kernel.errors import ErrorKind
from services.kernel.ids import new_id
from services.rpc.auth import Caller, TokenVerifier
from tests.fixtures.calls import bad_fields, reason, refusal, said_to_rest
from tests.fixtures.services import RunningService

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "a good password"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
SignIn = Callable[[str, str], Awaitable[pb.IssueTokenResponse]]


@pytest.fixture
def name() -> str:
    """A name that no account has yet."""
    return f"ann-{new_id()[-12:]}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anybody(service: RunningService) -> IdentityServiceStub:
    """IdentityService as somebody without a token calls it."""
    return IdentityServiceStub(await service.anonymous_channel())


async def _create(identity: IdentityServiceStub, name: str, **fields: Any) -> Account:
    usual = {"name": name, "role": Account.OPERATOR, "password": PASSWORD}
    return (await identity.CreateAccount(pb.CreateAccountRequest(account=Account(**{**usual, **fields})))).account


def _by_password(anybody: IdentityServiceStub, name: str, password: str = PASSWORD) -> Any:
    return anybody.IssueToken(pb.IssueTokenRequest(grant_type="password", username=name, password=password))


def _by_secret(anybody: IdentityServiceStub, name: str, secret: str = PASSWORD) -> Any:
    return anybody.IssueToken(
        pb.IssueTokenRequest(grant_type="client_credentials", client_id=name, client_secret=secret)
    )


def _verified(service: RunningService, token: str) -> Caller:
    settings = service.settings
    return TokenVerifier("driver", settings.jwt_jwks_file, settings.service_jwks_file).verify(token)


async def test_an_account_is_made_and_its_password_never_told(identity: IdentityServiceStub, name: str) -> None:
    made = await _create(identity, name)

    assert (made.name, made.kind, made.role, made.driver_id, made.password) == (
        name,
        Account.USER,
        Account.OPERATOR,
        "",
        "",
    )
    assert made.HasField("create_time")


async def test_rest_callers_hear_where_the_new_account_is(identity: IdentityServiceStub, name: str) -> None:
    account = Account(name=f"{name}+1@x.org", role=Account.VIEWER, password=PASSWORD)

    said = await said_to_rest(identity.CreateAccount(pb.CreateAccountRequest(account=account)))

    assert said == {"x-http-code": "201", "location": f"/accounts/{name}%2B1%40x.org"}


async def test_a_person_signs_in_by_password(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, service: RunningService, name: str
) -> None:
    await _create(identity, name)

    signed_in = await _by_password(anybody, name.upper())

    assert (signed_in.token_type, signed_in.expires_in, signed_in.scope) == ("Bearer", 3600, "operator")
    assert _verified(service, signed_in.access_token) == Caller(name, "operator")


async def test_a_program_signs_in_by_client_credentials(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, service: RunningService, name: str
) -> None:
    await _create(identity, name, kind=Account.CLIENT, role=Account.VIEWER)

    signed_in = await _by_secret(anybody, name)

    assert _verified(service, signed_in.access_token) == Caller(name, "viewer")


async def test_the_published_keys_verify_a_token(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, name: str
) -> None:
    await _create(identity, name)
    token = (await _by_password(anybody, name)).access_token

    [key] = (await anybody.GetJwks(pb.GetJwksRequest())).keys

    assert (key.kty, key.use, key.alg, key.crv) == ("EC", "sig", "ES256", "P-256")
    assert jwt.get_unverified_header(token)["kid"] == key.kid
    published = {field.name: value for field, value in key.ListFields()}
    claims = jwt.decode(token, jwt.PyJWK(published), algorithms=["ES256"], audience="csms-api", issuer="csms")
    assert (claims["sub"], claims["role"]) == (name, "operator")
    assert claims["jti"]


async def test_a_driver_who_signed_in_sees_himself_and_nobody_else(
    identity: IdentityServiceStub,
    anybody: IdentityServiceStub,
    drivers: DriverServiceStub,
    service: RunningService,
    name: str,
) -> None:
    mine, other = [
        (await drivers.CreateDriver(CreateDriverRequest(driver=driver_pb2.Driver(name="Dan")))).driver.id
        for _ in range(2)
    ]
    await _create(identity, name, role=Account.DRIVER, driver_id=mine)

    token = (await _by_password(anybody, name)).access_token

    assert _verified(service, token) == Caller(name, "driver", mine)
    own = DriverServiceStub(await service.anonymous_channel())
    metadata = (("authorization", f"Bearer {token}"),)
    shown = await own.GetDriver(GetDriverRequest(driver_id=mine), metadata=metadata)
    assert shown.driver.id == mine
    hidden = own.GetDriver(GetDriverRequest(driver_id=other), metadata=metadata)
    assert await reason(hidden) == "DRIVER_NOT_FOUND"


async def test_wrong_credentials_are_refused_alike(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, name: str
) -> None:
    await _create(identity, name)
    await _create(identity, f"{name}-client", kind=Account.CLIENT)

    refused = [
        await refusal(attempt)
        for attempt in (
            _by_password(anybody, name, "a bad password"),
            _by_password(anybody, f"{name}-unknown"),
            _by_password(anybody, ""),
            _by_password(anybody, f"{name}-client"),
            _by_secret(anybody, name),
        )
    ]

    assert {(error.kind, error.reason) for error in refused} == {(ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS")}
    assert len({error.message for error in refused}) == 1


@pytest.mark.parametrize(("grant_type", "reason_given"), [("", "MISSING_FIELD"), ("magic", "INVALID_FIELD")])
async def test_there_are_two_ways_to_sign_in(anybody: IdentityServiceStub, grant_type: str, reason_given: str) -> None:
    refused = await refusal(anybody.IssueToken(pb.IssueTokenRequest(grant_type=grant_type)))

    assert refused.reason == reason_given
    assert [violation.field for violation in refused.violations] == ["grantType"]


async def test_a_name_that_cannot_be_stored_is_refused_and_not_looked_for(anybody: IdentityServiceStub) -> None:
    assert await bad_fields(_by_password(anybody, "a\0b")) == ["username"]
    assert await bad_fields(_by_password(anybody, "ann", "x" * 10_001)) == ["password"]


async def test_many_may_sign_in_with_one_account_at_once(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, name: str
) -> None:
    await _create(identity, name)

    signed_in = await asyncio.gather(*(_by_password(anybody, name) for _ in range(12)))

    assert len({answer.access_token for answer in signed_in}) == 12


async def test_every_bad_field_of_an_account_is_named(identity: IdentityServiceStub) -> None:
    bad = _create(identity, "a b", role=Account.DRIVER, password="short")
    assert await bad_fields(bad) == ["account.name", "account.password"]
    assert await bad_fields(_create(identity, "ann", role=Account.DRIVER)) == ["account.driverId"]
    assert await bad_fields(_create(identity, "", role=0)) == ["account.name", "account.role"]
    assert await bad_fields(_create(identity, "ann", driver_id=UNKNOWN)) == ["account.driverId"]
    assert await bad_fields(_create(identity, "ann", role=99)) == ["account.role"]
    assert await bad_fields(identity.CreateAccount(pb.CreateAccountRequest())) == ["account"]
    assert await bad_fields(identity.DeleteAccount(pb.DeleteAccountRequest())) == ["name"]


async def test_a_name_belongs_to_one_account(identity: IdentityServiceStub, name: str) -> None:
    await _create(identity, name)

    assert await reason(_create(identity, name.upper(), kind=Account.CLIENT)) == "ACCOUNT_EXISTS"


@pytest.mark.parametrize("driver_id", [UNKNOWN, "no id"])
async def test_the_account_of_a_driver_needs_the_driver(
    identity: IdentityServiceStub, name: str, driver_id: str
) -> None:
    assert await reason(_create(identity, name, role=Account.DRIVER, driver_id=driver_id)) == "DRIVER_NOT_FOUND"


async def test_an_account_goes_with_its_driver(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, drivers: DriverServiceStub, name: str
) -> None:
    made = await drivers.CreateDriver(CreateDriverRequest(driver=driver_pb2.Driver(name="Dan")))
    await _create(identity, name, role=Account.DRIVER, driver_id=made.driver.id)

    await drivers.DeleteDriver(DeleteDriverRequest(driver_id=made.driver.id))

    assert await reason(_by_password(anybody, name)) == "INVALID_CREDENTIALS"


async def test_accounts_are_listed_by_name_in_pages(identity: IdentityServiceStub, name: str) -> None:
    for suffix in ("B", "a", "C"):
        await _create(identity, f"0-{suffix}-{name}", role=Account.ADMIN)

    listed: list[str] = []
    token = ""
    while len(listed) < 3:
        request = pb.ListAccountsRequest(role=Account.ADMIN, page_size=1, page_token=token)
        page = await identity.ListAccounts(request)
        listed += [account.name for account in page.accounts]
        token = page.next_page_token

    assert listed == [f"0-{suffix}-{name}" for suffix in ("a", "B", "C")]
    assert page.total_size == 3
    assert await bad_fields(identity.ListAccounts(pb.ListAccountsRequest(page_size=-1))) == ["pageSize"]


async def test_a_deleted_account_cannot_sign_in(
    identity: IdentityServiceStub, anybody: IdentityServiceStub, name: str
) -> None:
    await _create(identity, name)
    request = pb.DeleteAccountRequest(name=name.upper())

    assert await said_to_rest(identity.DeleteAccount(request)) == {"x-http-code": "204"}

    assert await reason(_by_password(anybody, name)) == "INVALID_CREDENTIALS"
    assert await reason(identity.DeleteAccount(request)) == "ACCOUNT_NOT_FOUND"
