"""The failure of an item means the same as the failure of a call."""

import re

import pytest

from csms.error.v1.error_reason_pb2 import ErrorReason, ItemError
from services.kernel.errors import ErrorKind
from services.rpc.status import from_item_error
from stack.protos import PROTO_ROOT

CONTRACT = (PROTO_ROOT / "csms/error/v1/error_reason.proto").read_text(encoding="utf-8")
# Each value's comment begins with the status that goes with it.
_VALUES = re.findall(r"  // ([A-Z_]+)\. .*\n(?:  //.*\n)*  ERROR_REASON_(\w+) = [1-9]", CONTRACT)
STATUSES = {name: status for status, name in _VALUES}


@pytest.mark.parametrize("name", [name for name in ErrorReason.keys() if ErrorReason.Value(name)])
def test_every_reason_has_the_kind_that_its_contract_says(name: str) -> None:
    reason = name.removeprefix("ERROR_REASON_")
    error = from_item_error(ItemError(reason=ErrorReason.Value(name), message="why"))
    kind = ErrorKind.CONFLICT if STATUSES[reason] == "ABORTED" else ErrorKind(STATUSES[reason])
    assert (error.kind, error.reason, error.message) == (kind, reason, "why")


def test_a_reason_of_tomorrow_is_an_internal_error() -> None:
    item = ItemError(message="new")
    item.MergeFromString(b"\x08\xe7\x07")  # reason 999
    assert (from_item_error(item).kind, from_item_error(item).reason) == (ErrorKind.INTERNAL, "INTERNAL")
