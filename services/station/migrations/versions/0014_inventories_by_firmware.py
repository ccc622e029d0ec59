"""When the firmware of a charge point became another one, and when it was asked for its variables: for those of the
firmware before it may be asked anew."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge_points", sa.Column("firmware_change_time", sa.DateTime(timezone=True)))
    op.add_column("device_inventories", sa.Column("ask_time", sa.DateTime(timezone=True)))
