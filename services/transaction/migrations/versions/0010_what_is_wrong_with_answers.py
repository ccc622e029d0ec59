"""Records of commands say what is wrong with the answers of charge points."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    flags: sa.Column[Any] = sa.Column("answer_flags", sa.ARRAY(sa.Text), nullable=False, server_default="{}")
    op.add_column("commands", flags)
