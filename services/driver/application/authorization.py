"""Decisions about tokens where they are presented: by their cards and, for what no card knows, by what holds there."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from services.driver.application.rfid_cards import RfidCards
from services.driver.domain.presentation import STARTED_BY_US, Presentation, decided_by, is_unknown
from services.driver.domain.rfid_card import TokenDecision
from services.driver.ports.drivers import Places, RemoteStarts
from services.kernel.errors import DomainError

_Found = TypeVar("_Found")
Decided = TokenDecision | DomainError


class Authorization:
    """The use cases of deciding about tokens."""

    def __init__(self, cards: RfidCards, places: Places, remote_starts: RemoteStarts) -> None:
        self._cards = cards
        self._places = places
        self._remote_starts = remote_starts

    async def decide(self, shown: Sequence[Presentation]) -> list[Decided]:
        """One decision per token, in order; or why nobody can say."""
        decided: list[Decided] = [*await self._cards.decide(shown)]
        await _ask(self._places.rules, shown, decided, lambda one: one.is_without_token, decided_by)
        await _ask(self._remote_starts.known, shown, decided, lambda one: one.is_ours_perhaps, _vouched)
        return decided

    async def decide_at_charge_point(self, shown: Presentation) -> TokenDecision:
        """The decision about a token at its charge point, if it is at one, whose state counts as well.

        Raises: CHARGE_POINT_NOT_FOUND, UNAVAILABLE.
        """
        [decision] = await self.decide([shown])
        if isinstance(decision, DomainError):
            raise decision
        if not shown.charge_point_id:
            return decision
        [rule] = await self._places.rules([shown])
        if isinstance(rule, DomainError):
            raise rule
        return decided_by(rule, shown, decision)


async def _ask(
    ask: Callable[[Sequence[Presentation]], Awaitable[Sequence[_Found | DomainError]]],
    shown: Sequence[Presentation],
    decided: list[Decided],
    concerns: Callable[[Presentation], bool],
    decide: Callable[[_Found, Presentation, TokenDecision], TokenDecision],
) -> None:
    """Have those of `decided` that no card knows, and that concern `ask`, decided by what it answers."""
    unknown = [
        (position, one, decision)
        for position, (one, decision) in enumerate(zip(shown, decided, strict=True))
        if concerns(one) and isinstance(decision, TokenDecision) and is_unknown(decision)
    ]
    if not unknown:
        return
    try:
        answers = await ask([one for _, one, _ in unknown])
    except DomainError as error:
        answers = [error] * len(unknown)
    for (position, one, decision), answer in zip(unknown, answers, strict=True):
        decided[position] = answer if isinstance(answer, DomainError) else decide(answer, one, decision)


def _vouched(is_ours: bool, _shown: Presentation, decision: TokenDecision) -> TokenDecision:
    return STARTED_BY_US if is_ours else decision
