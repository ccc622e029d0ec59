"""What is OCPP 2.0.1 alone. What it shares with 2.1 is in v2."""
