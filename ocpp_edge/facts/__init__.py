"""From payloads of any version to canonical facts: times, units, tokens, and what every message shares."""
