"""`csms bench --against REF`: what this checkout costs beside an older build, in one run on one machine.

Both are driven from outside alone, by OCPP and REST through their public ports, and by this checkout's load generator,
so that no change of the generator favours one.
"""
