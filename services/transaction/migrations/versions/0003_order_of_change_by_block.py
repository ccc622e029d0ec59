"""The order in which sessions changed is looked up by block ranges: an index entry for each change cost every stop."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("transactions_update_time_idx", "transactions")
    op.create_index("transactions_update_time_idx", "transactions", ["update_time"], postgresql_using="brin")
