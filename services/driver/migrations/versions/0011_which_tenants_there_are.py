"""Which tenants there are: the default one, and those that have something already."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="tenants_pkey"),
    )
    op.execute(
        "INSERT INTO tenants (id, display_name, state, create_time, update_time, revision)"
        " SELECT tenant_id, '', 'ACTIVE', now(), now(), 1 FROM (SELECT 'default' AS tenant_id UNION"
        " SELECT tenant_id FROM drivers UNION SELECT tenant_id FROM rfid_cards UNION SELECT tenant_id FROM accounts)"
        " AS known"
    )
