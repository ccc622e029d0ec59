"""Cases of OCPP 2.0.1 (Open Charge Alliance, test document of the CSMS), a module for each functional block.

OCPP 2.1 has them as well: there they are spoken by its schemas.
"""
