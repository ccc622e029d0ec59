"""What is remembered of tries to sign in, by whom they count for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("key", sa.LargeBinary, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("failure_time", sa.DateTime(timezone=True)),
        sa.Column("success_time", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("key", name="sign_ins_pkey"),
    )
