"""What is said of sessions beside their figures, what persons decide about them, and credit notes.

Every session that waits for something is in `unbilled_sessions` from now on, so that those that wait for a person are
found. A replica from before does not note these, and notes no more than before of those it bills.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    op.add_column("charging_sessions", sa.Column("remarks", JSONB))
    op.create_index(
        "unbilled_sessions_pending_idx",
        "unbilled_sessions",
        ["session_id"],
        postgresql_where=sa.text("reason = 'pending'"),
    )
    op.execute(
        "INSERT INTO unbilled_sessions (session_id, reason)"
        " SELECT id, hold_reason FROM charging_sessions WHERE hold_reason <> '' ON CONFLICT DO NOTHING"
    )
    op.create_table(
        "session_decisions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("charging_session_id", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("before", JSONB, nullable=False),
        sa.Column("after", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="session_decisions_pkey"),
        sa.ForeignKeyConstraint(
            ["charging_session_id"], ["charging_sessions.id"], name="session_decisions_charging_session_id_fkey"
        ),
    )
    op.create_index("session_decisions_session_idx", "session_decisions", ["charging_session_id", "id"])
    _make_room_for_credit_notes()


def _make_room_for_credit_notes() -> None:
    op.add_column("invoices", sa.Column("kind", sa.Text, nullable=False, server_default="INVOICE"))
    op.add_column("invoices", sa.Column("corrected_invoice_id", _ID))
    op.add_column("invoices", sa.Column("credit_note_id", _ID))
    op.add_column("payments", sa.Column("credit_note_id", _ID))
    op.drop_index("invoices_session_key", "invoices")
    op.create_index(
        "invoices_session_key",
        "invoices",
        ["charging_session_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'INVOICE' AND state IN ('OPEN', 'PAID')"),
    )
    op.create_table(
        "credit_note_counts",
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("year", name="credit_note_counts_pkey"),
    )
