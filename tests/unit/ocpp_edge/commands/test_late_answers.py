"""What becomes of an answer that nobody waits for any more."""

import pytest

from csms.transaction.v1.command_pb2 import ChangeConfiguration, RotatePassword
from csms.transaction.v1.recording_service_pb2 import RecordLateAnswerRequest
from ocpp_edge.commands.late_answers import LateAnswers
from ocpp_edge.commands.made_call import MadeCall
from ocpp_edge.facts.structs import payload_of
from ocpp_edge.rpc.calls import OutboundCall, Outcome, Priority, Refused, Result
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, not_found, unavailable
from tests.fixtures.background import eventually
from tests.unit.ocpp_edge.platform import NOW, Platform, context

DIALECT = SERVED[Version.V16].dialect
SET = DIALECT["change_configuration"]
ASKED = SET.ask(ChangeConfiguration(key="HeartbeatInterval", value="60"), "c1")


class Ledger:
    """Where late answers go: it fails with `failures` first."""

    def __init__(self, *failures: DomainError) -> None:
        self.platform = Platform()
        self.taken: list[RecordLateAnswerRequest] = []
        self.tries = 0
        self._failures = list(failures)
        self.late = LateAnswers(self.platform, self._record, pauses_seconds=(0.0, 0.0))

    async def _record(self, request: RecordLateAnswerRequest) -> None:
        self.tries += 1
        if self._failures:
            raise self._failures.pop(0)
        self.taken.append(request)

    async def take(self, outcome: Outcome, made: MadeCall | None) -> None:
        """Take an answer in, until it is stored or given up."""
        call = OutboundCall(
            "1", "", b"", response_timeout=1, expires_at=1, priority=Priority.NORMAL, tag=None, about=made
        )
        self.late.take(context(Version.V16), call, outcome)

        async def is_over() -> bool:
            return not self.late._kept

        await eventually(is_over)


def made(command_id: str = "c1", is_whole: bool = True) -> MadeCall:
    return MadeCall(*ASKED, NOW, command_id, SET, is_whole)


@pytest.mark.parametrize(("status", "accepted"), [("Accepted", True), ("Rejected", False)])
async def test_it_goes_to_its_command_with_what_it_says(status: str, accepted: bool) -> None:
    ledger = Ledger()
    await ledger.take(Result({"status": status}), made(is_whole=False))
    [reported] = ledger.taken
    assert (reported.command_id, reported.charge_point_id, reported.accepted, reported.whole) == (
        "c1",
        "CP1",
        accepted,
        False,
    )
    assert (reported.answer.status, payload_of(reported.answer.call.answer)) == (status, {"status": status})
    assert (reported.answer.call.action, list(reported.answer.call.keys)) == (
        "ChangeConfiguration",
        ["HeartbeatInterval"],
    )
    assert reported.answer.time.ToDatetime(tzinfo=NOW.tzinfo) == NOW
    # What was taken is the value from now on.
    assert len(ledger.platform.device_events) == accepted


async def test_an_error_is_an_answer_too() -> None:
    ledger = Ledger()
    await ledger.take(Refused("InternalError", "no", {}), made())
    [reported] = ledger.taken
    assert reported.answer.call.error == "OCPP_CALL_ERROR: the charge point answered InternalError: no"
    assert (reported.accepted, reported.answer.HasField("result"), ledger.platform.device_events) == (False, False, [])


async def test_it_is_told_again_while_a_service_is_away_and_given_up_when_that_does_not_help() -> None:
    away = unavailable("the transaction service is down")
    for failures, tries, taken in (
        ([away, away], 3, 1),
        ([away] * 3, 3, 0),
        ([not_found("command", "c1")], 1, 0),
    ):
        ledger = Ledger(*failures)
        await ledger.take(Result({"status": "Accepted"}), made())
        assert (ledger.tries, len(ledger.taken)) == (tries, taken)


async def test_what_belongs_to_no_command_only_tells_what_it_tells() -> None:
    ledger = Ledger()
    await ledger.take(Result({"status": "Accepted"}), MadeCall(*ASKED, NOW))
    await ledger.take(Result({"status": "Accepted"}), None)
    assert (ledger.tries, len(ledger.platform.device_events)) == (0, 1)


async def test_a_secret_that_is_repeated_is_masked() -> None:
    rotate, ledger = DIALECT["rotate_password"], Ledger()
    asked = rotate.ask(RotatePassword(password="sixteen letters."), "c1")
    refused = Refused("InternalError", "cannot set sixteen letters.", {})
    await ledger.take(refused, MadeCall(*asked, NOW, "c1", rotate))
    assert "sixteen" not in str(ledger.taken[0])
