"""The tables of the database `csms_charge_points`, as the queries see them. Their history is in migrations/."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Index,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from services.postgres import reconciliations
from services.postgres.tenancy import tenant_column

METADATA = MetaData()

# What charge points by OCPP 1.6 call their transactions. Processes take as many at a time as the increment says.
NUMBERS_AT_ONCE = 100
TRANSACTION_NUMBERS = Sequence(
    "transaction_numbers", metadata=METADATA, data_type=Integer, start=1, increment=NUMBERS_AT_ONCE
)

_Time = DateTime(timezone=True)

# Ids of stations and drivers are text: they belong to other services, and a start must not fail for the look of one.
TRANSACTIONS = Table(
    "transactions",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("ocpp_transaction_id", Text, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("id_tag", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("begin_time", _Time, nullable=False),
    Column("start_time", _Time),
    Column("stop_time", _Time),
    Column("start_device_time", _Time),
    Column("stop_device_time", _Time),
    Column("meter_start_wh", BigInteger),
    Column("meter_stop_wh", BigInteger),
    Column("meter_last_wh", BigInteger),
    Column("energy_wh", BigInteger, nullable=False),
    Column("stop_reason", Text, nullable=False),
    Column("token_type", Text, nullable=False, server_default=""),
    Column("authorization", Text),
    Column("authorization_reason", Text, nullable=False, server_default=""),
    Column("driver_id", Text, nullable=False),
    Column("group_id", Text, nullable=False, server_default=""),
    Column("station_id", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("charging_state", Text, nullable=False),
    Column("offline", Boolean, nullable=False),
    Column("flags", ARRAY(Text), nullable=False),
    Column("start_key", Uuid(as_uuid=False)),
    Column("start_rank", Text, nullable=False),
    Column("token_rank", Text, nullable=False),
    Column("charging_rank", Text, nullable=False),
    Column("stop_rank", Text, nullable=False),
    Column("losses", ARRAY(Text), nullable=False, server_default="{}"),
    Column("heard_time", _Time),
    Column("merged_into", Uuid(as_uuid=False)),
    Column("revision", BigInteger, nullable=False),
    Column("create_time", _Time, nullable=False),
    Column("update_time", _Time, nullable=False),
    Column("energy_doubt", Text, nullable=False, server_default=""),
    tenant_column(),
    PrimaryKeyConstraint("id", name="transactions_pkey"),
    Index("transactions_start_key_key", "start_key", unique=True, postgresql_where=text("start_key IS NOT NULL")),
    # Those with ends that named no transaction.
    Index(
        "transactions_nameless_ends_idx",
        "charge_point_id",
        "begin_time",
        postgresql_where=text("flags && '{orphan_stop,matched_stop}'::text[]"),
    ),
    # Those that were told of late: clocks of charge points count whole seconds, and a start takes a moment to arrive.
    Index(
        "transactions_late_idx",
        "id",
        postgresql_where=text("create_time - begin_time > interval '2 seconds' OR start_time IS NULL"),
    ),
    # Also counts what a tenant has: its policy is a condition of this index, not a look at each row.
    Index("transactions_tenant_idx", "tenant_id", "begin_time", "id"),
    # A tree would have to be told of every stop.
    Index(
        "transactions_update_time_idx", "update_time", postgresql_using="brin", postgresql_with={"autosummarize": True}
    ),
    Index("transactions_charge_point_idx", "charge_point_id", "begin_time"),
    Index("transactions_station_idx", "station_id", "begin_time", postgresql_where=text("station_id <> ''")),
    Index("transactions_driver_idx", "driver_id", "begin_time", postgresql_where=text("driver_id <> ''")),
    Index("transactions_id_tag_idx", "id_tag", "begin_time", postgresql_where=text("id_tag <> ''")),
    # No index, nor the condition of one, has a column that a usual stop changes, and each page has room for the second
    # version of its transactions: so a stop writes one row on one page and leaves the indexes alone (ADR 31).
    postgresql_with={"fillfactor": 50},
)

# The transactions that are ACTIVE, as an index would have them; written with them, under the locks on their charge
# points.
RUNNING_TRANSACTIONS = Table(
    "running_transactions",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("id_tag", Text, nullable=False),
    Column("group_id", Text, nullable=False, server_default=""),
    tenant_column(),
    PrimaryKeyConstraint("charge_point_id", "id", name="running_transactions_pkey"),
    Index("running_transactions_id_tag_idx", "id_tag", postgresql_where=text("id_tag <> ''")),
    Index("running_transactions_group_idx", "group_id", postgresql_where=text("group_id <> ''")),
)

# The greatest power of connectors where that is known, as the station service tells it.
CONNECTOR_POWERS = Table(
    "connector_powers",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("max_power_w", BigInteger),
    Column("told_time", _Time, nullable=False),
    PrimaryKeyConstraint("charge_point_id", "evse_id", "connector_id", name="connector_powers_pkey"),
)

# What operators decided about the ends of transactions; never changed.
END_DECISIONS = Table(
    "end_decisions",
    METADATA,
    Column("transaction_id", Uuid(as_uuid=False), nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("create_time", _Time, nullable=False),
    Column("stop_time", _Time, nullable=False),
    Column("meter_stop_wh", BigInteger),
    PrimaryKeyConstraint("transaction_id", name="end_decisions_pkey"),
)

# What is missing of transactions by the numbers of their events, and when it is looked for again.
SEQUENCE_GAPS = Table(
    "sequence_gaps",
    METADATA,
    Column("transaction_id", Uuid(as_uuid=False), nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("begin_time", _Time, nullable=False),
    Column("missing", ARRAY(Text), nullable=False),
    Column("found_time", _Time, nullable=False),
    Column("look_time", _Time),
    Column("looks", Integer, nullable=False),
    Column("asked_time", _Time),
    Column("messages_in_queue", Boolean),
    Column("healed_time", _Time),
    tenant_column(),
    PrimaryKeyConstraint("transaction_id", name="sequence_gaps_pkey"),
    Index("sequence_gaps_look_idx", "look_time", postgresql_where=text("look_time IS NOT NULL")),
    Index("sequence_gaps_open_idx", "transaction_id", postgresql_where=text("healed_time IS NULL")),
)

# The facts about transactions, as charge points told them; partitioned by day.
TRANSACTION_EVENTS = Table(
    "transaction_events",
    METADATA,
    Column("transaction_id", Uuid(as_uuid=False), nullable=False),
    Column("device_time", _Time, nullable=False),
    Column("key", Uuid(as_uuid=False), nullable=False),
    Column("ocpp_transaction_id", Text, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("id_tag", Text, nullable=False),
    Column("token_type", Text, nullable=False, server_default=""),
    Column("authorization", Text),
    Column("authorization_reason", Text, nullable=False, server_default=""),
    Column("driver_id", Text, nullable=False),
    Column("group_id", Text, nullable=False, server_default=""),
    Column("station_id", Text, nullable=False),
    Column("received_time", _Time, nullable=False),
    Column("corrected_time", _Time, nullable=False),
    Column("seq_no", BigInteger),
    Column("offline", Boolean, nullable=False),
    Column("trigger_reason", Text, nullable=False),
    Column("charging_state", Text, nullable=False),
    Column("stop_reason", Text, nullable=False),
    Column("meter_wh", BigInteger),
    Column("remote_start_id", BigInteger),
    Column("reservation_id", BigInteger),
    Column("flags", ARRAY(Text), nullable=False),
    Column("estimated", Boolean, nullable=False),
    # What of the message could not be taken, as it came.
    Column("dropped_json", Text),
    tenant_column(),
    PrimaryKeyConstraint("transaction_id", "device_time", "key", name="transaction_events_pkey"),
    postgresql_partition_by="RANGE (device_time)",
)

# Readings; partitioned by day. The only index is the key: it tells repetitions and serves every query.
METER_VALUES = Table(
    "meter_values",
    METADATA,
    # The transaction or, for readings outside of any, an id that stands for the connector.
    Column("transaction_id", Uuid(as_uuid=False), nullable=False),
    Column("sampled_time", _Time, nullable=False),
    # Of the content: charge points send several samples of one moment.
    Column("digest", Integer, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("evse_id", Integer, nullable=False),
    Column("connector_id", Integer, nullable=False),
    Column("received_time", _Time, nullable=False),
    Column("seq_no", BigInteger),
    Column("context", SmallInteger, nullable=False),
    Column("energy_wh", BigInteger),
    Column("power_w", BigInteger),
    Column("current_ma", BigInteger),
    Column("voltage_mv", BigInteger),
    Column("soc_percent", Integer),
    Column("power_offered_w", BigInteger),
    Column("other_json", Text),
    # True when the message named no transaction, NULL when it did: then no conclusion gives it to another one.
    Column("names_no_transaction", Boolean),
    PrimaryKeyConstraint("transaction_id", "sampled_time", "digest", name="meter_values_pkey"),
    postgresql_partition_by="RANGE (sampled_time)",
)

# The journal of frames as batches came: of many charge points each, until they are sorted by charge point. A batch that
# was stays for a day without its content, so that one that comes again is known.
JOURNAL_BATCHES = Table(
    "journal_batches",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("first_time", _Time, nullable=False),
    Column("last_time", _Time, nullable=False),
    Column("exchanges", Integer, nullable=False),
    # Whom it is about, and how many frames there are of each.
    Column("charge_points", ARRAY(Text), nullable=False),
    Column("frames", ARRAY(Integer), nullable=False),
    # NULL when it was sorted.
    Column("content", LargeBinary),
    tenant_column(),
    PrimaryKeyConstraint("id", name="journal_batches_pkey"),
    Index("journal_batches_waiting_idx", "id", postgresql_where=text("content IS NOT NULL")),
)

# The journal by charge point, some hundred exchanges in a row; partitioned by day.
JOURNAL_SEGMENTS = Table(
    "journal_segments",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("last_time", _Time, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("first_time", _Time, nullable=False),
    Column("frames", Integer, nullable=False),
    # And how many frames there are of each.
    Column("actions", ARRAY(Text), nullable=False),
    Column("action_frames", ARRAY(Integer), nullable=False),
    Column("content", LargeBinary, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("charge_point_id", "last_time", "id", name="journal_segments_pkey"),
    postgresql_partition_by="RANGE (last_time)",
)

# The journal as releases before 0.3.0 write it, a request and its answer in one row; partitioned by day.
OCPP_MESSAGES = Table(
    "ocpp_messages",
    METADATA,
    Column("charge_point_id", Text, nullable=False),
    Column("time", _Time, nullable=False),
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("direction", Text, nullable=False),
    Column("kind", Text),
    Column("message_id", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("frame", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("latency_us", BigInteger, nullable=False),
    Column("protocol", Text, nullable=False),
    # Of a request that was answered: error code and latency are then the answer's.
    Column("answer_kind", Text),
    Column("answer_frame", Text),
    # What the platform decided that the frames do not tell.
    Column("note", Text),
    tenant_column(),
    PrimaryKeyConstraint("charge_point_id", "time", "id", name="ocpp_messages_pkey"),
    postgresql_partition_by="RANGE (time)",
)

COMMANDS = Table(
    "commands",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("state", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("answer", JSONB(none_as_null=True)),
    Column("error", Text, nullable=False),
    # What started or ended; an id of ours, or empty.
    Column("transaction_id", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("create_time", _Time, nullable=False),
    Column("update_time", _Time, nullable=False),
    Column("expire_time", _Time, nullable=False),
    Column("delivery_time", _Time),
    # What is wrong with the answer.
    Column("answer_flags", ARRAY(Text), nullable=False, server_default="{}"),
    # By number, as domain.command.CommandPriority counts.
    Column("priority", SmallInteger, nullable=False, server_default="2"),
    Column("result", JSONB(none_as_null=True)),
    # Those that it took when one was not enough.
    Column("calls", JSONB, nullable=False, server_default="[]"),
    Column("campaign_id", Uuid(as_uuid=False)),
    Column("waits_offline", Boolean, nullable=False, server_default=true()),
    # What came when it was no longer waited for.
    Column("late_answer", JSONB(none_as_null=True)),
    # In which it was asked for, as W3C Trace Context writes it; empty when it was in none.
    Column("trace", Text, nullable=False, server_default=""),
    tenant_column(),
    PrimaryKeyConstraint("id", name="commands_pkey"),
    Index("commands_charge_point_idx", "charge_point_id", "id"),
    Index("commands_working_idx", "charge_point_id", "expire_time"),
    Index("commands_due_idx", "delivery_time", postgresql_where=text("state = 'QUEUED'")),
    Index("commands_open_idx", "expire_time", postgresql_where=text("state IN ('QUEUED', 'SENT', 'ACCEPTED')")),
    # A charge point gets one command of a campaign.
    Index(
        "commands_campaign_key",
        "campaign_id",
        "charge_point_id",
        unique=True,
        postgresql_where=text("campaign_id IS NOT NULL"),
    ),
    Index("commands_campaign_idx", "campaign_id", "id", postgresql_where=text("campaign_id IS NOT NULL")),
    Index(
        "commands_campaign_open_idx",
        "delivery_time",
        "campaign_id",
        postgresql_where=text("campaign_id IS NOT NULL AND state IN ('QUEUED', 'SENT')"),
    ),
)

COMMAND_CAMPAIGNS = Table(
    "command_campaigns",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", JSONB, nullable=False),
    Column("selection", JSONB, nullable=False),
    Column("commands_per_second", Double, nullable=False),
    Column("max_in_flight", Integer, nullable=False),
    Column("queue_while_offline", Boolean, nullable=False),
    Column("life", Interval, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("create_time", _Time, nullable=False),
    Column("update_time", _Time, nullable=False),
    Column("select_time", _Time),
    Column("end_time", _Time),
    # Until when its pace is used up.
    Column("pace_time", _Time, nullable=False),
    # How far its charge points were chosen, how many are, and how many of them have their command.
    Column("page_token", Text, nullable=False),
    Column("selected", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("error", Text, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="command_campaigns_pkey"),
    Index("command_campaigns_open_idx", "update_time", postgresql_where=text("end_time IS NULL")),
)

# Charge points that wait for their command of a campaign: a row goes when the command is made.
CAMPAIGN_TARGETS = Table(
    "campaign_targets",
    METADATA,
    Column("campaign_id", Uuid(as_uuid=False), nullable=False),
    Column("charge_point_id", Text, nullable=False),
    PrimaryKeyConstraint("campaign_id", "charge_point_id", name="campaign_targets_pkey"),
)

# How far it was looked whether ends that named no transaction have found theirs.
RECONCILIATIONS = reconciliations.define(METADATA)
