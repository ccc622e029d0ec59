"""Several new passwords of a charge point may wait for their first use; settings of stations hold no secrets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.redaction import holds_secret

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge_points", sa.Column("next_passwords", sa.ARRAY(sa.Text), nullable=False, server_default="{}"))
    op.execute(
        "UPDATE charge_points SET next_passwords = ARRAY[':' || encode(next_password_hash, 'hex')]"
        " WHERE next_password_hash IS NOT NULL"
    )
    op.drop_column("charge_points", "next_password_hash")
    _forget_secrets()


def _forget_secrets() -> None:
    stations = sa.table("stations", sa.column("id", sa.Uuid), sa.column("configuration", JSONB))
    for station_id, settings in op.get_bind().execute(sa.select(stations.c.id, stations.c.configuration)).all():
        kept = {key: value for key, value in settings.items() if not holds_secret(key, value)}
        if kept != settings:
            op.execute(stations.update().where(stations.c.id == station_id).values(configuration=kept))
