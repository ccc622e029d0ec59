"""What can be done with RFID cards, and the decisions about their tokens."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.driver.domain.events import TokenChanged
from services.driver.domain.presentation import Presentation
from services.driver.domain.rfid_card import (
    RfidCard,
    RfidCardFilter,
    TokenDecision,
    changed,
    decide,
    match,
    spellings,
    validated,
)
from services.driver.ports.drivers import HeldCard, HeldCards, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.ids import new_id
from services.kernel.pagination import Page, PageRequest


class RfidCards:
    """The use cases of RFID cards. Each method is one unit of work, but decisions, which only read."""

    def __init__(self, units_of_work: UnitsOfWork, held: HeldCards, clock: Clock) -> None:
        self._units_of_work = units_of_work
        self._held = held
        self._clock = clock

    async def page(self, narrowing: RfidCardFilter, page: PageRequest) -> Page[RfidCard]:
        """One page of cards, the newest first."""
        async with self._units_of_work() as work:
            return await work.cards.page(narrowing, page)

    async def get(self, card_id: str) -> RfidCard:
        """Raises: RFID_CARD_NOT_FOUND."""
        async with self._units_of_work() as work:
            return _found(await work.cards.find(card_id), card_id)

    async def create(self, fields: Mapping[str, Any], request_id: str) -> RfidCard:
        """Make a card of `fields`. Idempotent by `request_id`.

        Raises: INVALID_FIELD, RFID_CARD_EXISTS, DRIVER_NOT_FOUND.
        """
        now = self._clock.now()
        card = validated(RfidCard(id=new_id(), **fields, create_time=now, update_time=now))
        async with self._units_of_work() as work:
            if request_id and (made := await work.remember(request_id, card.id)) != card.id:
                return _found(await work.cards.find(made), made)
            await work.cards.add(card)
            await work.publish([TokenChanged(card.id_tag, card.token_type, card.id)])
            return card

    async def update(self, card_id: str, changes: Mapping[str, Any], etag: str) -> RfidCard:
        """Raises: RFID_CARD_NOT_FOUND, INVALID_FIELD, ETAG_MISMATCH, DRIVER_NOT_FOUND."""
        async with self._units_of_work() as work:
            if new_holder := changes.get("driver_id"):
                # Drivers are locked before cards: who deletes one locks its cards after it. An unknown one is
                # found out when the card is stored.
                await work.drivers.find(new_holder, for_update=True)
            card = _found(await work.cards.find(card_id, for_update=True), card_id)
            card = changed(card, changes, etag, self._clock.now())
            await work.cards.replace(card)
            await work.publish([TokenChanged(card.id_tag, card.token_type, card.id)])
            return card

    async def decide(self, shown: Sequence[Presentation]) -> list[TokenDecision]:
        """One decision per token by its card, in order. Where nothing was presented nothing is looked for."""
        requested = [[] if one.token.is_none else spellings(one.token, one.written) for one in shown]
        known: Mapping[str, Sequence[HeldCard]] = {}
        if sought := {value for values in requested for value in values}:
            known = await self._held.with_values(sought)
        now = self._clock.now()
        decisions = []
        for one, values in zip(shown, requested, strict=True):
            held = {
                card.id: (card, driver)
                for value in values
                for card, driver in known.get(value, ())
                if card.tenant_id == one.tenant_id
            }
            card = match(one.token, [card for card, _ in held.values()])
            decisions.append(decide(*held[card.id], now) if card else decide(None, None, now))
        return decisions


def _found(card: RfidCard | None, card_id: str) -> RfidCard:
    if card is None:
        raise not_found("RFID card", card_id)
    return card
