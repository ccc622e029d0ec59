"""The journal keeps a request and its answer in one row: half the rows, half the cost."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ocpp_messages", sa.Column("answer_kind", sa.Text))
    op.add_column("ocpp_messages", sa.Column("answer_frame", sa.Text))
