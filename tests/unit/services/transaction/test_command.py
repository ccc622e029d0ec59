"""How a command moves from state to state, and what counts as its effect."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from csms.transaction.v1.command_pb2 import CommandBody
from services.kernel.errors import DomainError
from services.transaction.domain.command import (
    Command,
    CommandOptions,
    CommandState,
    LateReply,
    Reply,
    answered,
    answered_late,
    effective,
    expired,
    failed,
)
from services.transaction.domain.commands import KINDS, check
from services.transaction.domain.commands.remote_start import started_by
from services.transaction.domain.commands.remote_stop import ended_by
from services.transaction.domain.fact import Authorization
from services.transaction.domain.folding import fold
from tests.unit.services.transaction.facts import T0, TRANSACTION_ID, ended, minutes, placed, started, updated

ACCEPTED, REJECTED = Reply(True, "Accepted", {"status": "Accepted"}), Reply(False, "Rejected", {})


def _command(kind: str = "remote_start", state: CommandState = CommandState.SENT, **body: Any) -> Command:
    return Command(
        id="0199f1c2-0000-7000-8000-00000000000c",
        charge_point_id="CP1",
        kind=kind,
        body=body or {"id_tag": "tag"},
        state=state,
        requested_by="ann",
        create_time=T0,
        update_time=T0,
        expire_time=minutes(5),
    )


def _accepts(command: Command) -> Command:
    return answered(command, ACCEPTED, T0)


def _rejects(command: Command) -> Command:
    return answered(command, REJECTED, T0)


def _fails(command: Command) -> Command:
    return failed(command, "why", T0)


def _units_of_work(command: Command) -> Command:
    return effective(command, TRANSACTION_ID, T0)


def test_every_kind_of_the_contract_has_its_file_and_no_other() -> None:
    assert set(KINDS) == set(CommandBody.DESCRIPTOR.fields_by_name)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        (CommandState.SENT, _accepts, CommandState.ACCEPTED),
        (CommandState.SENT, _rejects, CommandState.REJECTED),
        (CommandState.EFFECTIVE, _accepts, CommandState.EFFECTIVE),
        (CommandState.EXPIRED, _accepts, CommandState.EXPIRED),
        (CommandState.SENT, _fails, CommandState.FAILED),
        (CommandState.EFFECTIVE, _fails, CommandState.EFFECTIVE),
        (CommandState.FAILED, _units_of_work, CommandState.EFFECTIVE),
    ],
)
def test_what_is_known_to_be_over_stays_over(
    before: CommandState, change: Callable[[Command], Command], after: CommandState
) -> None:
    assert change(_command(state=before)).state is after


def test_an_expired_command_waits_for_nothing() -> None:
    waiting = replace(_command(state=CommandState.QUEUED), delivery_time=T0)
    over = expired(waiting, minutes(6))
    assert (over.state, over.delivery_time) == (CommandState.EXPIRED, None)


@pytest.mark.parametrize(
    ("before", "reply", "is_whole", "after", "status"),
    [
        (CommandState.FAILED, ACCEPTED, True, CommandState.FAILED, ""),
        (CommandState.EXPIRED, REJECTED, True, CommandState.EXPIRED, ""),
        (CommandState.EFFECTIVE, None, True, CommandState.EFFECTIVE, ""),
        (CommandState.SENT, ACCEPTED, True, CommandState.ACCEPTED, "Accepted"),
        (CommandState.SENT, REJECTED, True, CommandState.REJECTED, "Rejected"),
        (CommandState.SENT, None, True, CommandState.FAILED, ""),
        # The other calls of it were not made.
        (CommandState.SENT, ACCEPTED, False, CommandState.SENT, ""),
    ],
)
def test_an_answer_that_nobody_waited_for_changes_only_what_nobody_was_told_of(
    before: CommandState, reply: Reply | None, is_whole: bool, after: CommandState, status: str
) -> None:
    late = LateReply(reply, "" if reply else "OCPP_CALL_ERROR: no", is_whole, {"status": "as it came"})
    reported = answered_late(_command(state=before), late, minutes(9))
    assert (reported.state, reported.status, reported.late_answer) == (after, status, late.record)
    again = answered_late(reported, replace(late, record={"status": "another"}), minutes(10))
    assert again == reported


def test_a_late_answer_is_kept_with_its_command() -> None:
    reported = answered(_command(state=CommandState.EXPIRED), ACCEPTED, minutes(9))
    assert (reported.status, reported.answer, reported.update_time) == ("Accepted", {"status": "Accepted"}, minutes(9))


@pytest.mark.parametrize(
    ("fields", "body", "expected"),
    [
        ({}, {"id_tag": "tag"}, True),
        ({}, {"id_tag": "TAG", "connector_id": 1}, True),
        ({}, {"id_tag": "TAG", "connector_id": 2}, False),
        ({}, {"id_tag": "OTHER"}, False),
        ({"corrected_time": T0 - timedelta(minutes=2)}, {"id_tag": "TAG"}, False),
    ],
)
def test_a_transaction_is_the_effect_of_the_remote_start_for_its_token(
    fields: dict[str, Any], body: dict[str, Any], expected: bool
) -> None:
    assert started_by(fold([placed(started(**fields))]), _command(**body)) is expected


def test_a_transaction_that_got_its_token_by_the_remote_start_is_its_effect() -> None:
    plugged = placed(started(minutes(-60), id_tag="", authorization=None))
    assert not started_by(fold([plugged]), _command())
    swiped = updated(minutes(1), id_tag="TAG", authorization=Authorization.ACCEPTED)
    assert started_by(fold([plugged, placed(swiped)]), _command())


@pytest.mark.parametrize(("asked", "expected"), [("T-1", True), ("T-2", False)])
def test_the_end_of_a_transaction_is_the_effect_of_its_remote_stop(asked: str, expected: bool) -> None:
    command = _command("remote_stop", ocpp_transaction_id=asked)
    running = fold([placed(started())])
    over = fold([placed(started()), placed(ended(minutes(5)))])
    assert (ended_by(running, command), ended_by(over, command)) == (False, expected)


_SECOND_SETTING = ["settings[1].key", "settings[1].value"]


@pytest.mark.parametrize(
    ("kind", "body", "fields"),
    [
        ("remote_start", {"id_tag": "x" * 256, "connector_id": -1}, ["connectorId", "idTag"]),
        ("unlock", {}, ["connectorId"]),
        ("change_configuration", {"key": "k" * 102, "value": "v" * 2501}, ["key", "value"]),
        ("transfer_data", {"vendor_id": "v" * 256}, ["vendorId"]),
        ("get_configuration", {"keys": ["a", ""]}, ["keys"]),
        ("change_settings", {}, ["settings"]),
        ("change_settings", {"settings": [{"key": str(number)} for number in range(201)]}, ["settings"]),
        ("change_settings", {"settings": [{"key": "a"}, {"key": "A", "value": "v" * 2501}]}, _SECOND_SETTING),
        ("change_settings", {"settings": [{"key": "a"}, {"key": "AuthorizationKey"}]}, ["settings[1].key"]),
    ],
)
def test_a_command_out_of_bounds_is_refused(kind: str, body: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(DomainError) as caught:
        check(kind, body, CommandOptions())
    assert [violation.field for violation in caught.value.violations] == fields


def test_a_command_within_bounds_is_not_refused() -> None:
    check("get_configuration", {}, CommandOptions(expire_after=timedelta(days=7)))
    check("reset", {"type": "HARD"}, CommandOptions(request_id="x" * 100))


_PERIODS = [{"limit": 16.0}]
_SCHEDULE = {"unit": "A", "periods": _PERIODS}


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        ({"schedules": []}, "schedules"),
        ({"schedules": [_SCHEDULE] * 4}, "schedules"),
        ({"schedules": [{"periods": _PERIODS}]}, "schedules[0].unit"),
        ({"schedules": [{"unit": 7, "periods": _PERIODS}]}, "schedules[0].unit"),
        ({"schedules": [{"unit": "A"}]}, "schedules[0].periods"),
        ({"schedules": [{"unit": "A", "periods": [{"start_seconds": 1}]}]}, "schedules[0].periods[0].startSeconds"),
        ({"schedules": [{"unit": "A", "periods": [{}, {}]}]}, "schedules[0].periods[1].startSeconds"),
        (
            {"schedules": [{"unit": "A", "periods": [{"phase_to_use": 2, "phases": 3}]}]},
            "schedules[0].periods[0].phaseToUse",
        ),
        ({"kind": "RECURRING", "schedules": [{**_SCHEDULE, "start_time": "2026-03-01T06:00:00Z"}]}, "recurrence"),
        ({"recurrence": "DAILY", "schedules": [_SCHEDULE]}, "recurrence"),
        ({"kind": 9, "schedules": [{**_SCHEDULE, "start_time": "2026-03-01T06:00:00Z"}]}, "kind"),
        ({"kind": "ABSOLUTE", "schedules": [_SCHEDULE]}, "schedules[0].startTime"),
        ({"schedules": [{**_SCHEDULE, "start_time": "2026-03-01T06:00:00Z"}]}, "schedules[0].startTime"),
        (
            {"valid_from": "2026-03-01T06:00:00.500Z", "valid_to": "2026-03-01T06:00:00Z", "schedules": [_SCHEDULE]},
            "validTo",
        ),
    ],
)
def test_what_is_wrong_with_a_charging_profile_is_named(profile: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        check("remote_start", {"id_tag": "CARD", "charging_profile": profile}, CommandOptions())
    assert [one.field for one in refused.value.violations] == [f"chargingProfile.{field}"]


def test_a_charging_profile_that_means_something_is_taken() -> None:
    schedule = {**_SCHEDULE, "start_time": "2026-03-01T06:00:00Z"}
    for profile in (
        {"schedules": [_SCHEDULE]},
        {"kind": "RECURRING", "recurrence": "DAILY", "schedules": [schedule]},
        {"kind": "ABSOLUTE", "valid_to": "2026-03-01T06:00:00Z", "schedules": [schedule]},
    ):
        check("remote_start", {"id_tag": "CARD", "charging_profile": profile}, CommandOptions())


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ocpp_transaction_id": "T-1"}, "totalCost"),
        (
            {"ocpp_transaction_id": "T-1", "total_cost": {"currency_code": "EUR", "units": "1", "nanos": -1}},
            "totalCost",
        ),
        ({"total_cost": {"currency_code": "EUR", "units": "1"}}, "transactionId"),
    ],
)
def test_a_cost_to_show_is_an_amount_of_a_transaction(body: dict[str, Any], field: str) -> None:
    with pytest.raises(DomainError) as refused:
        check("update_cost", body, CommandOptions())
    assert [one.field for one in refused.value.violations] == [field]
    good = {"ocpp_transaction_id": "T-1", "total_cost": {"currency_code": "EUR", "units": "1", "nanos": 10_000_000}}
    check("update_cost", good, CommandOptions())
