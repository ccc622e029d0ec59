"""OCPP 1.6: one file for each action of the charge point, and in `commands/` one for each command to it."""
