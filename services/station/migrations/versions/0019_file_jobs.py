"""What charge points were asked to do with files, and what is said of images of firmware."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.postgres import tenancy

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("files", sa.Column("firmware", JSONB))
    op.create_table(
        "file_jobs",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("status_time", _TIME),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("request_id", sa.BigInteger, nullable=False),
        sa.Column("file_id", sa.Uuid(as_uuid=False)),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("previous_version", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("update_time", _TIME, nullable=False),
        sa.Column("end_time", _TIME),
        sa.Column("expire_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="file_jobs_pkey"),
    )
    op.create_index("file_jobs_charge_point_idx", "file_jobs", ["charge_point_id", "create_time", "id"])
    op.create_index("file_jobs_file_idx", "file_jobs", ["file_id"], postgresql_where=sa.text("file_id IS NOT NULL"))
    op.create_index("file_jobs_open_idx", "file_jobs", ["expire_time"], postgresql_where=sa.text("end_time IS NULL"))
    tenancy.belong_to_tenants(op, "file_jobs")
