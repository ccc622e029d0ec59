"""Lists of transactions are found by their tenant, and counted without a look at the rows."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In the place of one by time alone: a list in the order of time is always that of a tenant.
    op.execute("CREATE INDEX transactions_tenant_idx ON transactions (tenant_id, begin_time, id)")
    op.execute("DROP INDEX transactions_begin_time_idx")
