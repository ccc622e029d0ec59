"""services.messaging.older_events"""

import pytest

from csms.event.v1.domain_event_pb2 import SessionBilled
from services.kernel.money import Money
from services.messaging.older_events import total_of
from services.rpc.protobuf import money_to_proto


@pytest.mark.parametrize("total", [Money("EUR", 476), Money("KWD", 1234), Money("JPY", 50), Money("EUR", 0)])
def test_the_total_of_a_bill_is_read_as_each_release_tells_it(total: Money) -> None:
    of_010 = SessionBilled(total_minor=total.minor_units, currency_code=total.currency_code)
    assert total_of(SessionBilled(total=money_to_proto(total))) == total_of(of_010) == total
