"""Sessions that were told of late are found by an index of their own, in which the others, nearly all, are not."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    late = "create_time - begin_time > interval '2 seconds' OR start_time IS NULL"
    op.create_index("transactions_late_idx", "transactions", ["update_time", "id"], postgresql_where=sa.text(late))
