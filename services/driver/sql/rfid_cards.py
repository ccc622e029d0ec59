"""RFID cards in PostgreSQL."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.driver.domain.rfid_card import RfidCard, RfidCardFilter, RfidCardStatus
from services.driver.sql.drivers import check_driver
from services.driver.tables import RFID_CARDS
from services.kernel.errors import already_exists, not_found
from services.kernel.ids import is_id
from services.kernel.pagination import Page, PageRequest
from services.kernel.tokens import EMAID, MAC_ADDRESS, UNTYPED, token_of
from services.postgres.database import constraint_of
from services.postgres.keyset import fetch_page
from services.postgres.recordset import names_of

_NAMES = names_of(RFID_CARDS.c)


class SqlRfidCardRepository:
    """Satisfies ports.RfidCardRepository within one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, narrowing: RfidCardFilter, page: PageRequest) -> Page[RfidCard]:
        query = select(RFID_CARDS).where(*_conditions(narrowing))
        rows = await fetch_page(self._connection, query, (RFID_CARDS.c.id,), page=page, descending=True)
        return rows.map(card_of)

    async def find(self, card_id: str, *, for_update: bool = False) -> RfidCard | None:
        if not is_id(card_id):
            return None
        query = select(RFID_CARDS).where(RFID_CARDS.c.id == card_id)
        row = (await self._connection.execute(query.with_for_update() if for_update else query)).first()
        return None if row is None else card_of(row)

    async def of_driver(self, driver_id: str, *, for_update: bool = False) -> Sequence[RfidCard]:
        query = select(RFID_CARDS).where(RFID_CARDS.c.driver_id == driver_id).order_by(RFID_CARDS.c.id)
        rows = await self._connection.execute(query.with_for_update() if for_update else query)
        return [card_of(row) for row in rows]

    async def add(self, card: RfidCard) -> None:
        await check_driver(self._connection, card.driver_id)
        with _constraints(card):
            await self._connection.execute(insert(RFID_CARDS).values(asdict(card)))

    async def replace(self, card: RfidCard) -> None:
        await check_driver(self._connection, card.driver_id)
        with _constraints(card):
            await self._connection.execute(update(RFID_CARDS).where(RFID_CARDS.c.id == card.id).values(asdict(card)))


def _conditions(narrowing: RfidCardFilter) -> Iterator[ColumnElement[bool]]:
    columns = RFID_CARDS.c
    if narrowing.driver_id:
        yield columns.driver_id == narrowing.driver_id if is_id(narrowing.driver_id) else columns.id.is_(None)
    if narrowing.id_tag:
        yield columns.id_tag.in_({token_of(narrowing.id_tag, kind).value for kind in (UNTYPED, EMAID, MAC_ADDRESS)})
    if narrowing.group_id:
        yield columns.group_id == narrowing.group_id
    if narrowing.status:
        yield columns.status == narrowing.status


@contextmanager
def _constraints(card: RfidCard) -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        match constraint_of(error):
            case "rfid_cards_token_key":
                raise already_exists("RFID card", card.id_tag) from error
            case "rfid_cards_driver_id_fkey":
                raise not_found("driver", card.driver_id) from error
        raise


def card_of(row: Sequence[Any]) -> RfidCard:
    """The card in a row that begins with all columns of the table."""
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=False))
    fields["status"] = RfidCardStatus(fields["status"])
    return RfidCard(**fields)
