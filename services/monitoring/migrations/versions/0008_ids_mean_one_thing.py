"""What a charge point calls a transaction is `ocpp_transaction_id`."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("transactions", "transaction_id", new_column_name="ocpp_transaction_id")
