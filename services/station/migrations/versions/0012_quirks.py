"""Quirks that an operator has switched for one charge point."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("quirks_on", "quirks_off"):
        switched: sa.Column[list[str]] = sa.Column(name, sa.ARRAY(sa.Text), nullable=False, server_default="{}")
        op.add_column("charge_points", switched)
