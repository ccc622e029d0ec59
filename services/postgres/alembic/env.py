"""Alembic's environment, the same for every service: runs the revisions it is given on the connection it is given.

Reads no configuration file and no environment variable; `services.postgres.migrations` prepares both.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
