"""Row-level security: which rows of a table a tenant's work may touch. PostgreSQL watches over it, not our queries.

Work for a tenant goes over connections that act as the role `csms_tenant` and name the tenant in the setting
`csms.tenant`; that role reaches nothing but what is said here. Work for the platform goes over the others, whose policy
lets everything through and costs nothing. Knows no table of a service.
"""

from typing import Protocol

from psycopg import Connection
from sqlalchemy import Column, Text, text

from services.kernel.tenancy import DEFAULT_TENANT

ROLE = "csms_tenant"
SETTING = "csms.tenant"
# What connects so sees rows of the default tenant until a transaction says otherwise; see database.py.
CONNECTION_PARAMETERS = {"role": ROLE, SETTING: DEFAULT_TENANT}
CONNECTION_OPTIONS = " ".join(f"-c {name}={value}" for name, value in CONNECTION_PARAMETERS.items())
NARROW = f"SELECT set_config('{SETTING}', :tenant, true)"
BARE_NARROW = f"SELECT set_config('{SETTING}', %s, true)".encode()

OWN_ROWS = f"tenant_id = current_setting('{SETTING}', true)"
# A row that names no tenant is its maker's: the tenant's that works, or the default one's for the platform.
_DEFAULT = f"coalesce(nullif(current_setting('{SETTING}', true), ''), '{DEFAULT_TENANT}')"


def tenant_column() -> Column[str]:
    """The column of tables whose rows belong to tenants."""
    return Column("tenant_id", Text, nullable=False, server_default=text(_DEFAULT))


_MAKE_ROLE = f"""
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') THEN
        CREATE ROLE {ROLE} NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- the migrator of another database was quicker
END $$
"""
_MAY_ACT = f"""
DO $$ BEGIN
    IF NOT pg_has_role(current_user, '{ROLE}', 'MEMBER') OR NOT pg_has_role(current_user, '{ROLE}', 'SET') THEN
        EXECUTE format('GRANT {ROLE} TO %I', current_user);
    END IF;
END $$
"""
# Nothing by default: a table that forgets its policy is out of reach for tenants.
_GRANT = f"""
DO $$ DECLARE name regclass; BEGIN
    GRANT USAGE ON SCHEMA public TO {ROLE};
    FOR name IN SELECT oid FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND relrowsecurity
    LOOP
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {ROLE}', name);
    END LOOP;
    -- Messages to other services are only put in; keys of requests carry the name of their caller.
    IF to_regclass('outbox') IS NOT NULL THEN
        GRANT INSERT ON outbox TO {ROLE};
    END IF;
    IF to_regclass('idempotency_keys') IS NOT NULL THEN
        GRANT SELECT, INSERT ON idempotency_keys TO {ROLE};
    END IF;
END $$
"""


class _Operations(Protocol):
    """The part of `alembic.op` that is needed here."""

    def execute(self, sqltext: str) -> None: ...


def belong_to_tenants(op: _Operations, *tables: str, forced: bool = True) -> None:
    """Give the rows of tables a tenant, and each tenant those of its own. What is there is the default tenant's."""
    for table in tables:
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS tenant_id text NOT NULL DEFAULT {_DEFAULT}")
        protect(op, table, OWN_ROWS, forced=forced)


def follow(op: _Operations, table: str, key: str, parent: str, parent_key: str = "id") -> None:
    """Give each tenant those rows of a table whose `parent` row is its own."""
    own = f"EXISTS (SELECT FROM {parent} AS parent WHERE parent.{parent_key} = {table}.{key})"
    protect(op, table, own)


def protect(op: _Operations, table: str, rows: str, *, forced: bool = True) -> None:
    """Let work for a tenant touch the `rows` of a table and no others.

    Without `forced` the owner of the table is free of all policies, as COPY needs it.
    """
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    if forced:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY platform ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)")
    op.execute(f"CREATE POLICY tenant ON {table} TO {ROLE} USING ({rows}) WITH CHECK ({rows})")


def allow_reading(op: _Operations, table: str) -> None:
    """Let every tenant read a table that holds nothing of any."""
    op.execute(f"GRANT SELECT ON {table} TO {ROLE}")


def make_role(connection: Connection[tuple[object, ...]]) -> None:
    """Make the role, and let the account that is connected act as it. Idempotent.

    Raises: psycopg.errors.InsufficientPrivilege when it is missing and this account may not make it.
    """
    connection.execute(_MAKE_ROLE)
    connection.execute(_MAY_ACT)


def grant(connection: Connection[tuple[object, ...]]) -> None:
    """Let the role into the tables that have a policy. Idempotent."""
    connection.execute(_GRANT.encode())
