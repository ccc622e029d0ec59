"""Request ids count for one caller and one request.

A replica from before this revision goes on to store keys by its old scopes, which one from after it does not find: a
request that is repeated while both run, and meets one of each, is carried out twice.
"""

from alembic import op

from services.postgres import shared_tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# A command is not to be carried out twice: its key is kept for who has sent it.
_COMMANDS = """
UPDATE idempotency_keys SET
    caller = substr(scope, length('commands/') + 1),
    scope = '/csms.transaction.v1.CommandService/' || CASE kind
        WHEN 'reset' THEN 'ResetChargePoint'
        WHEN 'unlock' THEN 'UnlockConnector'
        WHEN 'transfer_data' THEN 'SendDataTransfer'
        ELSE replace(initcap(replace(kind, '_', ' ')), ' ', '')
    END
FROM commands WHERE commands.id = resource_id::uuid AND scope LIKE 'commands/%'
"""


def upgrade() -> None:
    shared_tables.add_callers_to_idempotency_keys(op, {}, _COMMANDS)
