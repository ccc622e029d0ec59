"""When invoices are due, and which were given up. Older code writes neither, and takes what was given up for open."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoices", sa.Column("due_time", sa.DateTime(timezone=True)))
    op.add_column("invoices", sa.Column("write_off", JSONB))
