"""Readings tell whether their message named their session: only those that did not are given to another one."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("meter_values", sa.Column("names_no_session", sa.Boolean))
