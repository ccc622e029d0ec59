"""The tables of the database `csms_monitoring`, as the queries see them. Their history is in migrations/.

No foreign keys: what other services tell may come in any order. Rows of partitioned tables are dropped by the day,
those of the others that grow with traffic by housekeeping.py.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    Uuid,
    text,
)

from services.postgres import reconciliations
from services.postgres.tenancy import tenant_column

METADATA = MetaData()

_Id = Uuid(as_uuid=False)
_Time = DateTime(timezone=True)

STATIONS = Table(
    "stations",
    METADATA,
    Column("id", _Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("told_time", _Time, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("health", Text, nullable=False),
    Column("update_time", _Time, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="stations_pkey"),
    Index("stations_name_idx", "tenant_id", "name", "id", postgresql_where=text("NOT deleted")),
)

CHARGE_POINTS = Table(
    "charge_points",
    METADATA,
    Column("id", Text, nullable=False),
    Column("station_id", _Id),
    Column("placed_time", _Time),
    Column("created_time", _Time),
    Column("online", Boolean, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("changed_time", _Time),
    Column("removed", Boolean, nullable=False),
    Column("accepted", Boolean),
    Column("accepted_time", _Time),
    tenant_column(),
    PrimaryKeyConstraint("id", name="charge_points_pkey"),
    Index("charge_points_station_idx", "station_id"),
    Index("charge_points_away_idx", "changed_time", postgresql_where=text("NOT online AND NOT removed")),
)

CONNECTORS = Table(
    "connectors",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("status", Text),
    Column("error_code", Text, nullable=False),
    Column("info", Text, nullable=False),
    Column("status_time", _Time),
    Column("told_time", _Time, nullable=False),
    PrimaryKeyConstraint("charge_point_id", "evse_id", "connector_id", name="connectors_pkey"),
)

TRANSACTIONS = Table(
    "transactions",
    METADATA,
    Column("id", _Id, nullable=False),
    Column("ocpp_transaction_id", Text, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("station_id", _Id),
    Column("driver_id", _Id),
    Column("state", Text, nullable=False),
    Column("authorization", Text),
    Column("start_time", _Time),
    Column("stop_time", _Time),
    Column("meter_start_wh", BigInteger),
    Column("energy_wh", BigInteger, nullable=False),
    Column("power_w", BigInteger),
    Column("power_time", _Time),
    Column("revision", BigInteger, nullable=False),
    Column("update_time", _Time, nullable=False),
    Column("metered_wh", BigInteger, nullable=False),
    Column("doubt", Text, nullable=False, server_default=""),
    Column("energy_doubt", Text, nullable=False, server_default=""),
    tenant_column(),
    PrimaryKeyConstraint("id", name="transactions_pkey"),
    Index("transactions_name_idx", "charge_point_id", "ocpp_transaction_id"),
    Index("transactions_running_idx", "station_id", postgresql_where=text("state = 'ACTIVE'")),
    Index("transactions_update_time_idx", "update_time"),
    # Live readings are written every few seconds while it runs: room on the page makes that a cheap update in place.
    postgresql_with={"fillfactor": 80},
)

# One row per station and minute in which something happened; partitioned by day.
STATION_METRICS = Table(
    "station_metrics",
    METADATA,
    Column("station_id", _Id, nullable=False),
    Column("time", _Time, nullable=False),
    Column("energy_wh", BigInteger, nullable=False),
    Column("max_power_w", BigInteger, nullable=False),
    Column("started_transaction_count", Integer, nullable=False),
    Column("ended_transaction_count", Integer, nullable=False),
    Column("fault_count", Integer, nullable=False),
    Column("disconnect_count", Integer, nullable=False),
    PrimaryKeyConstraint("station_id", "time", name="station_metrics_pkey"),
    postgresql_partition_by="RANGE (time)",
)

# What predictions are made from; partitioned by day. The platform counts: no tenant sees any.
INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("time", _Time, nullable=False),
    Column("weight", BigInteger, nullable=False, server_default="1"),
    Index("incidents_subject_idx", "subject", "kind", "time"),
    postgresql_partition_by="RANGE (time)",
)

ALERTS = Table(
    "alerts",
    METADATA,
    Column("id", _Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("station_id", _Id),
    Column("connector_id", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("create_time", _Time, nullable=False),
    Column("acknowledge_time", _Time),
    Column("acknowledged_by", Text, nullable=False),
    Column("clear_time", _Time),
    Column("occurrence_count", Integer, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="alerts_pkey"),
    Index(
        "alerts_standing_key",
        "kind",
        "subject",
        "tenant_id",
        unique=True,
        postgresql_where=text("clear_time IS NULL"),
    ),
    Index("alerts_station_idx", "station_id", postgresql_where=text("clear_time IS NULL")),
    Index("alerts_charge_point_idx", "charge_point_id"),
)

# One row per session, not one per hour: a session is corrected when its facts change, and drivers are counted over any
# time. Not partitioned, because a correction finds its row by the session and may move it to another day.
USAGE_ANALYTICS = Table(
    "usage_analytics",
    METADATA,
    Column("session_id", _Id, nullable=False),
    Column("start_time", _Time),
    Column("end_time", _Time),
    Column("station_id", _Id),
    Column("charge_point_id", Text, nullable=False),
    Column("driver_id", _Id),
    Column("energy_wh", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("billed_driver_id", _Id),
    Column("bill_time", _Time),
    Column("amount_minor", BigInteger),
    Column("currency_code", Text),
    Column("bill_revision", BigInteger, nullable=False, server_default="0"),
    Column("bill_decisions", Integer, nullable=False, server_default="0"),
    tenant_column(),
    PrimaryKeyConstraint("session_id", name="usage_analytics_pkey"),
    Index("usage_analytics_station_idx", "station_id", "end_time"),
    # Sessions come about in the order of these times; and a bill is noted in place, because no other index holds it.
    Index("usage_analytics_end_brin", "end_time", postgresql_using="brin"),
    Index("usage_analytics_bill_brin", "bill_time", postgresql_using="brin"),
    postgresql_with={"fillfactor": 80},
)

RECONCILIATIONS = reconciliations.define(METADATA)
