"""What runs are transactions, in the names of tables and columns, too."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.rename_table("running_sessions", "running_transactions")
    for index in ("pkey", "id_tag_idx", "group_idx"):
        op.execute(f"ALTER INDEX running_sessions_{index} RENAME TO running_transactions_{index}")
    op.alter_column("meter_values", "names_no_session", new_column_name="names_no_transaction")
