"""Files that are kept for charge points and of them, and the links to them."""

import sqlalchemy as sa
from alembic import op

from services.postgres import tenancy

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("charge_point_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("md5", sa.Text, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("store_time", _TIME),
        sa.Column("delete_time", _TIME),
        sa.PrimaryKeyConstraint("id", name="files_pkey"),
    )
    op.create_index("files_create_time_idx", "files", ["create_time", "id"])
    op.create_index(
        "files_delete_time_idx", "files", ["delete_time"], postgresql_where=sa.text("delete_time IS NOT NULL")
    )
    op.create_table(
        "file_links",
        sa.Column("secret_hash", sa.Text, nullable=False),
        sa.Column("file_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("most_bytes", sa.BigInteger, nullable=False),
        sa.Column("create_time", _TIME, nullable=False),
        sa.Column("expire_time", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("secret_hash", name="file_links_pkey"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="file_links_file_id_fkey", ondelete="CASCADE"),
    )
    op.create_index("file_links_file_id_idx", "file_links", ["file_id"])
    tenancy.belong_to_tenants(op, "files", "file_links")
