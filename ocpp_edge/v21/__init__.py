"""OCPP 2.1: what it does not share with 2.0.1."""
