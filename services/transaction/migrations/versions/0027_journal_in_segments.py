"""The journal is kept compressed: batches as they come, then segments by charge point."""

import sqlalchemy as sa
from alembic import op

from services.postgres import tenancy

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_Time = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "journal_batches",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("first_time", _Time, nullable=False),
        sa.Column("last_time", _Time, nullable=False),
        sa.Column("exchanges", sa.Integer, nullable=False),
        sa.Column("charge_points", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("frames", sa.ARRAY(sa.Integer), nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.PrimaryKeyConstraint("id", name="journal_batches_pkey"),
    )
    op.execute("CREATE INDEX journal_batches_waiting_idx ON journal_batches (id) WHERE content IS NOT NULL")
    op.create_table(
        "journal_segments",
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("last_time", _Time, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("first_time", _Time, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("actions", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("action_frames", sa.ARRAY(sa.Integer), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("charge_point_id", "last_time", "id", name="journal_segments_pkey"),
        postgresql_partition_by="RANGE (last_time)",
    )
    op.execute("CREATE TABLE journal_segments_default PARTITION OF journal_segments DEFAULT")
    tenancy.belong_to_tenants(op, "journal_batches", "journal_segments")
    # What is compressed does not become smaller by being compressed again.
    for table in ("journal_batches", "journal_segments", "journal_segments_default"):
        op.execute(f"ALTER TABLE {table} ALTER content SET STORAGE EXTERNAL")
    # Looked through for each list: whom a batch is about shall lie beside it, and nothing is to be unpacked for that.
    op.execute("ALTER TABLE journal_batches ALTER charge_points SET STORAGE MAIN, ALTER frames SET STORAGE MAIN")
