"""A stop touches no index: sessions that run stand in a table of their own, and the order of change is a BRIN's."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "running_sessions",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", "id", name="running_sessions_pkey"),
    )
    op.create_index(
        "running_sessions_id_tag_idx", "running_sessions", ["id_tag"], postgresql_where=sa.text("id_tag <> ''")
    )
    op.execute(
        "INSERT INTO running_sessions (charge_point_id, id, id_tag)"
        " SELECT charge_point_id, id, id_tag FROM transactions WHERE state = 'ACTIVE'"
    )
    op.drop_index("transactions_running_idx", "transactions")
    op.drop_index("transactions_update_time_idx", "transactions")
    op.create_index(
        "transactions_update_time_idx",
        "transactions",
        ["update_time"],
        postgresql_using="brin",
        postgresql_with={"autosummarize": True},
    )
    op.drop_index("transactions_late_idx", "transactions")
    late = "create_time - begin_time > interval '2 seconds' OR start_time IS NULL"
    op.create_index("transactions_late_idx", "transactions", ["id"], postgresql_where=sa.text(late))
    op.execute("ALTER TABLE transactions SET (fillfactor = 50)")
