"""It is known of a charge point in which currency it shows what a transaction costs."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge_points", sa.Column("cost_currency", sa.Text, nullable=False, server_default=""))
    # Of what was told before, as domain/cost_display.py has it from now on.
    op.execute("""
        UPDATE charge_points SET cost_currency = coalesce((
            SELECT upper(trim(currency.value)) FROM device_variables AS currency
            WHERE currency.charge_point_id = enabled.charge_point_id AND lower(currency.component) = 'tariffcostctrlr'
            AND lower(currency.variable) = 'currency' AND currency.attribute_type = 'ACTUAL'
            AND trim(currency.value) ~ '^[A-Za-z]{3}$' LIMIT 1
        ), 'XXX')
        FROM device_variables AS enabled
        WHERE enabled.charge_point_id = charge_points.id AND lower(enabled.component) = 'tariffcostctrlr'
        AND lower(enabled.variable) = 'enabled' AND lower(enabled.variable_instance) = 'cost'
        AND enabled.attribute_type = 'ACTUAL' AND lower(enabled.value) = 'true'
    """)
