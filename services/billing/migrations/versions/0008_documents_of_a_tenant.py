"""The latest invoices and payments of a tenant are found, however many others have issued since."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("invoices_tenant_idx", "invoices", ["tenant_id", "id"])
    op.create_index("payments_tenant_idx", "payments", ["tenant_id", "id"])
