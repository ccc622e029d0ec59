"""OCPP 2.0.1: one file for each action of the charging station, and in `commands/` one for each command to it."""
