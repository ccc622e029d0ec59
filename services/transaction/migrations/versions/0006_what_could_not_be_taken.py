"""Facts keep what of their messages could not be taken, as the charge points sent it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transaction_events", sa.Column("dropped_json", sa.Text))
