"""Commands know in which trace they were asked for; those from before were in none."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commands", sa.Column("trace", sa.Text, nullable=False, server_default=""))
