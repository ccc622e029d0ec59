"""Request ids count for one caller and one request.

A replica from before this revision goes on to store keys by its old scopes, which one from after it does not find: a
request that is repeated while both run, and meets one of each, is carried out twice.
"""

from alembic import op

from services.postgres import shared_tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SCOPES = {
    "drivers": "/csms.driver.v1.DriverService/CreateDriver",
    "rfid_cards": "/csms.driver.v1.RfidCardService/CreateRfidCard",
}


def upgrade() -> None:
    shared_tables.add_callers_to_idempotency_keys(op, _SCOPES)
