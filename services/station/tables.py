"""The tables of the database `csms_stations`, as the queries see them. Their history is in migrations/."""

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.refusal import Rule
from services.postgres.tenancy import tenant_column

METADATA = MetaData()

# As builds before 0.2.0 name it, which run beside this one while it replaces them.
_RULES_STORED = {Rule.TOO_MANY_UNKNOWN: "TOO_MANY_STRANGERS"}
_RULES_READ = {name: rule for rule, name in _RULES_STORED.items()}


class RuleName(TypeDecorator[Rule]):
    """A rule of refusals by its stored name."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Rule | None, dialect: Any) -> str | None:
        return None if value is None else _RULES_STORED.get(value, value)

    def process_result_value(self, value: Any | None, dialect: Any) -> Rule | None:
        return None if value is None else _RULES_READ.get(value) or Rule(value)


STATIONS = Table(
    "stations",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("latitude", Double),
    Column("longitude", Double),
    Column("time_zone", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("configuration", JSONB, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("free_vending", Text),
    tenant_column(),
    PrimaryKeyConstraint("id", name="stations_pkey"),
    Index("stations_place_idx", "latitude", "longitude"),
)

CHARGE_POINTS = Table(
    "charge_points",
    METADATA,
    Column("id", Text, nullable=False),
    Column("station_id", Uuid(as_uuid=False)),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("reported_vendor", Text, nullable=False),
    Column("reported_model", Text, nullable=False),
    Column("serial_number", Text, nullable=False),
    Column("firmware_version", Text, nullable=False),
    Column("security_profile", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("heartbeat_interval_seconds", Integer, nullable=False),
    Column("password_hash", LargeBinary),
    # Each `<source>:<hash in hexadecimal>`.
    Column("next_passwords", ARRAY(Text), nullable=False, server_default="{}"),
    Column("boot_time", DateTime(timezone=True)),
    # When a boot told another firmware than was known before; NULL while none did.
    Column("firmware_change_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("pinned_protocol", Text, nullable=False, server_default=""),
    # Came by itself, and no operator has touched it since.
    # By the name that builds before 0.2.0 know.
    Column("is_stranger", Boolean, key="is_unknown", nullable=False, server_default=false()),
    Column("free_vending", Text),
    # Names of the quirks that an operator has switched.
    Column("quirks_on", ARRAY(Text), nullable=False, server_default="{}"),
    Column("quirks_off", ARRAY(Text), nullable=False, server_default="{}"),
    # In which it shows what a transaction costs; empty when it does not.
    Column("cost_currency", Text, nullable=False, server_default=""),
    tenant_column(),
    PrimaryKeyConstraint("id", name="charge_points_pkey"),
    ForeignKeyConstraint(["station_id"], ["stations.id"], name="charge_points_station_id_fkey", ondelete="SET NULL"),
    Index("charge_points_station_id_idx", "station_id"),
    Index("charge_points_strangers_idx", "id", postgresql_where=text("is_stranger")),
    # Room on the page makes a boot an update in place.
    postgresql_with={"fillfactor": 80},
)

CONNECTORS = Table(
    "connectors",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("type", Text),
    Column("max_power_w", BigInteger, nullable=False),
    Column("status", Text),
    Column("error_code", Text, nullable=False),
    Column("availability", Text, nullable=False),
    Column("status_time", DateTime(timezone=True)),
    # What the charge point called a status that OCPP does not have.
    Column("reported_status", Text, nullable=False, server_default=""),
    Column("free_vending", Text),
    PrimaryKeyConstraint("id", name="connectors_pkey"),
    UniqueConstraint("charge_point_id", "evse_id", "connector_id", name="connectors_place_key"),
    ForeignKeyConstraint(
        ["charge_point_id"], ["charge_points.id"], name="connectors_charge_point_id_fkey", ondelete="CASCADE"
    ),
    # Room on the page makes a status an update in place.
    postgresql_with={"fillfactor": 80},
)

# One row per charge point that ever connected: the epoch must go on counting after a connection is closed.
CONNECTIONS = Table(
    "connections",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("connected_time", DateTime(timezone=True), nullable=False),
    Column("last_seen_time", DateTime(timezone=True), nullable=False),
    Column("close_time", DateTime(timezone=True)),
    PrimaryKeyConstraint("charge_point_id", name="connections_pkey"),
    ForeignKeyConstraint(
        ["charge_point_id"], ["charge_points.id"], name="connections_charge_point_id_fkey", ondelete="CASCADE"
    ),
    # Liveness is written for every connection every few seconds: room on the page makes that a cheap update in place.
    postgresql_with={"fillfactor": 70},
)

# Who was refused at the handshake, charge points and others: bounded in number, and forgotten after a time.
REFUSALS = Table(
    "refusals",
    METADATA,
    Column("identity", Text, nullable=False),
    Column("rule", RuleName, nullable=False),
    Column("remote_address", Text, nullable=False),
    Column("detail", Text, nullable=False),
    # With commas between them.
    Column("offered_protocols", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("guess_count", BigInteger, nullable=False),
    Column("first_time", DateTime(timezone=True), nullable=False),
    Column("last_time", DateTime(timezone=True), nullable=False),
    # What the others were told of it, and when.
    Column("told_count", BigInteger, nullable=False, server_default="0"),
    Column("told_guess_count", BigInteger, nullable=False, server_default="0"),
    Column("told_time", DateTime(timezone=True)),
    tenant_column(),
    PrimaryKeyConstraint("identity", "rule", "remote_address", name="refusals_pkey"),
    Index("refusals_last_time_idx", "last_time"),
    # One who knocks is told of every few seconds.
    postgresql_with={"fillfactor": 80},
)

# What charge points notify of themselves; partitioned by day. The only index is the key: it tells repetitions, and
# serves every query. No foreign key: what was told outlives its charge point.
DEVICE_EVENTS = Table(
    "device_events",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("time", DateTime(timezone=True), nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("kind", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("device_time", DateTime(timezone=True)),
    Column("received_time", DateTime(timezone=True), nullable=False),
    Column("subject", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("info", Text, nullable=False),
    Column("request_id", BigInteger),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("severity", Text, nullable=False),
    Column("flags", ARRAY(Text), nullable=False),
    Column("payload_json", Text, nullable=False),
    Column("dropped_json", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("charge_point_id", "time", "id", name="device_events_pkey"),
    # Those of all charge points; there are few.
    Index("device_events_security_idx", "tenant_id", "time", "id", postgresql_where=text("kind = 'security_event'")),
    postgresql_partition_by="RANGE (time)",
)

# What is known of the variables of charge points. The id follows from the names without regard to case. Goes with its
# charge point. No index besides the key: a charge point has hundreds, seldom thousands.
DEVICE_VARIABLES = Table(
    "device_variables",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("component", Text, nullable=False),
    Column("component_instance", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("variable", Text, nullable=False),
    Column("variable_instance", Text, nullable=False),
    Column("attribute_type", Text, nullable=False),
    Column("first_seen_time", DateTime(timezone=True), nullable=False),
    Column("reported_time", DateTime(timezone=True), nullable=False),
    Column("absent_time", DateTime(timezone=True)),
    Column("value", Text),
    Column("value_time", DateTime(timezone=True)),
    Column("value_received_time", DateTime(timezone=True)),
    Column("value_event_id", Uuid(as_uuid=False)),
    Column("action", Text, nullable=False),
    Column("changed_time", DateTime(timezone=True)),
    Column("previous_value", Text),
    Column("previous_time", DateTime(timezone=True)),
    Column("previous_received_time", DateTime(timezone=True)),
    Column("previous_event_id", Uuid(as_uuid=False)),
    Column("mutability", Text),
    Column("persistent", Boolean),
    Column("constant", Boolean),
    Column("unit", Text, nullable=False),
    Column("data_type", Text, nullable=False),
    Column("min_limit", Double),
    Column("max_limit", Double),
    Column("values_list", Text, nullable=False),
    Column("supports_monitoring", Boolean),
    Column("description_time", DateTime(timezone=True)),
    Column("description_received_time", DateTime(timezone=True)),
    Column("description_event_id", Uuid(as_uuid=False)),
    PrimaryKeyConstraint("charge_point_id", "id", name="device_variables_pkey"),
    # Each report writes all of them: room on the page makes that an update in place.
    postgresql_with={"fillfactor": 60},
)

# What their values were before, partitioned by day.
DEVICE_VARIABLE_CHANGES = Table(
    "device_variable_changes",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("variable_id", Uuid(as_uuid=False), nullable=False),
    # When the value was told first, and by which event.
    Column("time", DateTime(timezone=True), nullable=False),
    Column("received_time", DateTime(timezone=True), nullable=False),
    Column("event_id", Uuid(as_uuid=False), nullable=False),
    Column("value", Text),
    Column("previous_value", Text),
    Column("action", Text, nullable=False),
    PrimaryKeyConstraint(
        "charge_point_id", "variable_id", "time", "received_time", "event_id", name="device_variable_changes_pkey"
    ),
    postgresql_partition_by="RANGE (time)",
)


def _reports(name: str) -> Table:
    """Reports that charge points were asked for; `time` is when one was told, once all its parts have come, and
    `again_time` when it was asked for once more because some of it was lost."""
    return Table(
        name,
        METADATA,
        Column("charge_point_id", Text, nullable=False),
        Column("request_id", BigInteger, nullable=False),
        Column("ask_time", DateTime(timezone=True), nullable=False),
        Column("scope", Text, nullable=False),
        Column("command_id", Text, nullable=False),
        Column("time", DateTime(timezone=True)),
        Column("again_time", DateTime(timezone=True)),
        Column("again_command_id", Text),
        PrimaryKeyConstraint("charge_point_id", "request_id", "ask_time", name=f"{name}_pkey"),
        Index(f"{name}_lost_idx", "ask_time", postgresql_where=text("time IS NULL AND again_time IS NULL")),
    )


def _report_parts(name: str) -> Table:
    """The parts of them that came, for some days."""
    return Table(
        name,
        METADATA,
        Column("charge_point_id", Text, nullable=False),
        Column("request_id", BigInteger, nullable=False),
        Column("received_time", DateTime(timezone=True), nullable=False),
        Column("seq_no", BigInteger, nullable=False),
        Column("is_last", Boolean, nullable=False),
        Column("time", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("charge_point_id", "request_id", "received_time", "seq_no", name=f"{name}_pkey"),
    )


DEVICE_REPORTS, DEVICE_REPORT_PARTS = _reports("device_reports"), _report_parts("device_report_parts")
MONITORING_REPORTS, MONITORING_REPORT_PARTS = _reports("monitoring_reports"), _report_parts("monitoring_report_parts")

# What charge points of a kind should be set to.
CONFIGURATION_TEMPLATES = Table(
    "configuration_templates",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("name", Text, nullable=False),
    Column("vendor", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("firmware_version", Text, nullable=False),
    # Each a place of the device model and a value.
    Column("settings", JSONB, nullable=False),
    Column("reboot", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="configuration_templates_pkey"),
)

# The campaigns that push them, when a restart may follow.
CONFIGURATION_PUSHES = Table(
    "configuration_pushes",
    METADATA,
    Column("campaign_id", Text, nullable=False),
    Column("reboot", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("campaign_id", name="configuration_pushes_pkey"),
)

# Charge points that are to be restarted, since a setting that was pushed needs it.
CONFIGURATION_REBOOTS = Table(
    "configuration_reboots",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("reboot", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("charge_point_id", name="configuration_reboots_pkey"),
)

# What charge points watch of their variables. One that is gone keeps its row: `absent_time` is after `time` then.
DEVICE_MONITORS = Table(
    "device_monitors",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("monitor_id", BigInteger, nullable=False),
    Column("component", Text, nullable=False),
    Column("component_instance", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("variable", Text, nullable=False),
    Column("variable_instance", Text, nullable=False),
    Column("type", Text),
    Column("value", Double),
    Column("severity", Integer),
    Column("is_during_transaction", Boolean, nullable=False),
    Column("kind", Text),
    Column("first_seen_time", DateTime(timezone=True), nullable=False),
    # When it was told of last, and by which event.
    Column("time", DateTime(timezone=True), nullable=False),
    Column("received_time", DateTime(timezone=True), nullable=False),
    Column("event_id", Uuid(as_uuid=False), nullable=False),
    Column("action", Text, nullable=False),
    Column("absent_time", DateTime(timezone=True)),
    PrimaryKeyConstraint("charge_point_id", "monitor_id", name="device_monitors_pkey"),
)

# Who was asked for all of its variables by ourselves, how often, and until when not again.
DEVICE_INVENTORIES = Table(
    "device_inventories",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_time", DateTime(timezone=True), nullable=False),
    # When it was asked last; NULL for one that was asked by a release that did not note it.
    Column("ask_time", DateTime(timezone=True)),
    PrimaryKeyConstraint("charge_point_id", name="device_inventories_pkey"),
)

# What is kept for charge points and of them: firmware and logs. The bytes are in a folder, by the id.
FILES = Table(
    "files",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("size_bytes", BigInteger),
    Column("sha256", Text, nullable=False),
    Column("md5", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("store_time", DateTime(timezone=True)),
    Column("delete_time", DateTime(timezone=True)),
    tenant_column(),
    # Of an image, what is said of it.
    Column("firmware", JSONB(none_as_null=True)),
    PrimaryKeyConstraint("id", name="files_pkey"),
    Index("files_create_time_idx", "create_time", "id"),
    Index("files_delete_time_idx", "delete_time", postgresql_where=text("delete_time IS NOT NULL")),
)

# By whom their bytes may be brought or fetched: whoever has the secret of which this is the SHA-256.
FILE_LINKS = Table(
    "file_links",
    METADATA,
    Column("secret_hash", Text, nullable=False),
    Column("file_id", Uuid(as_uuid=False), nullable=False),
    Column("direction", Text, nullable=False),
    Column("most_bytes", BigInteger, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("secret_hash", name="file_links_pkey"),
    ForeignKeyConstraint(["file_id"], ["files.id"], name="file_links_file_id_fkey", ondelete="CASCADE"),
    Index("file_links_file_id_idx", "file_id"),
)

# What charge points were asked to do with files, by the id of the command. Those that go on are few.
FILE_JOBS = Table(
    "file_jobs",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False),
    # When that was told, by the corrected clock of the charge point.
    Column("status_time", DateTime(timezone=True)),
    Column("error", Text, nullable=False),
    Column("request_id", BigInteger, nullable=False),
    Column("file_id", Uuid(as_uuid=False)),
    Column("location", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("previous_version", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    Column("expire_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="file_jobs_pkey"),
    Index("file_jobs_charge_point_idx", "charge_point_id", "create_time", "id"),
    Index("file_jobs_file_idx", "file_id", postgresql_where=text("file_id IS NOT NULL")),
    Index("file_jobs_open_idx", "expire_time", postgresql_where=text("end_time IS NULL")),
)

# Images of firmware to many charge points, in waves.
FIRMWARE_CAMPAIGNS = Table(
    "firmware_campaigns",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("name", Text, nullable=False),
    Column("file_id", Uuid(as_uuid=False), nullable=False),
    Column("version", Text, nullable=False),
    Column("selection", JSONB, nullable=False),
    Column("canaries", Integer, nullable=False),
    Column("wave_size", Integer, nullable=False),
    Column("max_failed_share", Double, nullable=False),
    Column("max_in_flight", Integer, nullable=False),
    Column("updates_per_minute", Integer, nullable=False),
    Column("update_timeout", Interval, nullable=False),
    Column("watch_period", Interval, nullable=False),
    Column("wait_timeout", Interval, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("wave", Integer, nullable=False),
    Column("waves", Integer, nullable=False),
    Column("wave_time", DateTime(timezone=True), nullable=False),
    # How many failures of the wave an operator has passed over.
    Column("passed_over", Integer, nullable=False),
    # Until when its pace is used up.
    Column("pace_time", DateTime(timezone=True), nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("end_time", DateTime(timezone=True)),
    tenant_column(),
    PrimaryKeyConstraint("id", name="firmware_campaigns_pkey"),
    Index("firmware_campaigns_open_idx", "id", postgresql_where=text("end_time IS NULL")),
)

FIRMWARE_CAMPAIGN_TARGETS = Table(
    "firmware_campaign_targets",
    METADATA,
    Column("campaign_id", Uuid(as_uuid=False), nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("wave", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    # When it was asked, and from when it is watched.
    Column("ask_time", DateTime(timezone=True)),
    Column("watch_from", DateTime(timezone=True)),
    Column("update_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("campaign_id", "wave", "charge_point_id", name="firmware_campaign_targets_pkey"),
    ForeignKeyConstraint(
        ["campaign_id"],
        ["firmware_campaigns.id"],
        name="firmware_campaign_targets_campaign_id_fkey",
        ondelete="CASCADE",
    ),
)

EDGE_NODES = Table(
    "edge_nodes",
    METADATA,
    Column("node", Text, nullable=False),
    Column("node_address", Text, nullable=False),
    Column("lease_end_time", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("node", name="edge_nodes_pkey"),
)
