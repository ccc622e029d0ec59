"""How a process runs: its settings, its log, its numbers, its background tasks. Knows no wire and no database."""
