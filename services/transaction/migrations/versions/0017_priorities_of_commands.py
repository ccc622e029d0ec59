"""Commands have a priority; those from before, and those of the release before, are normal."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("commands", sa.Column("priority", sa.SmallInteger, nullable=False, server_default="2"))
