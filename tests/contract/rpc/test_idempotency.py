import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from services.kernel.errors import DomainError, ErrorKind
from services.postgres.database import Database
from services.postgres.shared_tables import sweep
from services.rpc.calls import Call, set_call
from services.rpc.idempotency import remember
from tests.fixtures.background import eventually
from tests.fixtures.library import message, method

pytestmark = pytest.mark.field_case("C2")


def calling(rpc: str = "CreateBook", subject: str = "ann", **book: Any) -> None:
    """Be in a call from now on."""
    set_call(Call(method(rpc), subject, message("CreateBookRequest")(book=book)))


async def made(database: Database, resource_id: str, request_id: str = "r1") -> str:
    async with database.transaction() as connection:
        return await remember(connection, request_id, resource_id)


async def test_a_request_makes_what_it_made_the_first_time(database: Database) -> None:
    calling(title="A", translators_by_language={"de": {"full_name": "X"}, "fr": {"full_name": "Y"}})
    assert await made(database, "first") == "first"
    # The entries of a map have no order.
    calling(title="A", translators_by_language={"fr": {"full_name": "Y"}, "de": {"full_name": "X"}})
    assert await made(database, "second") == "first"
    assert await made(database, "third", "r2") == "third"


async def test_request_ids_of_other_callers_and_other_calls_are_others(database: Database) -> None:
    calling()
    assert await made(database, "first") == "first"
    calling(subject="bob")
    assert await made(database, "of bob") == "of bob"
    calling(rpc="ReplaceBook")
    assert await made(database, "of another call") == "of another call"
    calling()
    assert await made(database, "again") == "first"


async def test_another_request_with_the_same_id_is_refused(database: Database) -> None:
    calling(title="A")
    await made(database, "first")
    for other in ({"title": "B"}, {}, {"title": "A", "pages": 1}, {"title": "A", "sequel": {}}):
        calling(**other)
        with pytest.raises(DomainError) as refused:
            await made(database, "second")
        assert (refused.value.kind, refused.value.reason) == (ErrorKind.ALREADY_EXISTS, "REQUEST_ID_REUSED")
        assert refused.value.metadata == {"id": "r1"}
    calling(title="A")
    assert await made(database, "third") == "first"


async def test_a_request_that_was_rolled_back_made_nothing(database: Database) -> None:
    calling(title="A")
    async with database.transaction() as connection:
        await remember(connection, "r1", "lost")
        await connection.rollback()
    calling(title="B")
    assert await made(database, "kept") == "kept"


@pytest.mark.parametrize("title", ["A", "B"])
async def test_a_concurrent_request_waits_and_hears_what_became_of_the_first(database: Database, title: str) -> None:
    calling(title="A")
    async with database.transaction() as connection:
        await remember(connection, "r1", "first")
        calling(title=title)
        second = asyncio.create_task(made(database, "second"))
        await _wait_until_somebody_waits(database)
        assert not second.done()
    if title == "A":
        assert await second == "first"
    else:
        with pytest.raises(DomainError):
            await second


async def test_a_request_id_is_bounded(database: Database) -> None:
    calling()
    assert await made(database, "kept", "x" * 100) == "kept"
    with pytest.raises(DomainError) as refused:
        await made(database, "lost", "x" * 101)
    assert [violation.field for violation in refused.value.violations] == ["requestId"]


async def test_keys_are_forgotten_after_a_day(database: Database) -> None:
    calling()
    for request, age in (("old", "25 hours"), ("young", "23 hours")):
        await made(database, "x", request)
        async with database.transaction() as connection:
            await connection.execute(
                text("UPDATE idempotency_keys SET create_time = now() - CAST(:age AS interval) WHERE request_id = :id"),
                {"age": age, "id": request},
            )
    async with database.raw() as raw:
        assert await sweep(raw) == 1
    assert await made(database, "new", "old") == "new"
    assert await made(database, "new", "young") == "x"


async def test_keys_from_before_answer_every_caller_and_every_request(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            text("INSERT INTO idempotency_keys (scope, request_id, resource_id) VALUES (:scope, 'r1', 'stored')"),
            {"scope": method("CreateBook")},
        )
    for subject, title in (("ann", "A"), ("bob", "B")):
        calling(subject=subject, title=title)
        assert await made(database, "second") == "stored"
    calling(rpc="ReplaceBook")
    assert await made(database, "of another call") == "of another call"


async def _wait_until_somebody_waits(database: Database) -> None:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )

    async def somebody_waits() -> bool:
        async with database.read() as connection:
            return bool(await connection.scalar(waiting))

    await eventually(somebody_waits)
