"""A token is a value and a type. The cards that are there are of any type, as they were."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rfid_cards", sa.Column("token_type", sa.Text, nullable=False, server_default=""))
    op.create_unique_constraint("rfid_cards_token_key", "rfid_cards", ["id_tag", "token_type"])
    op.drop_constraint("rfid_cards_id_tag_key", "rfid_cards")
