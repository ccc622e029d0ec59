"""The contract lists every flag that a transaction can have."""

import re

from ocpp_edge.facts import device_clock, meter_values
from ocpp_edge.leniency import shapes
from services.transaction.domain import doubts, matching, recording, transaction
from services.transaction.domain.concurrency import CONCURRENT_TX_ALLOWED
from services.transaction.domain.losses import Cause
from services.transaction.domain.ranks import ENDED_BY_OPERATOR
from stack.descriptors import Contracts

_MODULES = (doubts, matching, recording, transaction, device_clock, meter_values, shapes)
# Constants of these modules that are no flags.
_OTHERS = {"ENERGY_REGISTER", "USUAL_CONTEXT", "UNDATED", "OCPP_16", "CONCLUDED_REASON", "DEFAULT_TENANT"}


def _flags() -> set[str]:
    """What is called like a constant and reads like a flag; and what flags with a path begin with."""
    named = {
        value
        for module in _MODULES
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, str) and name not in _OTHERS
    }
    return named | {*Cause, ENDED_BY_OPERATOR, CONCURRENT_TX_ALLOWED, "coerced:", "dropped:"}


def test_every_flag_of_a_transaction_is_explained_at_its_field(contracts: Contracts) -> None:
    comment = contracts.comment("csms.transaction.v1.Transaction.flags")
    explained = set(re.findall(r"`([a-z_]+:?)`", comment))
    assert _flags() <= explained
    assert explained - _flags() == {"energy_doubt", "end_decision"}
