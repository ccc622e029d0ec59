"""Tariffs, charging sessions, invoices, payments and how far facts were compared."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.postgres import shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    shared_tables.create(op)
    _create_pricing_tiers()
    _create_charging_sessions()
    _create_invoices()
    _create_invoice_counts()
    _create_payment_methods()
    _create_payments()
    _create_reconciliations()


def _create_pricing_tiers() -> None:
    op.create_table(
        "pricing_tiers",
        sa.Column("id", _ID, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("currency_code", sa.Text, nullable=False),
        sa.Column("components", JSONB, nullable=False),
        sa.Column("tax_basis_points", sa.Integer, nullable=False),
        sa.Column("tier_discounts", JSONB, nullable=False),
        sa.Column("station_ids", ARRAY(_ID), nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("retired", sa.Boolean, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("until_time", _TIME),
        sa.PrimaryKeyConstraint("id", "version", name="pricing_tiers_pkey"),
    )
    op.create_index(
        "pricing_tiers_newest_key",
        "pricing_tiers",
        ["id"],
        unique=True,
        postgresql_where=sa.text("until_time IS NULL"),
    )
    op.create_index(
        "pricing_tiers_default_key",
        "pricing_tiers",
        ["is_default"],
        unique=True,
        postgresql_where=sa.text("until_time IS NULL AND is_default"),
    )


def _create_charging_sessions() -> None:
    op.create_table(
        "charging_sessions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("transaction_id", _ID),
        sa.Column("station_id", _ID),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("start_time", _TIME, nullable=False),
        sa.Column("end_time", _TIME),
        sa.Column("energy_wh", sa.BigInteger, nullable=False),
        sa.Column("idle_minutes", sa.Integer, nullable=False),
        sa.Column("cost_minor", sa.BigInteger),
        sa.Column("currency_code", sa.Text),
        sa.Column("tariff_id", _ID),
        sa.Column("tariff_version", sa.Integer, nullable=False),
        sa.Column("invoice_id", _ID),
        sa.Column("hold_reason", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="charging_sessions_pkey"),
        sa.UniqueConstraint("transaction_id", name="charging_sessions_transaction_id_key"),
    )
    op.create_index("charging_sessions_start_time_idx", "charging_sessions", ["start_time", "id"])
    op.create_index("charging_sessions_driver_idx", "charging_sessions", ["driver_id", "start_time"])
    op.create_index("charging_sessions_station_idx", "charging_sessions", ["station_id", "start_time"])
    op.create_index(
        "charging_sessions_held_idx",
        "charging_sessions",
        ["hold_reason", "id"],
        postgresql_where=sa.text("hold_reason <> ''"),
    )


def _create_invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", _ID, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("charging_session_id", _ID, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("issue_time", _TIME, nullable=False),
        sa.Column("currency_code", sa.Text, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("tax_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.Column("lines", JSONB, nullable=False),
        sa.PrimaryKeyConstraint("id", name="invoices_pkey"),
        sa.UniqueConstraint("number", name="invoices_number_key"),
        sa.ForeignKeyConstraint(
            ["charging_session_id"], ["charging_sessions.id"], name="invoices_charging_session_id_fkey"
        ),
    )
    op.create_index(
        "invoices_session_key",
        "invoices",
        ["charging_session_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'VOID'"),
    )
    op.create_index("invoices_driver_idx", "invoices", ["driver_id", "id"])


def _create_invoice_counts() -> None:
    op.create_table(
        "invoice_counts",
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("year", name="invoice_counts_pkey"),
    )


def _create_payment_methods() -> None:
    op.create_table(
        "payment_methods",
        sa.Column("id", _ID, nullable=False),
        sa.Column("driver_id", _ID, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("provider_token", sa.Text, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="payment_methods_pkey"),
    )
    op.create_index(
        "payment_methods_default_key",
        "payment_methods",
        ["driver_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_index("payment_methods_driver_idx", "payment_methods", ["driver_id"])


def _create_payments() -> None:
    op.create_table(
        "payments",
        sa.Column("id", _ID, nullable=False),
        sa.Column("invoice_id", _ID, nullable=False),
        sa.Column("driver_id", _ID),
        sa.Column("payment_method_id", _ID),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("currency_code", sa.Text, nullable=False),
        sa.Column("external_reference", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="payments_pkey"),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name="payments_invoice_id_fkey"),
        sa.ForeignKeyConstraint(["payment_method_id"], ["payment_methods.id"], name="payments_payment_method_id_fkey"),
    )
    op.create_index(
        "payments_external_reference_key",
        "payments",
        ["external_reference"],
        unique=True,
        postgresql_where=sa.text("external_reference <> ''"),
    )
    op.create_index("payments_invoice_idx", "payments", ["invoice_id"])
    op.create_index("payments_driver_idx", "payments", ["driver_id"])


def _create_reconciliations() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("until_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="reconciliations_pkey"),
    )
