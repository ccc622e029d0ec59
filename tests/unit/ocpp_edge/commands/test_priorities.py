"""The priority of a command, as the platform says it and as the queue of calls has it"""

from csms.transaction.v1.command_pb2 import Command
from ocpp_edge.commands.servicer import PRIORITIES
from ocpp_edge.rpc.calls import Priority


def test_each_priority_of_the_contract_is_one_of_the_queue() -> None:
    reported = {name: number for name, number in Command.Priority.items() if number != Command.PRIORITY_UNSPECIFIED}
    assert {name: PRIORITIES[number].name for name, number in reported.items()} == {name: name for name in reported}
    assert set(PRIORITIES.values()) == set(Priority)
