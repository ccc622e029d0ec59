"""Every flag of a fact or a transaction is a value of the contract, and every value is a flag that is raised."""

from csms.billing.v1.charging_session_pb2 import ChargingSession
from csms.fact.v1.doubt_pb2 import Doubt
from ocpp_edge.facts import device_clock, meter_values
from ocpp_edge.leniency import shapes
from services.billing.domain.remarks import EVENLY_SPREAD
from services.kernel.quirks import QUIRKS
from services.rpc.flags import COERCED, DROPPED, flag_fields
from services.rpc.protobuf import text_of
from services.transaction.domain import doubts, matching, recording, sequence, transaction
from services.transaction.domain.concurrency import CONCURRENT_TX_ALLOWED
from services.transaction.domain.losses import Cause
from services.transaction.domain.ranks import ENDED_BY_OPERATOR

_MODULES = (doubts, matching, recording, sequence, transaction, device_clock, meter_values, shapes)
# Constants of these modules that are no flags.
_OTHERS = {"ENERGY_REGISTER", "USUAL_CONTEXT", "UNDATED", "OCPP_16", "CONCLUDED_REASON", "DEFAULT_TENANT"}


def _flags() -> set[str]:
    """What is called like a constant and reads like a flag, and what quirks raise."""
    named = {
        value
        for module in _MODULES
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and name not in _OTHERS
    }
    raised = {quirk.flag for quirk in QUIRKS.values() if quirk.flag}
    return named | raised | {*Cause, ENDED_BY_OPERATOR, CONCURRENT_TX_ALLOWED}


def test_every_flag_is_a_value_and_every_value_a_flag() -> None:
    values = {name.lower() for name, number in Doubt.Flag.items() if number}
    assert {flag.rstrip(":") for flag in _flags()} == values
    for flag in _flags() - {COERCED, DROPPED}:
        assert (flag_fields([flag]).flags, flag_fields([flag]).coerced_paths) == ([Doubt.Flag.Value(flag.upper())], [])
    assert {text_of(ChargingSession.Flag, number) for number in ChargingSession.Flag.values()} == {"", EVENLY_SPREAD}


def test_no_flag_speaks_of_a_session() -> None:
    """Which of the two is meant would be open: the transaction, or what is billed."""
    assert [name for name in Doubt.Flag.keys() if "SESSION" in name] == []
