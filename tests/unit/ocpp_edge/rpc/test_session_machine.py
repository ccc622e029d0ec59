"""A session of any version under any schedule: it never answers twice, never blocks, never loses a pending call.

Never blocks: whatever waits or hangs, a frame is taken in at once, and the next call goes as soon as the wire is free.
"""

from collections import Counter

import orjson
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ocpp_edge.rpc.calls import CallState, FailureReason, LocalProtocolError, OutboundCall, Priority, QueueFull
from ocpp_edge.rpc.errors import Fault
from ocpp_edge.rpc.events import (
    AnswerRefused,
    Duplicate,
    Ignored,
    LateAnswer,
    Notice,
    Rejected,
    Resolved,
    UnknownAnswer,
)
from ocpp_edge.rpc.frames import UNREADABLE_ID
from ocpp_edge.rpc.requests import InboundRequest
from ocpp_edge.rpc.session import MAX_OPEN_REQUESTS, Session, SessionClosed
from ocpp_edge.versions import Version
from tests.fixtures.properties import examples

_ON_THE_WIRE = (CallState.SENT, CallState.ORPHANED)


class SessionMachine(RuleBasedStateMachine):
    """The charge point, the edge and the clock take turns as they like."""

    def __init__(self) -> None:
        super().__init__()
        self.version = Version.V16
        self.session = Session(Version.V16)
        self.now = 0.0
        self.serial = 0
        self.closed = False
        self.open: list[InboundRequest] = []
        self.answered: list[InboundRequest] = []
        self.received: Counter[str] = Counter()
        self.replies: Counter[str] = Counter()
        self.calls: list[OutboundCall] = []
        self.cancelled: set[str] = set()
        self.resolved: Counter[str] = Counter()

    def take(self, raw: bytes) -> object:
        event = self.session.receive(raw, self.now)
        if self.closed:
            assert event == Ignored()
        if isinstance(event, Resolved):
            self.resolved[event.call.message_id] += 1
        if isinstance(event, Rejected) and event.reply is not None:
            # One frame came, one answer goes, whatever else is open under that id.
            self.received[event.message_id] += 1
            self.replies[orjson.loads(event.reply)[1]] += 1
        return event

    def reply(self, frame: bytes | None) -> None:
        assert (frame is None) == self.closed
        if frame is not None:
            self.replies[orjson.loads(frame)[1]] += 1

    @initialize(version=st.sampled_from(Version))
    def choose_version(self, version: Version) -> None:
        self.version, self.session = version, Session(version)

    # the charge point

    @rule(message_id=st.sampled_from("abc"), variant=st.integers(0, 2))
    def request_arrives(self, message_id: str, variant: int) -> None:
        content = (message_id, {"v": variant})
        repeated = any((request.message_id, request.payload) == content for request in self.open)
        event = self.take(orjson.dumps([2, message_id, "Heartbeat", {"v": variant}]))
        if self.closed:
            return
        if repeated:
            assert event == Duplicate(message_id)
        else:
            assert isinstance(event, InboundRequest | Rejected)
            if isinstance(event, InboundRequest):
                self.open.append(event)
                self.received[message_id] += 1
            else:
                assert len(self.open) == MAX_OPEN_REQUESTS

    @rule()
    def too_many_requests_arrive(self) -> None:
        """A charge point that does not wait for answers is refused, request by request, and nothing else suffers."""
        for number in range(MAX_OPEN_REQUESTS + 1):
            event = self.take(orjson.dumps([2, f"flood-{self.serial}-{number}", "Heartbeat", {}]))
            if self.closed:
                return
            if isinstance(event, InboundRequest):
                self.open.append(event)
                self.received[event.message_id] += 1
            else:
                assert isinstance(event, Rejected)
                assert event.reply is not None
                assert len(self.open) >= MAX_OPEN_REQUESTS
        assert len(self.open) <= MAX_OPEN_REQUESTS
        self.serial += 1

    @rule()
    def the_call_in_flight_was_unreadable(self) -> None:
        """A CALLERROR that cannot name what it answers: it can only be the one on the wire."""
        on_the_wire = [call for call in self.calls if call.state in _ON_THE_WIRE]
        event = self.take(orjson.dumps([4, UNREADABLE_ID, "X", "", {}]))
        if not self.closed:
            assert isinstance(event, Resolved | LateAnswer if on_the_wire else UnknownAnswer)
            assert not any(call.state in _ON_THE_WIRE for call in on_the_wire)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), broken=st.sampled_from(['[3,"%s"]', '[3,"%s",7]', '[4,"%s"]', '[3,"%s",{}']))
    def broken_answer_arrives(self, data: st.DataObject, broken: str) -> None:
        """An answer of which only the id can be read ends its call, or harms none."""
        call = data.draw(st.sampled_from(self.calls))
        others = [(other, other.state) for other in self.calls if other is not call]
        self.take((broken % call.message_id).encode())
        assert [(other, other.state) for other, _ in others] == others
        assert self.closed or call.state not in _ON_THE_WIRE or call.state is CallState.ORPHANED

    @rule(message_id=st.sampled_from("abc"), kind=st.sampled_from([5, 6]), data=st.data())
    def what_wants_no_answer_arrives(self, message_id: str, kind: int, data: st.DataObject) -> None:
        """A SEND or a CALLRESULTERROR, whole or broken, gets no answer and harms none that is open (OCPP 2.1)."""
        whole = [kind, message_id, "NotifyPeriodicEventStream", {}] if kind == 6 else [kind, message_id, "X", "", {}]
        length = data.draw(st.integers(2, len(whole)))
        waiting = [(call, call.state) for call in self.calls]
        event = self.take(orjson.dumps(whole[:length]))
        assert [(call, call.state) for call, _ in waiting] == waiting
        if self.version is Version.V21 and not self.closed:
            if length == len(whole):
                assert isinstance(event, Notice if kind == 6 else AnswerRefused)
            else:
                assert isinstance(event, Rejected | AnswerRefused)
                assert not isinstance(event, Rejected) or event.reply is None

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def object_to_an_answer(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        before = call.state
        frame = self.session.object_to(call, Fault.GENERIC, "")
        assert (frame is not None) == (self.version is Version.V21)
        assert call.state is before

    @rule(raw=st.binary(max_size=12))
    def garbage_arrives(self, raw: bytes) -> None:
        event = self.take(raw)
        assert self.closed or isinstance(event, Rejected)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), error=st.booleans())
    def answer_arrives(self, data: st.DataObject, error: bool) -> None:
        call = data.draw(st.sampled_from(self.calls))
        before = call.state
        event = self.take(orjson.dumps([4, call.message_id, "X", "", {}] if error else [3, call.message_id, {}]))
        if self.closed:
            return
        if before is CallState.SENT:
            assert isinstance(event, Resolved)
        elif before in (CallState.ORPHANED, CallState.ABANDONED):
            # Only so many are remembered; a forgotten one is unknown, never an error.
            assert isinstance(event, LateAnswer | UnknownAnswer)
        else:
            assert event == UnknownAnswer(call.message_id)

    # the edge

    @precondition(lambda self: self.open)
    @rule(data=st.data(), refuse=st.booleans())
    def answer_a_request(self, data: st.DataObject, refuse: bool) -> None:
        request = data.draw(st.sampled_from(self.open))
        self.open.remove(request)
        if refuse:
            self.reply(self.session.refuse(request, Fault.GENERIC, ""))
        else:
            self.reply(self.session.answer(request, {}))
        if not self.closed:
            self.answered.append(request)

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def answer_again(self, data: st.DataObject) -> None:
        request = data.draw(st.sampled_from(self.answered))
        try:
            self.session.answer(request, {})
        except LocalProtocolError:
            return
        raise AssertionError("answered twice")

    @rule(priority=st.sampled_from(Priority), patience=st.floats(0, 30))
    def call(self, priority: Priority, patience: float) -> None:
        self.serial += 1
        try:
            call = self.session.call(
                f"call-{self.serial}",
                "Reset",
                {},
                response_timeout=10,
                expires_at=self.now + patience,
                priority=priority,
            )
        except SessionClosed:
            assert self.closed
        except QueueFull:
            assert sum(call.state is CallState.QUEUED for call in self.calls) > 60
        else:
            self.calls.append(call)

    @rule()
    def send_next(self) -> None:
        waiting = [call for call in self.calls if call.state is CallState.QUEUED]
        busy = any(call.state in _ON_THE_WIRE for call in self.calls)
        following = self.session.next_call(self.now)
        assert (following is not None) == (bool(waiting) and not busy)
        if following is not None:
            assert following.priority == min(call.priority for call in waiting)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        call = data.draw(st.sampled_from(self.calls))
        self.session.cancel(call)
        if not self.resolved[call.message_id]:
            self.cancelled.add(call.message_id)

    @rule(seconds=st.floats(0, 12))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        for resolved in self.session.expire(self.now):
            self.resolved[resolved.call.message_id] += 1

    @precondition(lambda self: self.serial > 3)
    @rule(reason=st.sampled_from(FailureReason))
    def close(self, reason: FailureReason) -> None:
        for resolved in self.session.close(reason):
            self.resolved[resolved.call.message_id] += 1
        self.closed = True

    @invariant()
    def one_call_at_most_is_on_the_wire(self) -> None:
        assert sum(call.state in _ON_THE_WIRE for call in self.calls) <= 1

    @invariant()
    def nothing_is_answered_more_often_than_asked(self) -> None:
        assert not self.replies - self.received

    @invariant()
    def no_caller_hears_twice(self) -> None:
        assert all(count == 1 for count in self.resolved.values())

    @invariant()
    def pending_means_watched(self) -> None:
        pending = any(call.state in (CallState.QUEUED, *_ON_THE_WIRE) for call in self.calls)
        assert self.session.has_calls == pending

    def teardown(self) -> None:
        """However it ended, time alone brings every call to its caller."""
        for _ in range(len(self.calls) + 1):
            self.session.next_call(self.now)
            self.time_passes(31)
        for call in self.calls:
            heard = self.resolved[call.message_id]
            assert heard == 1 or call.message_id in self.cancelled


SessionMachine.TestCase.settings = settings(max_examples=examples(0.4), stateful_step_count=40)
TestSessionUnderAnySchedule = SessionMachine.TestCase
