"""`csms conformance`: the public test cases for a CSMS, of OCPP 1.6 and 2.0.1, as scripts of a charge point by case id.

A plain client of a running stack: its WebSocket and its REST interface, nothing else. See README.md.
"""
