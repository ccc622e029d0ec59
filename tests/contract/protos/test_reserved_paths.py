import pytest

from ocpp_edge.admission.handshake import RESERVED_SEGMENTS
from stack.descriptors import Contracts, bindings


@pytest.mark.field_case("B8")
def test_no_path_of_rest_is_taken_for_the_identity_of_a_charge_point(contracts: Contracts) -> None:
    bound = [binding for method in contracts.methods for binding in bindings(method)]
    first = {binding.template.split("/")[1] for binding in bound}
    assert {segment for segment in first if not segment.startswith(".")} <= RESERVED_SEGMENTS
