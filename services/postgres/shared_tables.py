"""The tables that every service's database has for messaging and idempotency, and how long their rows are kept.

A service's first migration calls `create`. A later change of a shape comes as a further function here, called by one
new migration in each service and harmless (IF NOT EXISTS) on databases that were created after the change.
"""

from collections.abc import Mapping
from typing import Protocol

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from services.postgres.database import RawConnection

METADATA = MetaData()

_NOW = text("now()")
# Their rows live for days at most: vacuum when 2 % are dead, not 20 %.
_SHORT_LIVED = {"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_insert_scale_factor": 0.05}

OUTBOX = Table(
    "outbox",
    METADATA,
    Column("seq", BigInteger, Identity(always=True), nullable=False),
    Column("id", Uuid, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("publish_time", DateTime(timezone=True)),
    PrimaryKeyConstraint("seq", name="outbox_pkey"),
    postgresql_with=_SHORT_LIVED,
)
Index("outbox_unpublished_idx", OUTBOX.c.seq, postgresql_where=OUTBOX.c.publish_time.is_(None))
Index("outbox_create_time_idx", OUTBOX.c.create_time, postgresql_using="brin")

CONSUMED_EVENTS = Table(
    "consumed_events",
    METADATA,
    Column("consumer", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=_NOW),
    PrimaryKeyConstraint("consumer", "event_id", name="consumed_events_pkey"),
    postgresql_with=_SHORT_LIVED,
)
Index("consumed_events_create_time_idx", CONSUMED_EVENTS.c.create_time, postgresql_using="brin")

PARKED_EVENTS = Table(
    "parked_events",
    METADATA,
    Column("consumer", Text, nullable=False),
    # Text, because what is parked may be no event of ours at all.
    Column("event_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=_NOW),
    PrimaryKeyConstraint("consumer", "event_id", name="parked_events_pkey"),
)

IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    Column("scope", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False, server_default=_NOW),
    # Of keys from before these were stored: nobody, and NULL.
    Column("caller", Text, nullable=False, server_default=""),
    Column("digest", LargeBinary),
    PrimaryKeyConstraint("scope", "caller", "request_id", name="idempotency_keys_pkey"),
    postgresql_with=_SHORT_LIVED,
)
Index("idempotency_keys_create_time_idx", IDEMPOTENCY_KEYS.c.create_time, postgresql_using="brin")

# The stream keeps an event for 7 days from when it was relayed, and a consumer must know it for longer than that.
# An unpublished outbox row is never deleted, a parked event only after 90 days without anybody's interest.
_SWEEPS = (
    ("outbox", "create_time < now() - interval '24 hours' AND publish_time < now() - interval '24 hours'"),
    ("consumed_events", "create_time < now() - interval '14 days'"),
    ("idempotency_keys", "create_time < now() - interval '24 hours'"),
    ("parked_events", "create_time < now() - interval '90 days'"),
)
_SWEEP_BATCH = 5_000


class _Operations(Protocol):
    """The part of `alembic.op` that is needed here."""

    def get_bind(self) -> Connection: ...

    def execute(self, sqltext: str) -> None: ...


def create(op: _Operations) -> None:
    """Create the shared tables and their indexes; called by the first migration of a service with `alembic.op`."""
    METADATA.create_all(op.get_bind(), checkfirst=False)


def add_callers_to_idempotency_keys(op: _Operations, scopes: Mapping[str, str], *moves: str) -> None:
    """Add who sent a request id, and with what. `scopes` maps the scopes of stored keys to full names of RPCs.

    `moves` are statements that do so where that is not enough. Keys of other scopes are forgotten. Those that stay
    answer every request, and where their caller is not known every caller, until they are a day old, as before.
    """
    op.execute("ALTER TABLE idempotency_keys ADD COLUMN IF NOT EXISTS caller text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE idempotency_keys ADD COLUMN IF NOT EXISTS digest bytea")
    op.execute("ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey")
    op.execute(
        "ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (scope, caller, request_id)"
    )
    for scope, method in scopes.items():
        op.execute(f"UPDATE idempotency_keys SET scope = '{method}' WHERE scope = '{scope}'")
    for move in moves:
        op.execute(move)
    op.execute("DELETE FROM idempotency_keys WHERE scope NOT LIKE '/%'")


async def sweep(connection: RawConnection) -> int:
    """Delete what is past its retention, in short statements of bounded size; returns the number of rows.

    `connection` is in autocommit mode. Safe to run at any time and from several processes at once.
    """
    total = 0
    for table, condition in _SWEEPS:
        expired = f"SELECT ctid FROM {table} WHERE {condition} LIMIT {_SWEEP_BATCH}"
        statement = f"DELETE FROM {table} WHERE ctid = ANY(ARRAY({expired}))"
        deleted = _SWEEP_BATCH
        while deleted == _SWEEP_BATCH:
            deleted = (await connection.execute(statement.encode())).rowcount
            total += deleted
    return total
