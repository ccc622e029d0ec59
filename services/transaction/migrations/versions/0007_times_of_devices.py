"""What devices said of starts and stops whose times were corrected."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("start_device_time", sa.DateTime(timezone=True)))
    op.add_column("transactions", sa.Column("stop_device_time", sa.DateTime(timezone=True)))
