"""Wrong passwords on the real database, with two replicas: who has to wait, who has not, and for how long."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from sqlalchemy import text

from csms.identity.v1 import account_pb2 as account_pb
from csms.identity.v1 import identity_service_pb2 as pb
from csms.identity.v1.identity_service_pb2_grpc import IdentityServiceStub
from services.driver.adapters.credentials import JwtSigner
from services.driver.application.identity.accounts import Accounts
from services.driver.application.identity.sign_ins import SignIns
from services.driver.domain.identity.account import AccountKind, Role
from services.driver.sql.unit_of_work import SqlUnitsOfWork
from services.kernel.clock import FixedClock
from services.kernel.errors import DomainError
from services.messaging.outbox import OutboxRelay
from services.rpc.origin import ADDRESS_KEY, PROOF_KEY
from services.rpc.status import from_rpc_error
from tests.fixtures.calls import reason
from tests.fixtures.postgres import FreshDatabase
from tests.fixtures.services import RunningService, ServiceRunner
from tests.fixtures.tokens import Tokens

pytestmark = pytest.mark.field_case("E5")

PASSWORD = "a good password"
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.7"
SECRET = "what only Envoy and this service know"


class Plain:
    """Satisfies ports.PasswordHasher at once: how often it looked is what counts here."""

    def __init__(self) -> None:
        self.looked = 0

    async def hash(self, password: str, network: str) -> str:
        return password

    async def matches(self, password: str, password_hash: str | None, network: str) -> bool:
        self.looked += 1
        return password == password_hash


@dataclass
class Doors:
    """Two replicas of what lets people in, at the same moment of the same clock."""

    replicas: Sequence[SignIns]
    accounts: Accounts
    hasher: Plain
    clock: FixedClock

    async def try_(self, password: str, *, name: str = "ann", at: str = HERE, replica: int = 0, **more: Any) -> str:
        """What becomes of a try: `right`, or the reason that it is refused for."""
        try:
            await self.replicas[replica].sign_in(AccountKind.USER, name, password, at, **more)
        except DomainError as error:
            return error.reason
        return "right"

    async def wrong(self, times: int, **more: Any) -> list[str]:
        """Different wrong passwords, one after the other, now at one replica and now at the other."""
        return [await self.try_(f"guess {number}", replica=number % 2, **more) for number in range(times)]

    async def token(self, name: str = "ann", at: str = ELSEWHERE) -> str:
        """What signing in gives."""
        _, token, _ = await self.replicas[0].sign_in(AccountKind.USER, name, PASSWORD, at)
        return token

    def later(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))


@pytest.fixture
async def service(run_service: ServiceRunner, emptied_database: FreshDatabase) -> RunningService:
    return await run_service("driver", database_url=emptied_database("driver"), api_proxy_secret=SECRET)


@pytest.fixture
async def doors(service: RunningService, tokens: Tokens) -> Doors:
    """With the accounts ann and bea."""
    clock, hasher = FixedClock(datetime.now(UTC)), Plain()
    units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), clock)
    signer, accounts = JwtSigner(tokens.private_key_file, tokens.jwks_file), Accounts(units_of_work, clock, hasher)
    doors = Doors([SignIns(units_of_work, clock, hasher, signer) for _ in range(2)], accounts, hasher, clock)
    for name in ("ann", "bea"):
        await doors.accounts.create(name, AccountKind.USER, Role.OPERATOR, "", PASSWORD)
    return doors


async def test_eleven_wrong_passwords_of_anybody_do_not_lock_the_owner_out(doors: Doors) -> None:
    assert await doors.wrong(11) == ["INVALID_CREDENTIALS"] * 6 + ["TOO_MANY_ATTEMPTS"] * 5

    assert await doors.try_(PASSWORD, at=ELSEWHERE) == "right"
    assert await doors.try_(PASSWORD, replica=1) == "TOO_MANY_ATTEMPTS"
    # At the address of the attack too, as soon as a second is over.
    doors.later(seconds=1)
    assert await doors.try_(PASSWORD) == "right"


async def test_who_goes_on_guessing_waits_longer_each_time_and_what_he_tries_meanwhile_is_not_looked_at(
    doors: Doors,
) -> None:
    await doors.wrong(6)
    for wait in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        looked = doors.hasher.looked
        doors.later(seconds=wait - 0.1)
        assert await doors.wrong(4) == ["TOO_MANY_ATTEMPTS"] * 4
        assert doors.hasher.looked == looked
        doors.later(seconds=0.1)
        assert await doors.wrong(1) == ["INVALID_CREDENTIALS"]


async def test_the_owner_at_the_address_of_the_attack_shows_that_he_was_right_before(doors: Doors) -> None:
    token, other_token = await doors.token(), await doors.token("bea")
    doors.later(days=29)
    await doors.wrong(15)
    await doors.wrong(60, name="somebody")

    assert await doors.try_(PASSWORD) == "TOO_MANY_ATTEMPTS"
    assert await doors.try_(PASSWORD, former_token=token) == "right"
    # Not by what was issued to somebody else, was altered, or is too old.
    for bad in (other_token, token[:-4] + "AAAA", "nonsense"):
        assert await doors.try_(PASSWORD, former_token=bad) == "TOO_MANY_ATTEMPTS"
    doors.later(days=2)
    await doors.wrong(7)
    assert await doors.try_(PASSWORD, former_token=token) == "TOO_MANY_ATTEMPTS"


async def test_a_token_that_was_stolen_guesses_no_faster(doors: Doors) -> None:
    token = await doors.token()

    assert await doors.wrong(8, former_token=token) == ["INVALID_CREDENTIALS"] * 6 + ["TOO_MANY_ATTEMPTS"] * 2
    assert await doors.try_(PASSWORD) == "right"


async def test_one_password_tried_at_many_accounts_makes_the_address_wait_but_not_who_was_right_there(
    doors: Doors,
) -> None:
    await doors.token("bea", HERE)
    names = [f"user{number}" for number in range(60)]

    tried = [await doors.try_("123456789a", name=name, replica=number % 2) for number, name in enumerate(names)]

    assert tried == ["INVALID_CREDENTIALS"] * 51 + ["TOO_MANY_ATTEMPTS"] * 9
    assert await doors.try_(PASSWORD) == "TOO_MANY_ATTEMPTS"
    assert await doors.try_(PASSWORD, name="bea") == "right"
    assert await doors.try_(PASSWORD, at=ELSEWHERE) == "right"


async def test_an_unknown_account_is_told_the_same_at_every_step(doors: Doors) -> None:
    known = await doors.wrong(10, at=HERE)
    unknown = await doors.wrong(10, name="nobody", at=ELSEWHERE)

    assert unknown == known


async def test_of_many_guesses_at_the_same_time_only_the_first_are_told_whether_they_are_right(doors: Doors) -> None:
    guesses = [doors.try_(f"guess {number}", replica=number % 2) for number in range(20)]

    answers = await asyncio.gather(*guesses)

    # Some of the others were looked at as well, but that tells nobody anything.
    assert sorted(answers) == ["INVALID_CREDENTIALS"] * 6 + ["TOO_MANY_ATTEMPTS"] * 14
    assert await doors.try_(PASSWORD) == "TOO_MANY_ATTEMPTS"


async def test_many_right_ones_at_the_same_time_are_no_attack(doors: Doors) -> None:
    answers = await asyncio.gather(*[doors.try_(PASSWORD, replica=number % 2) for number in range(20)])

    assert answers == ["right"] * 20


async def test_nothing_is_no_guess(doors: Doors) -> None:
    for _ in range(20):
        assert await doors.try_("") == "INVALID_CREDENTIALS"
        assert await doors.try_(PASSWORD, name="") == "INVALID_CREDENTIALS"

    assert doors.hasher.looked == 0
    assert await doors.try_(PASSWORD) == "right"


async def test_programs_wait_as_people_do(doors: Doors) -> None:
    await doors.accounts.create("robot", AccountKind.CLIENT, Role.VIEWER, "", PASSWORD)

    async def try_(secret: str) -> str:
        try:
            await doors.replicas[1].sign_in(AccountKind.CLIENT, "robot", secret, HERE)
        except DomainError as error:
            return error.reason
        return "right"

    assert [await try_(f"guess {number}") for number in range(8)].count("TOO_MANY_ATTEMPTS") == 2
    assert await try_(PASSWORD) == "TOO_MANY_ATTEMPTS"
    doors.later(seconds=1)
    assert await try_(PASSWORD) == "right"


async def test_operators_read_of_an_attack_in_the_log(doors: Doors, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await doors.wrong(8)
        await doors.wrong(8, name="my password in the wrong field", at=ELSEWHERE)

    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"6 wrong passwords for ann from {HERE}: it has to wait",
        f"6 wrong passwords for no account of ours from {ELSEWHERE}: it has to wait",
    ]


async def test_what_counts_for_nothing_any_more_is_forgotten(doors: Doors, service: RunningService) -> None:
    await doors.wrong(2)
    await doors.token("bea")

    async def remembered() -> int:
        async with service.database.read() as connection:
            return int(await connection.scalar(text("SELECT count(*) FROM sign_ins")) or 0)

    assert await remembered() == 4
    await doors.replicas[0].forget_tries()
    assert await remembered() == 4
    doors.later(hours=25)
    await doors.replicas[0].forget_tries()
    # Where somebody was right is remembered for longer.
    assert await remembered() == 1
    doors.later(days=30)
    await doors.replicas[0].forget_tries()
    assert await remembered() == 0


async def _rpc(service: RunningService, password: str, *metadata: tuple[str, str]) -> Any:
    stub = IdentityServiceStub(await service.anonymous_channel())
    return stub.IssueToken(
        pb.IssueTokenRequest(grant_type="password", username="ann", password=password), metadata=metadata
    )


async def _create_ann(service: RunningService) -> None:
    identity = IdentityServiceStub(await service.channel("admin"))
    account = account_pb.Account(name="ann", role=account_pb.Account.OPERATOR, password=PASSWORD)
    await identity.CreateAccount(pb.CreateAccountRequest(account=account))


async def test_only_envoy_says_where_a_caller_is(service: RunningService) -> None:
    await _create_ann(service)

    def from_(address: str, secret: str) -> tuple[tuple[str, str], ...]:
        return (ADDRESS_KEY, address), (PROOF_KEY, secret), ("x-forwarded-for", address)

    # Who says by himself where he is, is where he connects from, each time.
    forged = [await reason(await _rpc(service, "wrong", *from_(f"192.0.2.{n}", "guessed"))) for n in range(8)]
    assert forged.count("TOO_MANY_ATTEMPTS") == 2
    reported = [await reason(await _rpc(service, "wrong", *from_(f"198.51.100.{n}", SECRET))) for n in range(8)]
    assert reported == ["INVALID_CREDENTIALS"] * 8
    assert (await (await _rpc(service, PASSWORD, *from_("203.0.113.1", SECRET)))).access_token


async def test_who_has_to_wait_is_told_for_how_long_in_every_way(service: RunningService) -> None:
    await _create_ann(service)
    for _ in range(6):
        await reason(await _rpc(service, "wrong"))

    call = await _rpc(service, PASSWORD)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call

    assert dict(await call.initial_metadata())["retry-after"] == "1"
    status = rpc_status.from_call(refused.value)
    assert status is not None
    retry = error_details_pb2.RetryInfo()
    assert any(detail.Unpack(retry) for detail in status.details)
    assert retry.retry_delay.seconds == 1


async def test_a_hundred_at_a_time_do_not_all_wait_for_each_other(service: RunningService) -> None:
    """From a hundred addresses, so that only the queue is in the way."""
    await _create_ann(service)

    async def sign_in(number: int) -> str:
        call = await _rpc(service, PASSWORD, (ADDRESS_KEY, f"192.0.2.{number}"), (PROOF_KEY, SECRET))
        try:
            await call
        except grpc.aio.AioRpcError as error:
            assert dict(await call.initial_metadata())["retry-after"] == "1"
            return from_rpc_error(error).reason
        return "right"

    answers = await asyncio.gather(*map(sign_in, range(100)))

    assert set(answers) == {"right", "QUEUE_FULL"}
    assert answers.count("right") >= 24
    # Of one address not even so many.
    crowd = await asyncio.gather(*[sign_in(1) for _ in range(100)])
    assert 12 <= crowd.count("right") < 100
    assert await sign_in(1) == "right"
