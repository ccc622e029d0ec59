"""Of refusals it is kept what the others were told, so that a flood of them is told of now and then."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refusals", sa.Column("told_count", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("refusals", sa.Column("told_guess_count", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("refusals", sa.Column("told_time", sa.DateTime(timezone=True)))
