"""The header Idempotency-Key and the request id of a call"""

import pytest

from csms.station.v1.station_service_pb2 import CreateStationRequest, GetStationRequest
from csms.transaction.v1.command_service_pb2 import ClearCacheRequest, CommandOptions
from services.kernel.errors import DomainError
from services.rpc.idempotency_key import read_key


def test_it_becomes_the_request_id_wherever_that_stands() -> None:
    created, command = CreateStationRequest(), ClearCacheRequest()
    read_key(created, ["k 1"])
    read_key(command, ['"k 1"', " k 1 "])
    assert (created.request_id, command.options.request_id) == ("k 1", "k 1")


def test_it_changes_nothing_where_there_is_no_request_id() -> None:
    request = GetStationRequest(station_id="x")
    read_key(request, ["k", "other"])
    assert request == GetStationRequest(station_id="x")


@pytest.mark.parametrize("values", [["other"], ["k", "other"], [""], ['""'], ["x" * 101]])
def test_what_contradicts_or_says_nothing_is_refused(values: list[str]) -> None:
    with pytest.raises(DomainError) as refused:
        read_key(ClearCacheRequest(options=CommandOptions(request_id="k")), values)
    assert [violation.field for violation in refused.value.violations] == ["Idempotency-Key"]
