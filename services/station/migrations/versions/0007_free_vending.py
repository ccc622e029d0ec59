"""Where sessions may begin without a token; nothing said means what the next above says, and in the end not."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("stations", "charge_points", "connectors"):
        op.add_column(table, sa.Column("free_vending", sa.Text))
