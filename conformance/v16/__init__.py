"""Cases of OCPP 1.6 (Open Charge Alliance, test document of the CSMS), by functional block."""
