"""Sessions that wait for their bill have a table of their own, so that others end and are billed in place.

No replica from before this revision may go on when it is done: it would not note what it leaves to be billed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unbilled_sessions",
        sa.Column("session_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("session_id", name="unbilled_sessions_pkey"),
    )
    op.execute(
        "INSERT INTO unbilled_sessions (session_id, reason)"
        " SELECT id, hold_reason FROM charging_sessions WHERE hold_reason IN ('pending', 'no_tariff')"
    )
    op.drop_index("charging_sessions_held_idx", "charging_sessions")
    op.execute("ALTER TABLE charging_sessions SET (fillfactor = 60)")
