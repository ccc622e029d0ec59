"""Records of commands have the calls that it took, when one was not enough."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    calls: sa.Column[Any] = sa.Column("calls", JSONB, nullable=False, server_default="[]")
    op.add_column("commands", calls)
