"""Transactions that charge points forget end by evidence, and go on when better is known, whatever comes first."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.transaction.domain.events import TransactionChange
from services.transaction.domain.evidence import ConnectorReport
from services.transaction.domain.fact import EventKind, TransactionEvent, transaction_id_of
from services.transaction.domain.losses import Cause
from services.transaction.domain.reading import LastRead, Reading
from services.transaction.domain.recording import Recording
from services.transaction.domain.registers import registers_of
from services.transaction.domain.transaction import ESTIMATED_END, Transaction, TransactionState, shown
from tests.fixtures.properties import examples
from tests.unit.services.transaction.facts import (
    T0,
    ended_16,
    minutes,
    reading,
    reported_again,
    started,
    started_16,
    updated,
)
from tests.unit.services.transaction.test_recording import Platform

pytestmark = pytest.mark.field_case("A6")

BOOT = ESTIMATED_END, Cause.BOOT


class EvidencePlatform(Platform):
    """Remembers readings as the database does: those of transactions that run are no facts."""

    def __init__(self) -> None:
        super().__init__()
        self.readings: dict[str, dict[datetime, Reading]] = {}

    def tell(self, *things: TransactionEvent | ConnectorReport) -> None:
        """Take in events, mere readings and what connectors do, one after the other."""
        for thing in things:
            if isinstance(thing, ConnectorReport):
                self._in_recording(lambda recording, report=thing: recording.note(report))
            elif not thing.is_mere_reading or not self._runs(thing):
                [answer] = self.record(thing)
                self._read(answer.transaction_id, thing)
                self.record(thing)
            else:
                self._read(_id(thing), thing)

    def lose(self, cause: Cause, at: float) -> bool:
        """That the only transaction is lost, as is noticed so many minutes after T0; whether it is."""
        [transaction_id] = self.transactions
        return (
            self._in_recording(lambda recording: recording.lose(transaction_id, cause, minutes(at), minutes(at)))
            is not None
        )

    @property
    def transaction(self) -> Transaction:  # type: ignore[override]  # there is one only
        """The only transaction."""
        [transaction] = self.transactions.values()
        return transaction

    @property
    def shown(self) -> Sequence[Any]:
        """What others see of the transactions, but for their charging states: a status that came while their ends were
        unknown, or were thought to be known, was taken for theirs, or not."""
        return sorted((shown(replace(one, charging_state="")) for one in self.transactions.values()), key=repr)

    def _runs(self, event: TransactionEvent) -> bool:
        transaction = self.transactions.get(_id(event))
        return transaction is not None and transaction.state is TransactionState.ACTIVE

    def _read(self, transaction_id: str, event: TransactionEvent) -> None:
        known = self.readings.setdefault(transaction_id, {})
        known |= {one.sampled_time: one for one in event.readings}
        self.registers[transaction_id] = registers_of(known.values())

    def _in_recording(self, act: Any) -> Any:
        read = {
            transaction_id: LastRead(max(known), max(known)) for transaction_id, known in self.readings.items() if known
        }
        recording = Recording([replace(one) for one in self.transactions.values()], iter(()), T0, read=read)
        result = act(recording)
        outcome = recording.outcome(self.registers)
        self.transactions |= {transaction.id: transaction for transaction in outcome.transactions}
        self.changes += [(event.transaction.ocpp_transaction_id, event.change) for event in outcome.events]
        return result


def _id(event: TransactionEvent) -> str:
    return transaction_id_of(event.charge_point_id, event.ocpp_transaction_id)


def read_16(at: float, energy_wh: int, number: str = "1", **fields: Any) -> TransactionEvent:
    """MeterValues of a transaction by OCPP 1.6."""
    sample = (reading(minutes(at), energy_wh),)
    usual = {"protocol": "ocpp1.6", "ocpp_transaction_id": number, "connector_id": 1, "is_mere_reading": True}
    return updated(minutes(at), readings=sample, **{**usual, **fields})


def report(at: float, status: str = "AVAILABLE", booted: float | None = None, **fields: Any) -> ConnectorReport:
    """What connector 1 does; after a boot at so many minutes."""
    usual = {
        "charge_point_id": "CP1",
        "evse_id": 1,
        "connector_id": 1,
        "status": status,
        "time": minutes(at),
        "received_time": minutes(at),
        "boot_time": None if booted is None else minutes(booted),
    }
    return ConnectorReport(**{**usual, **fields})


@pytest.fixture
def platform() -> EvidencePlatform:
    return EvidencePlatform()


@pytest.mark.parametrize("status", ["AVAILABLE", "PREPARING"])
def test_a_connector_that_is_free_after_a_boot_ends_its_transaction_when_it_was_last_heard_of(
    platform: EvidencePlatform, status: str
) -> None:
    platform.tell(started_16(), read_16(10, 3000), read_16(20, 4000), report(30, status, booted=29))
    transaction = platform.transaction
    assert (transaction.state, transaction.stop_time, transaction.energy_wh) == (
        TransactionState.ENDED,
        minutes(20),
        3000,
    )
    assert (set(transaction.flags), transaction.stop_reason) == ({*BOOT}, "Reboot")
    assert platform.changes[-1] == ("1", TransactionChange.ENDED)


def test_one_that_told_nothing_ends_when_that_was_noticed(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), report(30, booted=29))
    assert (platform.transaction.stop_time, platform.transaction.energy_wh) == (minutes(30), 0)


def test_a_true_end_takes_the_place_of_what_was_concluded(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), read_16(10, 3000), report(30, booted=29))
    platform.tell(ended_16("1", minutes(25), meter_wh=5500, received_time=minutes(60)))
    transaction = platform.transaction
    assert (transaction.stop_time, transaction.energy_wh, transaction.flags) == (minutes(25), 4500, ())
    assert (transaction.stop_reason, transaction.losses) == ("Local", ())


def test_later_readings_take_it_back_and_earlier_ones_move_it(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), read_16(10, 3000), report(30, booted=29))
    platform.tell(read_16(25, 3500))
    assert (platform.transaction.stop_time, platform.transaction.energy_wh) == (minutes(25), 2500)
    platform.tell(read_16(31, 4000))
    transaction = platform.transaction
    assert (transaction.state, transaction.stop_time, transaction.flags, transaction.stop_reason) == (
        TransactionState.ACTIVE,
        None,
        (),
        "",
    )
    # It goes on: nobody is told that it began.
    assert [change for _, change in platform.changes][-1] is TransactionChange.UPDATED
    platform.tell(report(50, booted=45))
    assert (platform.transaction.state, platform.transaction.stop_time) == (TransactionState.ENDED, minutes(31))


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(report(30), id="it never booted"),
        pytest.param(report(30, booted=-5), id="it booted before the transaction began"),
        pytest.param(report(30, "CHARGING", booted=29), id="it charges"),
        pytest.param(report(30, "SUSPENDED_EV", booted=29), id="it is suspended"),
        pytest.param(report(30, "FINISHING", booted=29), id="its end is to come"),
        pytest.param(report(30, "UNAVAILABLE", booted=29), id="it is out of service"),
        pytest.param(report(30, "FAULTED", booted=29), id="it is broken"),
        pytest.param(report(30, booted=29, evse_id=2, connector_id=2), id="another connector"),
        pytest.param(report(30, booted=29, evse_id=0, connector_id=0), id="the charge point as a whole"),
        pytest.param(report(30, booted=29, charge_point_id="CP2"), id="another charge point"),
        pytest.param(report(-1, booted=-2), id="it is of a time before the transaction"),
        pytest.param(report(-1, booted=29, received_time=minutes(30)), id="it waited since before the transaction"),
        pytest.param(report(15, booted=14, received_time=minutes(90)), id="something later is known"),
    ],
)
def test_these_are_no_evidence(platform: EvidencePlatform, evidence: ConnectorReport) -> None:
    platform.tell(started_16(), read_16(20, 4000), evidence)
    assert (platform.transaction.state, platform.transaction.flags) == (TransactionState.ACTIVE, ())


def test_what_was_told_before_the_start_was_is_no_evidence(platform: EvidencePlatform) -> None:
    # The boot came first, then what was kept back while it was offline.
    platform.tell(started_16(minutes(-60), received_time=minutes(5), offline=True), report(1, booted=0))
    assert platform.transaction.state is TransactionState.ACTIVE


def test_only_transactions_at_the_free_connector_end(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), started_16(connector_id=2, id_tag="B"), report(30, booted=29))
    assert sorted(one.state for one in platform.transactions.values()) == [
        TransactionState.ACTIVE,
        TransactionState.ENDED,
    ]


def test_the_next_start_does_not_move_the_end(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), read_16(10, 3000), report(30, booted=29), started_16(minutes(60), id_tag="B"))
    lost, running = platform.transactions.values()
    assert (lost.stop_time, running.state) == (minutes(10), TransactionState.ACTIVE)
    other = EvidencePlatform()
    other.tell(started_16(), read_16(10, 3000), started_16(minutes(60), id_tag="B"), report(30, booted=29))
    assert other.shown == platform.shown


def test_a_token_is_free_again(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), report(30, booted=29))
    [answer] = platform.record(started_16(minutes(31), charge_point_id="CP2"))
    assert answer.authorization is not None
    assert answer.authorization.value == "ACCEPTED"


@pytest.mark.parametrize(("cause", "stop"), [(Cause.NOT_ONGOING, 90), (Cause.SILENCE, 0)])
def test_other_causes_end_it_as_well(platform: EvidencePlatform, cause: Cause, stop: float) -> None:
    platform.tell(started())
    assert platform.lose(cause, 90)
    transaction = platform.transaction
    assert (transaction.stop_time, transaction.flags) == (
        minutes(stop),
        tuple(sorted((ESTIMATED_END, "no_register", cause))),
    )


def test_a_loss_is_recorded_as_the_edge_hands_it_over(platform: EvidencePlatform) -> None:
    platform.tell(started())
    lost = replace(started(minutes(90)), kind=EventKind.LOST, id_tag="", authorization=None, evse_id=0)
    first, again = platform.record(lost, lost)
    assert first.transaction_id == again.transaction_id == platform.transaction.id
    assert Cause.NOT_ONGOING in platform.transaction.flags
    # Of a transaction that nobody has heard of nothing is kept.
    platform.record(replace(lost, ocpp_transaction_id="T-9"))
    assert len(platform.transactions) == 1


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PREPARING", "EVConnected"),
        ("CHARGING", "Charging"),
        ("SUSPENDED_EV", "SuspendedEV"),
        ("SUSPENDED_EVSE", "SuspendedEVSE"),
        ("FINISHING", "EVConnected"),
        ("AVAILABLE", "Idle"),
        ("FAULTED", ""),
    ],
)
def test_statuses_by_ocpp_16_say_how_a_transaction_charges(platform: EvidencePlatform, status: str, state: str) -> None:
    platform.tell(started_16(), report(5, status), report(-5, "CHARGING"))
    assert platform.transaction.charging_state == state


def test_a_status_that_is_told_late_is_of_the_transaction_that_ran_then(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), ended_16("1", minutes(30)), started_16(minutes(40), id_tag="B"))
    platform.tell(report(20, "SUSPENDED_EV"), report(35, "FINISHING"), report(45, "CHARGING"))
    assert [one.charging_state for one in platform.transactions.values()] == ["SuspendedEV", "Charging"]


def test_a_status_by_ocpp_201_says_nothing_of_how_a_transaction_charges(platform: EvidencePlatform) -> None:
    platform.tell(started(), report(5, "OCCUPIED"), report(6, "CHARGING"))
    assert platform.transaction.charging_state == ""


def test_a_repeated_status_is_no_change(platform: EvidencePlatform) -> None:
    platform.tell(started_16(), report(5, "CHARGING", is_news=False))
    assert platform.transaction.charging_state == ""


Thing = TransactionEvent | ConnectorReport


@st.composite
def _lives(draw: st.DrawFn) -> list[Thing]:
    """What is told of a transaction after its start, which the charge point may have forgotten, and of the one after
    it."""
    things: list[Thing] = []
    for at in draw(st.lists(st.integers(1, 200), max_size=4, unique=True)):
        things.append(read_16(at, 1000 + 10 * at))
    for at in draw(st.lists(st.integers(2, 200), max_size=3, unique=True)):
        status = draw(st.sampled_from(["AVAILABLE", "PREPARING", "CHARGING", "SUSPENDED_EV", "FINISHING"]))
        things.append(report(at, status, booted=draw(st.sampled_from([None, at - 1]))))
    if draw(st.booleans()):
        end = draw(st.integers(1, 200))
        things.append(ended_16("1", minutes(end), meter_wh=4000))
    return things


def _received(thing: Thing) -> datetime:
    return thing.received_time


@settings(max_examples=examples(2))
@given(_lives(), st.data())
def test_a_transaction_ends_the_same_whatever_is_told_first(things: list[Thing], data: st.DataObject) -> None:
    expected, platform = EvidencePlatform(), EvidencePlatform()
    for each in (expected, platform):
        each.tell(started_16())
    expected.tell(*sorted(things, key=_received))
    for thing in data.draw(st.permutations(things)):
        platform.tell(thing)
        if data.draw(st.booleans()):
            again = data.draw(st.sampled_from(things[: things.index(thing) + 1]))
            platform.tell(reported_again(again, timedelta(0)) if isinstance(again, TransactionEvent) else again)
    assert platform.shown == expected.shown


@given(st.lists(st.tuples(st.integers(0, 90), st.sampled_from(["CHARGING", "SUSPENDED_EV", "AVAILABLE"]))), st.data())
def test_a_transaction_charges_the_same_whatever_status_comes_first(
    said: list[tuple[int, str]], data: st.DataObject
) -> None:
    reports = [report(at, status) for at, status in dict(said).items()]
    expected, platform = EvidencePlatform(), EvidencePlatform()
    for each, in_order in ((expected, reports), (platform, data.draw(st.permutations(reports)))):
        each.tell(started_16(), *in_order, *in_order[:2])
    assert platform.contents == expected.contents
