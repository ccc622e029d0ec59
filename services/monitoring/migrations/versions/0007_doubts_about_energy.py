"""Sessions whose energy is in doubt are known, for their alerts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("doubt", "energy_doubt"):
        op.add_column("transactions", sa.Column(name, sa.Text, nullable=False, server_default=""))
