"""The contract lists every flag that a transaction can have."""

import re

from ocpp_edge import device_clock, meter_values, shapes
from services.transaction.domain import doubts, matching, recording, session
from stack.descriptors import Contracts

_MODULES = (doubts, matching, recording, session, device_clock, meter_values, shapes)
# Constants of these modules that are no flags.
_OTHERS = {"ENERGY_REGISTER", "USUAL_CONTEXT", "UNDATED", "ESTIMATE"}


def _flags() -> set[str]:
    """What is called like a constant and reads like a flag; and what flags with a path begin with."""
    named = {
        value
        for module in _MODULES
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and name not in _OTHERS
    }
    return named | {"coerced:", "dropped:"}


def test_every_flag_of_a_transaction_is_explained_at_its_field(contracts: Contracts) -> None:
    comment = contracts.comment("csms.transaction.v1.Transaction.flags")
    explained = set(re.findall(r"`([a-z_]+:?)`", comment))
    assert _flags() <= explained
    assert explained - _flags() == {"energy_doubt"}
