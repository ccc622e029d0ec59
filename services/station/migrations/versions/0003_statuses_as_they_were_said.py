"""A status that OCPP does not have is kept as the charge point said it."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connectors", sa.Column("reported_status", sa.Text, nullable=False, server_default=""))
