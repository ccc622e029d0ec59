"""Command campaigns: one command to each of many charge points, at a pace, whatever fails meanwhile."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import grpc.aio
import pytest
from sqlalchemy import text

from csms.edge.v1 import edge_service_pb2 as edge_pb
from csms.transaction.v1 import command_campaign_pb2 as campaign_pb
from csms.transaction.v1 import command_campaign_service_pb2 as service_pb
from csms.transaction.v1 import command_campaign_service_pb2_grpc as service_grpc
from csms.transaction.v1 import command_pb2 as command_pb
from services.kernel.clock import FixedClock
from services.kernel.errors import DomainError, ErrorKind, invalid, unavailable
from services.kernel.ids import new_id
from services.messaging.outbox import OutboxRelay
from services.rpc.status import from_rpc_error
from services.transaction.application.campaign_steps import CampaignSteps
from services.transaction.application.campaigns import Campaigns
from services.transaction.domain.campaign import Campaign, CampaignOptions, CampaignState, Selection
from services.transaction.domain.command import Ask, CommandOptions
from services.transaction.sql.unit_of_work import SqlUnitOfWork, SqlUnitsOfWork
from tests.contract.services.transaction.platform import Platform, accepted
from tests.fixtures.background import eventually
from tests.fixtures.services import RunningService

State = campaign_pb.CommandCampaign.State
_CLEAR = command_pb.CommandBody(clear_cache=command_pb.ClearCache())


async def _stub(platform: Platform, sub: str = "ann") -> service_grpc.CommandCampaignServiceStub:
    return service_grpc.CommandCampaignServiceStub(await platform.service.channel(sub=sub))


async def _made(platform: Platform, selection: dict[str, Any], **fields: Any) -> campaign_pb.CommandCampaign:
    request = service_pb.CreateCommandCampaignRequest(**{"command": _CLEAR, "selection": selection, **fields})
    return (await (await _stub(platform)).CreateCommandCampaign(request)).campaign


async def _get(platform: Platform, campaign_id: str) -> campaign_pb.CommandCampaign:
    request = service_pb.GetCommandCampaignRequest(campaign_id=campaign_id)
    return (await (await _stub(platform)).GetCommandCampaign(request)).campaign


async def _becomes(platform: Platform, campaign_id: str, state: State.ValueType) -> campaign_pb.CommandCampaign:
    async def is_in_state() -> bool:
        return (await _get(platform, campaign_id)).state == state

    await eventually(is_in_state)
    return await _get(platform, campaign_id)


async def _failure(call: Any) -> DomainError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return from_rpc_error(caught.value)


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_each_charge_point_that_is_chosen_gets_one_command(platform: Platform) -> None:
    for number in range(5):
        await platform.stations.create(f"ACME{number}", vendor="Acme", model="One" if number else "Two")
        if number != 1:
            await platform.stations.connect(f"ACME{number}", platform.edge)
    made = await _made(platform, {"vendor": "acme", "model": "ONE"}, name="spring", commands_per_second=50)
    assert (made.state, made.name, made.requested_by, made.kind) == (State.SELECTING, "spring", "ann", "clear_cache")
    done = await _becomes(platform, made.id, State.COMPLETED)
    progress = done.progress
    assert (progress.selected, progress.pending, progress.accepted, progress.failed) == (4, 0, 3, 1)
    assert Counter(one.charge_point_id for one in platform.edge.delivered) == {"ACME2": 1, "ACME3": 1, "ACME4": 1}
    stub = await _stub(platform)
    listed = await stub.ListCampaignCommands(service_pb.ListCampaignCommandsRequest(campaign_id=made.id))
    assert sorted(one.charge_point_id for one in listed.commands) == ["ACME1", "ACME2", "ACME3", "ACME4"]
    assert {(one.campaign_id, one.requested_by, one.priority) for one in listed.commands} == {
        (made.id, "ann", command_pb.Command.BACKGROUND)
    }
    [failed] = (
        await stub.ListCampaignCommands(
            service_pb.ListCampaignCommandsRequest(campaign_id=made.id, state=command_pb.Command.FAILED)
        )
    ).commands
    assert (failed.charge_point_id, failed.error) == (
        "ACME1",
        "CHARGE_POINT_OFFLINE: charge point ACME1 is not connected",
    )
    [shown] = (await stub.ListCommandCampaigns(service_pb.ListCommandCampaignsRequest(state=State.COMPLETED))).campaigns
    assert (shown.id, shown.progress.selected, shown.progress.accepted) == (made.id, 4, 0)


async def test_a_command_waits_for_its_charge_point_when_the_campaign_says_so(platform: Platform) -> None:
    made = await _made(
        platform, {"charge_point_ids": ["CP2", "CP1", "CP2", "NOBODY"]}, options={"queue_while_offline": True}
    )

    async def others_are_done() -> bool:
        progress = (await _get(platform, made.id)).progress
        return (progress.accepted, progress.failed, progress.queued) == (1, 1, 1)

    await eventually(others_are_done)
    assert (await _get(platform, made.id)).state == State.RUNNING
    await platform.stations.boot("CP2", await platform.stations.connect("CP2", platform.edge))
    done = await _becomes(platform, made.id, State.COMPLETED)
    assert (done.progress.selected, done.progress.accepted, done.progress.failed) == (3, 2, 1)


async def test_a_campaign_is_held_resumed_and_given_up(platform: Platform) -> None:
    answered = asyncio.Event()
    platform.edge.before = partial(_wait, answered)
    made = await _made(platform, {"charge_point_ids": ["CP1", "CP2"]}, max_in_flight=1, commands_per_second=50)

    async def one_is_under_way() -> bool:
        return len(platform.edge.delivered) == 1

    await eventually(one_is_under_way)
    stub = await _stub(platform, "bob")
    held = (await stub.PauseCommandCampaign(service_pb.PauseCommandCampaignRequest(campaign_id=made.id))).campaign
    assert (held.state, held.changed_by, held.progress.pending, held.progress.sent) == (State.PAUSED, "bob", 1, 1)
    answered.set()

    async def first_is_over() -> bool:
        return (await _get(platform, made.id)).progress.accepted == 1

    await eventually(first_is_over)
    assert (await _get(platform, made.id)).progress.pending == 1
    options = {"queue_while_offline": True}
    waiting = await _made(platform, {"charge_point_ids": ["CP2"]}, options=options, commands_per_second=50)
    resumed = await stub.ResumeCommandCampaign(service_pb.ResumeCommandCampaignRequest(campaign_id=made.id))
    assert resumed.campaign.state == State.RUNNING
    assert (await _becomes(platform, made.id, State.COMPLETED)).progress.failed == 1

    async def one_waits() -> bool:
        return (await _get(platform, waiting.id)).progress.queued == 1

    await eventually(one_waits)
    cancel = service_pb.CancelCommandCampaignRequest(campaign_id=waiting.id)
    assert (await stub.CancelCommandCampaign(cancel)).campaign.state == State.CANCELED

    async def nothing_waits() -> bool:
        shown = await _get(platform, waiting.id)
        return shown.HasField("end_time") and shown.progress.canceled == 1

    await eventually(nothing_waits)
    assert (await stub.CancelCommandCampaign(cancel)).campaign.state == State.CANCELED
    failure = await _failure(
        stub.ResumeCommandCampaign(service_pb.ResumeCommandCampaignRequest(campaign_id=waiting.id))
    )
    assert (failure.reason, failure.metadata) == ("COMMAND_CAMPAIGN_OVER", {"state": "CANCELED"})


async def test_a_campaign_is_made_once_and_what_it_cannot_do_is_refused(platform: Platform) -> None:
    stub = await _stub(platform)
    first = await _made(platform, {"charge_point_ids": ["CP1"]}, options={"request_id": "k-1"})
    assert (await _made(platform, {"charge_point_ids": ["CP1"]}, options={"request_id": "k-1"})).id == first.id
    by_header = await stub.CreateCommandCampaign(
        service_pb.CreateCommandCampaignRequest(
            command=_CLEAR, selection=campaign_pb.ChargePointSelection(charge_point_ids=["CP1"])
        ),
        metadata=(("idempotency-key", "k-1"),),
    )
    assert by_header.campaign.id == first.id
    assert (await _failure(_made(platform, {"all": True}, options={"request_id": "k-1"}))).reason == "REQUEST_ID_REUSED"
    for command, fields, named in (
        ({}, {}, "command"),
        ({"unlock": {}}, {}, "command.unlock.connectorId"),
        ({"rotate_password": {}}, {}, "command"),
        ({"change_configuration": {"key": "WifiPassword", "value": "topsecret-7"}}, {}, "command"),
        ({"remote_stop": {"ocpp_transaction_id": "7"}}, {}, "command"),
        ({"clear_cache": {}}, {"selection": {}}, "selection"),
        ({"clear_cache": {}}, {"selection": {"all": True, "state": 99}}, "selection.state"),
        ({"clear_cache": {}}, {"commands_per_second": 1e9}, "commandsPerSecond"),
        ({"clear_cache": {}}, {"options": {"request_id": "x" * 101}}, "options.requestId"),
    ):
        asked: dict[str, Any] = {"command": command, **fields}
        failure = await _failure(_made(platform, asked.pop("selection", {"all": True}), **asked))
        assert [violation.field for violation in failure.violations] == [named]
        assert "topsecret" not in failure.message
    for unknown in (new_id(), "nonsense"):
        assert (await _failure(_get(platform, unknown))).reason == "COMMAND_CAMPAIGN_NOT_FOUND"
    listed = await stub.ListCommandCampaigns(service_pb.ListCommandCampaignsRequest())
    assert [one.id for one in listed.campaigns] == [first.id]


class _Dying(Exception):
    """The process is gone."""


class _Fleet:
    """Charge points in pages; `failure` is raised once, before the page of that number."""

    def __init__(self, count: int, page: int, failure: tuple[int, Exception] | None = None) -> None:
        self.names = [f"F{number:05}" for number in range(count)]
        self._page = page
        self._failure = failure

    async def page(self, _selection: Selection, page_token: str) -> tuple[Sequence[str], str]:
        begin = int(page_token or 0)
        if self._failure is not None and begin >= self._failure[0] * self._page:
            failure, self._failure = self._failure[1], None
            raise failure
        end = begin + self._page
        return self.names[begin:end], str(end) if end < len(self.names) else ""


class _Bench:
    """The steps of campaigns on a real database, with a clock that is moved by hand."""

    def __init__(self, service: RunningService, fleet: _Fleet) -> None:
        self.clock = FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))
        self.units_of_work = SqlUnitsOfWork(service.database, OutboxRelay(service.database, service.bus), self.clock)
        self.database = service.database
        self.campaigns = Campaigns(self.units_of_work, self.clock)
        self.woken = 0
        self.steps = self.replica(fleet)
        self.fleet = fleet

    def replica(self, fleet: _Fleet, dies_after: int | None = None) -> CampaignSteps:
        """One more process; it dies instead of committing when it has made that many units of work."""
        units: Any = self.units_of_work if dies_after is None else _mortal(self.units_of_work, dies_after)
        return CampaignSteps(units, fleet, self._wake, self.clock)

    async def make(self, **options: Any) -> Campaign:
        expected = CampaignOptions(selection=Selection(all=True), **options)
        view = await self.campaigns.make(Ask("clear_cache", {}), CommandOptions(), expected, "ann")
        return view.campaign

    async def answer_all(self) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(text("UPDATE commands SET state = 'ACCEPTED', delivery_time = NULL"))

    async def commanded(self) -> Counter[str]:
        async with self.database.read() as connection:
            return Counter((await connection.scalars(text("SELECT charge_point_id FROM commands"))).all())

    async def state(self, campaign: Campaign) -> CampaignState:
        return (await self.campaigns.get(campaign.id)).campaign.state

    def _wake(self) -> None:
        self.woken += 1


def _mortal(units_of_work: SqlUnitsOfWork, dies_after: int) -> Any:
    left = [dies_after]

    @asynccontextmanager
    async def begin() -> AsyncIterator[SqlUnitOfWork]:
        async with units_of_work() as work:
            yield work
            left[0] -= 1
            if left[0] < 0:
                # Everything is done but the commit.
                raise _Dying

    return begin


async def test_whoever_dies_in_the_middle_leaves_one_command_for_each(service: RunningService) -> None:
    bench = _Bench(service, _Fleet(230, page=50))
    campaign = await bench.make(commands_per_second=20.0, max_in_flight=40)
    deaths = 0
    for step in range(400):
        if step % 3:
            # Whatever it has done by then: nothing, a page, some commands, the end.
            try:
                await bench.replica(bench.fleet, dies_after=1 + step % 2 * 2).step()
            except _Dying:
                deaths += 1
        else:
            await asyncio.gather(bench.steps.step(), bench.replica(bench.fleet).step())
        bench.clock.advance(timedelta(seconds=0.5))
        await bench.answer_all()
        if await bench.state(campaign) is CampaignState.COMPLETED:
            break
    view = await bench.campaigns.get(campaign.id)
    assert (view.campaign.state, view.campaign.selected, view.campaign.made) == (CampaignState.COMPLETED, 230, 230)
    assert await bench.commanded() == dict.fromkeys(bench.fleet.names, 1)
    assert deaths > 5


async def test_nothing_is_asked_before_all_are_chosen_and_an_outage_only_delays(service: RunningService) -> None:
    fleet = _Fleet(1500, page=50, failure=(25, unavailable("the station service is down")))
    bench = _Bench(service, fleet)
    campaign = await bench.make()
    await bench.steps.step()
    assert (await bench.state(campaign), await bench.commanded()) == (CampaignState.SELECTING, {})
    with pytest.raises(DomainError):
        await bench.steps.step()
    await bench.steps.step()
    bench.clock.advance(timedelta(seconds=1))
    await bench.steps.step()
    view = await bench.campaigns.get(campaign.id)
    assert (view.campaign.state, view.campaign.selected, view.campaign.made) == (CampaignState.RUNNING, 1500, 5)


async def test_who_cannot_be_chosen_is_an_end_with_a_reason(service: RunningService) -> None:
    bench = _Bench(service, _Fleet(10, page=5, failure=(1, invalid("pageToken", "is of another release"))))
    campaign = await bench.make()
    await bench.steps.step()
    view = await bench.campaigns.get(campaign.id)
    assert (view.campaign.state, view.campaign.error) == (
        CampaignState.FAILED,
        "INVALID_FIELD: pageToken: is of another release",
    )
    bench.clock.advance(timedelta(seconds=1))
    await bench.steps.step()
    assert await bench.commanded() == {}


async def test_an_edge_that_is_away_for_a_moment_fails_no_command_of_a_campaign(platform: Platform) -> None:
    def away(request: edge_pb.DeliverCommandRequest) -> edge_pb.DeliverCommandResponse:
        platform.edge.answer = accepted
        raise DomainError(ErrorKind.UNAVAILABLE, "UNAVAILABLE", "the node is stopping")

    platform.edge.answer = away
    made = await _made(platform, {"charge_point_ids": ["CP1"]}, commands_per_second=50)

    async def waits() -> bool:
        return (await _get(platform, made.id)).progress.queued == 1 and bool(platform.edge.delivered)

    await eventually(waits)
    await platform.stations.boot("CP1", platform.epoch)
    assert (await _becomes(platform, made.id, State.COMPLETED)).progress.accepted == 1
