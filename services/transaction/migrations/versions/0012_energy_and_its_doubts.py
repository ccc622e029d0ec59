"""Sessions say why their energy is in doubt; and what connectors can give is known."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("transactions", sa.Column("energy_doubt", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "connector_powers",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("max_power_w", sa.BigInteger),
        sa.Column("told_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", "evse_id", "connector_id", name="connector_powers_pkey"),
    )
