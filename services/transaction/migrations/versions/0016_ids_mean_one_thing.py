"""`transaction_id` is our id everywhere; what a charge point calls a transaction is `ocpp_transaction_id`."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("transactions", "transaction_id", new_column_name="ocpp_transaction_id")
    op.alter_column("transaction_events", "told_transaction_id", new_column_name="ocpp_transaction_id")
    # Commands named a transaction in either way.
    op.execute("""
        UPDATE commands SET body = (c.body - 'transaction_id')
            || jsonb_build_object('ocpp_transaction_id', coalesce(t.ocpp_transaction_id, c.body ->> 'transaction_id'))
            || CASE WHEN t.id IS NULL THEN '{}'::jsonb ELSE jsonb_build_object('transaction_id', t.id) END
        FROM commands AS c LEFT JOIN transactions AS t ON t.charge_point_id = c.charge_point_id
            AND c.body ->> 'transaction_id' IN (t.id::text, t.ocpp_transaction_id)
        WHERE c.id = commands.id AND c.kind IN ('remote_stop', 'get_transaction_status')
    """)
