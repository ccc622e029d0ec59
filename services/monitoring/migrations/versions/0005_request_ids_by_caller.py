"""Request ids count for one caller and one request.

A replica from before this revision goes on to store keys by its old scopes, which one from after it does not find: a
request that is repeated while both run, and meets one of each, is carried out twice.
"""

from alembic import op

from services.postgres import shared_tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    shared_tables.add_callers_to_idempotency_keys(op, {})
