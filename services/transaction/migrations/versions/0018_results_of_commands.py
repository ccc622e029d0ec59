"""Records of commands say what was answered in words that all versions of OCPP have; older records do not."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    result: sa.Column[Any] = sa.Column("result", JSONB(none_as_null=True))
    op.add_column("commands", result)
