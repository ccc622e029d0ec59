"""Several services and an edge node in one process: for fleets that one process can carry (ADR 79)."""
