"""What a small service might have: the shared tables, a table that shows every effect, and one partitioned by day."""

from alembic import op

from services.chassis import shared_tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    shared_tables.create(op)
    # No key: an effect that happened twice is there twice.
    op.execute("CREATE TABLE effects (event_id uuid NOT NULL, entity text NOT NULL)")
    op.execute("CREATE TABLE things (id text CONSTRAINT things_pkey PRIMARY KEY)")
    op.execute(
        "CREATE TABLE readings ("
        " id bigint GENERATED ALWAYS AS IDENTITY,"
        " receive_time timestamptz NOT NULL,"
        " energy_wh bigint NOT NULL CONSTRAINT readings_energy_wh_check CHECK (energy_wh >= 0),"
        " CONSTRAINT readings_pkey PRIMARY KEY (id, receive_time)"
        ") PARTITION BY RANGE (receive_time)"
    )
    op.execute("CREATE TABLE readings_default PARTITION OF readings DEFAULT")
