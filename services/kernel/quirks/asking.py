"""What charge points are spared: calls that we make by ourselves. Nobody is, unless an operator says so."""

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
