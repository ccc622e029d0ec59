"""The tables of the database `csms_drivers`, as the queries see them. Their history is in migrations/."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)

from services.postgres import reconciliations
from services.postgres.tenancy import tenant_column

METADATA = MetaData()

DRIVERS = Table(
    "drivers",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("membership_tier", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("id", name="drivers_pkey"),
)
Index(
    "drivers_email_key",
    func.lower(DRIVERS.c.email),
    DRIVERS.c.tenant_id,
    unique=True,
    postgresql_where=text("email <> ''"),
)

RFID_CARDS = Table(
    "rfid_cards",
    METADATA,
    Column("id", Uuid(as_uuid=False), nullable=False),
    # In the form that is compared: upper case, an eMAID without hyphens.
    Column("id_tag", Text, nullable=False),
    Column("driver_id", Uuid(as_uuid=False)),
    Column("group_id", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("expiry_time", DateTime(timezone=True)),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    # Empty for any.
    Column("token_type", Text, nullable=False, server_default=""),
    tenant_column(),
    PrimaryKeyConstraint("id", name="rfid_cards_pkey"),
    UniqueConstraint("id_tag", "token_type", "tenant_id", name="rfid_cards_token_key"),
    ForeignKeyConstraint(["driver_id"], ["drivers.id"], name="rfid_cards_driver_id_fkey", ondelete="SET NULL"),
    Index("rfid_cards_driver_id_idx", "driver_id"),
)

# No foreign key: usage outlives its driver, and what other services tell may come before anything else.
USAGE_SESSIONS = Table(
    "usage_sessions",
    METADATA,
    Column("transaction_id", Uuid(as_uuid=False), nullable=False),
    Column("driver_id", Uuid(as_uuid=False)),
    Column("id_tag", Text, nullable=False),
    Column("charge_point_id", Text, nullable=False),
    Column("station_id", Text, nullable=False),
    Column("start_time", DateTime(timezone=True)),
    Column("end_time", DateTime(timezone=True)),
    Column("energy_wh", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("amount_minor", BigInteger),
    Column("currency_code", Text),
    Column("bill_revision", BigInteger, nullable=False, server_default="0"),
    Column("bill_decisions", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("transaction_id", name="usage_sessions_pkey"),
    # Also serves those who look for an end: a driver has few sessions. That of no session is in an index, so that with
    # room on its page it ends and is billed in place.
    Index("usage_sessions_driver_start_idx", "driver_id", "start_time"),
    postgresql_with={"fillfactor": 70},
)

# Of the platform: work for a tenant does not reach it. Rows of tenants name theirs without a key to it.
TENANTS = Table(
    "tenants",
    METADATA,
    Column("id", Text, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    Column("update_time", DateTime(timezone=True), nullable=False),
    Column("revision", Integer, nullable=False),
    PrimaryKeyConstraint("id", name="tenants_pkey"),
)

ACCOUNTS = Table(
    "accounts",
    METADATA,
    # The name in lower case: names are compared without regard to case.
    Column("name_key", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("driver_id", Uuid(as_uuid=False)),
    Column("password_hash", Text, nullable=False),
    Column("create_time", DateTime(timezone=True), nullable=False),
    tenant_column(),
    PrimaryKeyConstraint("name_key", name="accounts_pkey"),
    ForeignKeyConstraint(["driver_id"], ["drivers.id"], name="accounts_driver_id_fkey", ondelete="CASCADE"),
)

# Whom tries to sign in count for is a hash: names that were given for an account may be passwords.
SIGN_INS = Table(
    "sign_ins",
    METADATA,
    Column("key", LargeBinary, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("failure_time", DateTime(timezone=True)),
    Column("success_time", DateTime(timezone=True)),
    PrimaryKeyConstraint("key", name="sign_ins_pkey"),
)

RECONCILIATIONS = reconciliations.define(METADATA)
