"""services.rpc.known_tenants: what was told of tenants counts for seconds"""

import asyncio

import pytest

from services.kernel.errors import DomainError, unavailable
from services.kernel.tenancy import TenantState, as_tenant, current_tenant
from services.rpc.known_tenants import REMEMBERED_SECONDS, KnownTenants


class Keeper:
    """Who is asked; notes each question and for whom it was asked."""

    def __init__(self) -> None:
        self.state: TenantState | None = TenantState.ACTIVE
        self.is_away = False
        self.asked: list[tuple[str, str | None]] = []
        self.now = 100.0
        self.tenants = KnownTenants(self._ask, clock=lambda: self.now)

    async def _ask(self, tenant_id: str) -> TenantState | None:
        self.asked.append((tenant_id, current_tenant()))
        await asyncio.sleep(0)
        if self.is_away:
            raise unavailable("nobody is there")
        return self.state

    async def verdict(self) -> str:
        """What people of the tenant `north` are told."""
        try:
            await self.tenants.check("north")
        except DomainError as error:
            return error.reason
        return "let in"


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


async def test_an_answer_counts_for_seconds_and_then_is_asked_for_anew(keeper: Keeper) -> None:
    assert await keeper.verdict() == "let in"
    keeper.state = TenantState.DISABLED
    keeper.now += REMEMBERED_SECONDS - 0.1
    assert await keeper.verdict() == "let in"
    keeper.now += 0.2
    assert await keeper.verdict() == "TENANT_DISABLED"
    assert len(keeper.asked) == 2


async def test_a_tenant_that_was_not_there_is_soon_asked_for_again(keeper: Keeper) -> None:
    keeper.state = None
    assert await keeper.verdict() == "UNAUTHENTICATED"
    keeper.state = TenantState.ACTIVE
    keeper.now += 1.1
    assert await keeper.verdict() == "let in"


async def test_while_nobody_answers_what_was_told_before_counts(keeper: Keeper) -> None:
    keeper.is_away = True
    assert await keeper.verdict() == "UNAVAILABLE"
    keeper.is_away = False
    assert await keeper.verdict() == "let in"
    keeper.is_away, keeper.now = True, keeper.now + 1000
    assert await keeper.verdict() == "let in"
    asked = len(keeper.asked)
    assert await keeper.verdict() == "let in"
    assert len(keeper.asked) == asked


async def test_many_at_once_ask_one_question_and_one_who_leaves_takes_it_from_nobody(keeper: Keeper) -> None:
    calls = [asyncio.create_task(keeper.verdict()) for _ in range(10)]
    await asyncio.sleep(0)
    calls[0].cancel()
    assert await asyncio.gather(*calls[1:]) == ["let in"] * 9
    assert len(keeper.asked) == 1


async def test_the_question_is_the_platforms(keeper: Keeper) -> None:
    with as_tenant("north"):
        assert await keeper.verdict() == "let in"
    assert keeper.asked == [("north", None)]
