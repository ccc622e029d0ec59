"""Which quirks of a charge point are forgiven, and how often that was. What they are is in services.kernel.quirks."""

from ocpp_edge.quirks.forgiving import UNKNOWN, Forgiving, Profile

__all__ = ["UNKNOWN", "Forgiving", "Profile"]
