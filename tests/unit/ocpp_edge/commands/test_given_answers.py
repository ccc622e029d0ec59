"""What an edge node still knows of the answers that it gave."""

import pytest

from csms.edge.v1.edge_service_pb2 import DeliverCommandRequest, DeliverCommandResponse
from csms.transaction.v1.command_pb2 import ChangeConfiguration, ClearCache, CommandBody, RotatePassword
from ocpp_edge.commands import given_answers
from ocpp_edge.commands.given_answers import GivenAnswers
from services.kernel.errors import DomainError, unavailable
from tests.unit.ocpp_edge.harness import ManualTime

ACCEPTED = DeliverCommandResponse(accepted=True, status="Accepted")


def asked(command_id: str = "c1", **body: object) -> DeliverCommandRequest:
    expected = CommandBody(**(body or {"clear_cache": ClearCache()}))  # type: ignore[arg-type]
    return DeliverCommandRequest(command_id=command_id, charge_point_id="CP1", body=expected)


def reason(given: GivenAnswers, command_id: str = "c1", charge_point_id: str = "CP1") -> str:
    with pytest.raises(DomainError) as raised:
        given.recall(command_id, charge_point_id)
    return raised.value.reason


def test_an_answer_is_known_for_some_minutes_to_whom_it_was_given() -> None:
    time = ManualTime()
    given = GivenAnswers(time)
    given.keep(asked(), ACCEPTED)
    given.keep(asked("c2"), unavailable("stopping"))
    assert given.recall("c1", "CP1") == ACCEPTED
    assert reason(given, "c2") == "UNAVAILABLE"
    assert reason(given, "c1", "CP2") == reason(given, "c3") == "COMMAND_NOT_FOUND"
    time.now += 599
    assert given.recall("c1", "CP1") == ACCEPTED
    time.now += 2
    assert reason(given) == "COMMAND_NOT_FOUND"


def test_a_command_surely_never_came_when_its_charge_point_was_here_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(given_answers, "_MOST_NAMES", 2)
    time = ManualTime()
    given = GivenAnswers(time)
    began = time.now
    time.now += 200
    assert given.never_came("c1", 150, began)
    # It connected, or this node began, about when the command was sent or later.
    assert not given.never_came("c1", 150, time.now - 155)
    assert not given.never_came("c1", 195, began - 1000)
    given.note("c1")
    assert not given.never_came("c1", 150, began)
    time.now += 200
    for number in range(2):
        given.note(f"n{number}")
    # c1 is forgotten: of what was sent before it came nobody can say.
    assert not given.never_came("c1", 300, began)
    assert given.never_came("c2", 150, began)


def test_nothing_is_kept_of_a_secret_and_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_answers, "_MOST_KEPT", 2)
    given = GivenAnswers(ManualTime())
    given.keep(asked(rotate_password=RotatePassword(password="sixteen letters.")), ACCEPTED)
    given.keep(asked("c2", change_configuration=ChangeConfiguration(key="WifiPassword", value="secret-7")), ACCEPTED)
    assert reason(given) == reason(given, "c2") == "COMMAND_NOT_FOUND"
    for number in range(3):
        given.keep(asked(f"n{number}"), ACCEPTED)
    assert reason(given, "n0") == "COMMAND_NOT_FOUND"
    assert given.recall("n1", "CP1") == given.recall("n2", "CP1") == ACCEPTED
