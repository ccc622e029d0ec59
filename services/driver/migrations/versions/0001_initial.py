"""Drivers, RFID cards, usage and accounts."""

import sqlalchemy as sa
from alembic import op

from services.postgres import shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    shared_tables.create(op)
    _create_drivers()
    _create_rfid_cards()
    _create_usage_sessions()
    _create_accounts()


def _create_drivers() -> None:
    op.create_table(
        "drivers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("membership_tier", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="drivers_pkey"),
    )
    op.create_index(
        "drivers_email_key", "drivers", [sa.text("lower(email)")], unique=True, postgresql_where=sa.text("email <> ''")
    )


def _create_rfid_cards() -> None:
    op.create_table(
        "rfid_cards",
        sa.Column("id", _ID, nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("expiry_time", _TIME),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="rfid_cards_pkey"),
        sa.UniqueConstraint("id_tag", name="rfid_cards_id_tag_key"),
        sa.ForeignKeyConstraint(["driver_id"], ["drivers.id"], name="rfid_cards_driver_id_fkey", ondelete="SET NULL"),
    )
    op.create_index("rfid_cards_driver_id_idx", "rfid_cards", ["driver_id"])


def _create_usage_sessions() -> None:
    op.create_table(
        "usage_sessions",
        sa.Column("transaction_id", _ID, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("start_time", _TIME),
        sa.Column("end_time", _TIME),
        sa.Column("energy_wh", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("currency_code", sa.Text),
        sa.PrimaryKeyConstraint("transaction_id", name="usage_sessions_pkey"),
    )
    op.create_index("usage_sessions_driver_start_idx", "usage_sessions", ["driver_id", "start_time"])
    op.create_index("usage_sessions_driver_end_idx", "usage_sessions", ["driver_id", "end_time"])


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("name_key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name_key", name="accounts_pkey"),
        sa.ForeignKeyConstraint(["driver_id"], ["drivers.id"], name="accounts_driver_id_fkey", ondelete="CASCADE"),
    )
