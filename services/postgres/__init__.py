"""The way into PostgreSQL: transactions, many rows in a statement, many statements in a round trip, migrations."""
