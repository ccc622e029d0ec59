"""ocpp_edge.facts.places"""

import pytest

from csms.station.v1.connectivity_service_pb2 import StatusReport
from csms.station.v1.evse_ref_pb2 import EvseRef
from csms.transaction.v1.command_pb2 import Unlock
from ocpp_edge.facts.places import connector_of, evse_of, place, place_of_connector


def test_a_connector_of_ocpp_16_is_the_evse_of_its_number_and_0_is_the_charge_point() -> None:
    assert StatusReport(evse=place_of_connector(2)).evse == EvseRef(evse_id=2, connector_id=2)
    assert not StatusReport(evse=place_of_connector(0)).HasField("evse")


def test_ocpp_2_tells_both_or_the_evse_or_nothing() -> None:
    reported = [StatusReport(evse=place(*numbers)) for numbers in ((2, 1), (2, 0), (0, 0))]
    assert [(one.HasField("evse"), one.evse.evse_id, one.evse.connector_id) for one in reported] == [
        (True, 2, 1),
        (True, 2, 0),
        (False, 0, 0),
    ]


@pytest.mark.parametrize(
    ("asked", "connector", "evse"),
    [
        (Unlock(connector_id=2), 2, (2, 0)),
        (Unlock(evse_id=2), 2, (2, 0)),
        (Unlock(evse_id=1, connector_id=2), 2, (1, 2)),
        (Unlock(), 0, (0, 0)),
    ],
)
def test_a_command_means_the_same_place_by_every_version(asked: Unlock, connector: int, evse: tuple[int, int]) -> None:
    assert (connector_of(asked), evse_of(asked)) == (connector, evse)
