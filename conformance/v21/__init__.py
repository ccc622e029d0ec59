"""Cases that OCPP 2.1 has beside those of 2.0.1, by functional block."""
