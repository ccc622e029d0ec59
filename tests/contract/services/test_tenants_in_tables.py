"""Every table of a service that keeps tenants apart has a policy, or stands here with the reason why it needs none."""

import importlib
import re
from typing import Any

import psycopg
import pytest

from services.postgres import tenancy
from tests.fixtures.postgres import FreshDatabase

# What work for a tenant may do with tables that have no policy, by PostgreSQL's grants, and why that is no harm.
OPEN = {
    "outbox": {"INSERT"},  # events are put in, and read by the relay alone
    "idempotency_keys": {"SELECT", "INSERT"},  # a key holds the name of its caller, the tenant with it
    "edge_nodes": {"SELECT"},  # addresses of our own processes
}
# Tables whose owner no policy binds, as COPY asks for; it makes no difference, the owner's policy lets all through.
NOT_FORCED = {"ocpp_messages"}
SERVICES = ("billing", "driver", "monitoring", "station", "transaction")
_TABLES = """
SELECT relname, relrowsecurity, relforcerowsecurity,
    ARRAY(SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
        WHERE has_table_privilege(%s, pg_class.oid, privilege)),
    ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = pg_class.oid ORDER BY 1)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
"""


@pytest.mark.parametrize("service", SERVICES)
def test_work_for_a_tenant_reaches_no_table_without_a_policy(service: str, fresh_database: FreshDatabase) -> None:
    with psycopg.connect(fresh_database(service)) as connection:
        rows = connection.execute(_TABLES, [tenancy.ROLE]).fetchall()
    assert rows
    for name, is_protected, is_forced, privileges, policies in rows:
        if is_protected:
            assert is_forced is (name not in NOT_FORCED), name
            assert policies == ["platform", "tenant"], name
            assert set(privileges) == {"SELECT", "INSERT", "UPDATE", "DELETE"}, name
        else:
            assert set(privileges) == OPEN.get(name, set()), name


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_that_names_a_tenant_is_protected_by_it(service: str, fresh_database: FreshDatabase) -> None:
    tables = importlib.import_module(f"services.{service}.tables").METADATA.tables.values()
    owned = {table.name for table in tables if "tenant_id" in table.columns}
    query = "SELECT polrelid::regclass::text, pg_get_expr(polqual, polrelid) FROM pg_policy WHERE polname = 'tenant'"
    with psycopg.connect(fresh_database(service)) as connection:
        policies: dict[str, Any] = dict(connection.execute(query).fetchall())
    assert owned
    for name in owned:
        assert re.fullmatch(r"\(tenant_id = current_setting\('csms\.tenant'::text, true\)\)", policies[name])


def test_the_role_of_tenants_can_do_nothing_else(fresh_database: FreshDatabase) -> None:
    query = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = %s"
    with psycopg.connect(fresh_database("station")) as connection:
        assert connection.execute(query, [tenancy.ROLE]).fetchone() == (False,) * 5
