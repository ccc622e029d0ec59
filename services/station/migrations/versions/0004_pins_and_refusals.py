"""Charge points are pinned to a version, those that came by themselves are known as such, and refusals are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge_points", sa.Column("pinned_protocol", sa.Text, nullable=False, server_default=""))
    op.add_column("charge_points", sa.Column("is_stranger", sa.Boolean, nullable=False, server_default=sa.false()))
    # Of those that were there before: nobody has touched them since they knocked.
    op.execute(
        "UPDATE charge_points SET is_stranger = true WHERE state = 'PENDING' AND revision = 1 AND station_id IS NULL"
        " AND password_hash IS NULL AND EXISTS (SELECT FROM connections WHERE charge_point_id = charge_points.id)"
    )
    op.create_index("charge_points_strangers_idx", "charge_points", ["id"], postgresql_where=sa.text("is_stranger"))
    op.create_table(
        "refusals",
        sa.Column("identity", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("remote_address", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("offered_protocols", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("guess_count", sa.BigInteger, nullable=False),
        sa.Column("first_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("identity", "rule", "remote_address", name="refusals_pkey"),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("refusals_last_time_idx", "refusals", ["last_time"])
