"""OCPP 1.6: one file for each action of the charge point, and one for the commands to it."""
