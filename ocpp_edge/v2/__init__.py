"""OCPP 2.0.1: one file for each action of the charging station, and one for the commands to it."""
