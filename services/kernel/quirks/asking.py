"""How charge points are asked otherwise than all are, as test tools expect it. Only by a switch of an operator."""

from services.kernel.quirks.quirk import Quirk

NOTHING_UNASKED = Quirk(
    id="nothing-unasked",
    forgives="That it fails at a call which it did not expect, as test tools do: after a boot it is not asked for its "
    "variables.",
    clause="OCPP 1.6 section 5.8, OCPP 2.0.1 part 2 B07: the CSMS asks when it wants to",
    scope=(),
    otherwise="it is asked once, as everybody is",
    counted=False,
)
MANY_AT_ONCE = Quirk(
    id="many-at-once",
    forgives="That it has not told how many things it takes in a request: all of them go in one.",
    clause="OCPP 1.6 section 9.1: GetConfigurationMaxKeys, OCPP 2.0.1 part 2 B05, B06, B08, N04, N06: ItemsPerMessage",
    scope=(),
    otherwise="one thing goes in each request until it has told",
)
