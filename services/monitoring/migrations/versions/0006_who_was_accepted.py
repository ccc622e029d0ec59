"""Of charge points it is known whether an operator takes them in; incidents may stand for several."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Told anew with the first comparison.
    op.add_column("charge_points", sa.Column("accepted", sa.Boolean))
    op.add_column("charge_points", sa.Column("accepted_time", sa.DateTime(timezone=True)))
    op.add_column("incidents", sa.Column("weight", sa.BigInteger, nullable=False, server_default="1"))
