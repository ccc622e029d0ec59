"""Transactions, the facts and readings about them, the journal of frames, and commands."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.postgres import shared_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)


def upgrade() -> None:
    shared_tables.create(op)
    op.execute("CREATE SEQUENCE transaction_numbers AS integer START WITH 1 INCREMENT BY 100")
    _create_transactions()
    _index_transactions()
    _create_transaction_events()
    _create_meter_values()
    _create_ocpp_messages()
    _create_commands()


def _create_transactions() -> None:
    op.create_table(
        "transactions",
        sa.Column("id", _ID, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("begin_time", _TIME, nullable=False),
        sa.Column("start_time", _TIME),
        sa.Column("stop_time", _TIME),
        sa.Column("meter_start_wh", sa.BigInteger),
        sa.Column("meter_stop_wh", sa.BigInteger),
        sa.Column("meter_last_wh", sa.BigInteger),
        sa.Column("energy_wh", sa.BigInteger, nullable=False),
        sa.Column("stop_reason", sa.Text, nullable=False),
        sa.Column("authorization", sa.Text),
        sa.Column("driver_id", sa.Text, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("charging_state", sa.Text, nullable=False),
        sa.Column("offline", sa.Boolean, nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("start_key", _ID),
        sa.Column("start_rank", sa.Text, nullable=False),
        sa.Column("token_rank", sa.Text, nullable=False),
        sa.Column("charging_rank", sa.Text, nullable=False),
        sa.Column("stop_rank", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="transactions_pkey"),
        postgresql_with={"fillfactor": 90},
    )


def _index_transactions() -> None:
    def index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
        condition = sa.text(where) if where else None
        op.create_index(name, "transactions", list(columns), unique=unique, postgresql_where=condition)

    index("transactions_start_key_key", "start_key", where="start_key IS NOT NULL", unique=True)
    index("transactions_running_idx", "charge_point_id", where="state = 'ACTIVE'")
    index("transactions_begin_time_idx", "begin_time", "id")
    index("transactions_update_time_idx", "update_time", "id")
    index("transactions_charge_point_idx", "charge_point_id", "begin_time")
    index("transactions_station_idx", "station_id", "begin_time", where="station_id <> ''")
    index("transactions_driver_idx", "driver_id", "begin_time", where="driver_id <> ''")
    index("transactions_id_tag_idx", "id_tag", "begin_time", where="id_tag <> ''")


def _create_transaction_events() -> None:
    op.create_table(
        "transaction_events",
        sa.Column("transaction_id", _ID, nullable=False),
        sa.Column("device_time", _TIME, nullable=False),
        sa.Column("key", _ID, nullable=False),
        sa.Column("told_transaction_id", sa.Text, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("id_tag", sa.Text, nullable=False),
        sa.Column("authorization", sa.Text),
        sa.Column("driver_id", sa.Text, nullable=False),
        sa.Column("station_id", sa.Text, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("corrected_time", _TIME, nullable=False),
        sa.Column("seq_no", sa.BigInteger),
        sa.Column("offline", sa.Boolean, nullable=False),
        sa.Column("trigger_reason", sa.Text, nullable=False),
        sa.Column("charging_state", sa.Text, nullable=False),
        sa.Column("stop_reason", sa.Text, nullable=False),
        sa.Column("meter_wh", sa.BigInteger),
        sa.Column("remote_start_id", sa.BigInteger),
        sa.Column("reservation_id", sa.BigInteger),
        sa.Column("flags", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("estimated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "device_time", "key", name="transaction_events_pkey"),
        postgresql_partition_by="RANGE (device_time)",
    )
    op.execute("CREATE TABLE transaction_events_default PARTITION OF transaction_events DEFAULT")


def _create_meter_values() -> None:
    op.create_table(
        "meter_values",
        sa.Column("transaction_id", _ID, nullable=False),
        sa.Column("sampled_time", _TIME, nullable=False),
        sa.Column("digest", sa.Integer, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("evse_id", sa.Integer, nullable=False),
        sa.Column("connector_id", sa.Integer, nullable=False),
        sa.Column("received_time", _TIME, nullable=False),
        sa.Column("seq_no", sa.BigInteger),
        sa.Column("context", sa.SmallInteger, nullable=False),
        sa.Column("energy_wh", sa.BigInteger),
        sa.Column("power_w", sa.BigInteger),
        sa.Column("current_ma", sa.BigInteger),
        sa.Column("voltage_mv", sa.BigInteger),
        sa.Column("soc_percent", sa.Integer),
        sa.Column("power_offered_w", sa.BigInteger),
        sa.Column("other_json", sa.Text),
        sa.PrimaryKeyConstraint("transaction_id", "sampled_time", "digest", name="meter_values_pkey"),
        postgresql_partition_by="RANGE (sampled_time)",
    )
    op.execute("CREATE TABLE meter_values_default PARTITION OF meter_values DEFAULT")


def _create_ocpp_messages() -> None:
    op.create_table(
        "ocpp_messages",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("time", _TIME, nullable=False),
        sa.Column("id", _ID, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("kind", sa.Text),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("frame", sa.Text, nullable=False),
        sa.Column("error_code", sa.Text, nullable=False),
        sa.Column("latency_us", sa.BigInteger, nullable=False),
        sa.Column("protocol", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", "time", "id", name="ocpp_messages_pkey"),
        postgresql_partition_by="RANGE (time)",
    )
    op.execute("CREATE TABLE ocpp_messages_default PARTITION OF ocpp_messages DEFAULT")


def _create_commands() -> None:
    op.create_table(
        "commands",
        sa.Column("id", _ID, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", JSONB, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("answer", JSONB),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("transaction_id", sa.Text, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("expire_time", _TIME, nullable=False),
        sa.Column("delivery_time", _TIME),
        sa.PrimaryKeyConstraint("id", name="commands_pkey"),
    )
    op.create_index("commands_charge_point_idx", "commands", ["charge_point_id", "id"])
    op.create_index("commands_working_idx", "commands", ["charge_point_id", "expire_time"])
    due, is_open = "state = 'QUEUED'", "state IN ('QUEUED', 'SENT', 'ACCEPTED')"
    op.create_index("commands_due_idx", "commands", ["delivery_time"], postgresql_where=sa.text(due))
    op.create_index("commands_open_idx", "commands", ["expire_time"], postgresql_where=sa.text(is_open))
