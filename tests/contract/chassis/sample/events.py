"""Events of the sample service and the traces of their effects."""

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from csms.event.v1.domain_event_pb2 import DomainEvent, TokenChanged
from services.chassis import events, outbox
from services.chassis.database import Database
from services.kernel.ids import new_id

ALL = "csms.event.sample.>"


def event_about(entity: str) -> DomainEvent:
    """A new event about `entity`."""
    now = Timestamp()
    now.GetCurrentTime()
    return DomainEvent(
        id=new_id(),
        create_time=now,
        subject=events.subject("sample", "card", "changed", entity),
        token_changed=TokenChanged(id_token=entity),
    )


async def append(database: Database, *entities: str) -> list[DomainEvent]:
    """Commit one event about each of `entities` to the outbox."""
    made = [event_about(entity) for entity in entities]
    async with database.transaction() as connection:
        await outbox.append(connection, made)
    return made


async def apply(connection: AsyncConnection, event: DomainEvent) -> None:
    """The handler of the sample service: leaves a trace."""
    await connection.execute(
        text("INSERT INTO effects VALUES (:id, :entity)"), {"id": event.id, "entity": event.token_changed.id_token}
    )


async def effects(database: Database) -> list[str]:
    """The entities of all effects so far, in order; one that happened twice is there twice."""
    async with database.read() as connection:
        return sorted((await connection.scalars(text("SELECT entity FROM effects"))).all())


async def unpublished(database: Database) -> int:
    """How many events wait in the outbox."""
    async with database.read() as connection:
        return await connection.scalar(text("SELECT count(*) FROM outbox WHERE publish_time IS NULL")) or 0


async def forget_publication(database: Database) -> None:
    """Make the relay publish everything again, as if it had died before it could note that it had."""
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE outbox SET publish_time = NULL"))


async def parked(database: Database) -> list[tuple[str, int, str]]:
    """Entity, attempts and error of every parked event."""
    async with database.read() as connection:
        rows = await connection.execute(text("SELECT subject, attempts, error FROM parked_events ORDER BY event_id"))
        return [(events.entity_of(subject), attempts, error) for subject, attempts, error in rows]
