"""Usage is found by time with BRIN: a bill becomes an update in place, and a session one entry less in two trees."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE usage_analytics SET (fillfactor = 80)")
    for name, column in (("end", "end_time"), ("bill", "bill_time")):
        op.create_index(f"usage_analytics_{name}_brin", "usage_analytics", [column], postgresql_using="brin")
        op.drop_index(f"usage_analytics_{name}_idx", "usage_analytics")
