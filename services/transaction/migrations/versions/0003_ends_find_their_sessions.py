"""Ends that named no session find theirs later: what is left of an orphan says where its facts went."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("merged_into", sa.Uuid(as_uuid=False)))
    op.create_index(
        "transactions_nameless_ends_idx",
        "transactions",
        ["charge_point_id", "begin_time"],
        postgresql_where=sa.text("flags && '{orphan_stop,matched_stop}'::text[]"),
    )
    op.create_table(
        "reconciliations",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("until_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="reconciliations_pkey"),
    )
