"""The rules of the wire, one by one."""

from typing import Any

import orjson
import pytest

from ocpp_edge.rpc.calls import (
    CALL_TRANSITIONS,
    MAX_QUEUED_CALLS,
    CallInput,
    CallState,
    Failed,
    FailureReason,
    LocalProtocolError,
    OutboundCall,
    Priority,
    QueueFull,
    Refused,
    Result,
)
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
from ocpp_edge.rpc.requests import InboundRequest, RequestState
from ocpp_edge.rpc.session import MAX_OPEN_REQUESTS, Session, SessionClosed
from ocpp_edge.versions import Version


@pytest.fixture
def session() -> Session:
    return Session(Version.V16)


def receive(session: Session, *message: object, now: float = 0.0) -> Any:
    return session.receive(orjson.dumps(message), now)


def request(session: Session, message_id: str = "1", **payload: object) -> InboundRequest:
    event = receive(session, 2, message_id, "Heartbeat", payload)
    assert isinstance(event, InboundRequest)
    return event


def call(
    session: Session, message_id: str, priority: Priority = Priority.NORMAL, expires_at: float = 99
) -> OutboundCall:
    return session.call(message_id, "Reset", {}, response_timeout=10, expires_at=expires_at, priority=priority)


def test_a_request_is_answered_under_its_id(session: Session) -> None:
    assert session.answer(request(session, "a"), {"x": 1}) == b'[3,"a",{"x":1}]'
    assert session.refuse(request(session, "b"), Fault.FORMAT, "no") == b'[4,"b","FormationViolation","no",{}]'


def test_no_request_is_answered_twice(session: Session) -> None:
    first = request(session)
    session.answer(first, {})
    with pytest.raises(LocalProtocolError):
        session.answer(first, {})
    with pytest.raises(LocalProtocolError):
        session.refuse(first, Fault.INTERNAL, "")


def test_a_payload_that_is_not_json_leaves_the_request_open(session: Session) -> None:
    first = request(session)
    with pytest.raises(TypeError):
        session.answer(first, {"x": object()})
    assert session.refuse(first, Fault.INTERNAL, "") is not None


def test_a_repeated_request_is_handled_once_until_it_is_answered(session: Session) -> None:
    first = request(session)
    assert receive(session, 2, "1", "Heartbeat", {}) == Duplicate("1")
    session.answer(first, {})
    assert isinstance(receive(session, 2, "1", "Heartbeat", {}), InboundRequest)


def test_an_id_used_again_for_other_content_is_another_request(session: Session) -> None:
    first, second = request(session), request(session, vendor="x")
    assert session.answer(first, {}) == session.answer(second, {})


def test_many_requests_may_be_open_but_not_any_number(session: Session) -> None:
    for number in range(MAX_OPEN_REQUESTS):
        request(session, str(number))
    event = receive(session, 2, "x", "Heartbeat", {})
    assert isinstance(event, Rejected)
    assert event.reply == b'[4,"x","InternalError","too many requests at a time",{}]'


def test_a_malformed_frame_gets_the_error_of_its_version() -> None:
    for version, code in ((Version.V16, "FormationViolation"), (Version.V201, "RpcFrameworkError")):
        event = Session(version).receive(b"garbage", 0)
        assert isinstance(event, Rejected)
        assert event.reply is not None
        assert orjson.loads(event.reply)[:3] == [4, "-1", code]


def test_a_send_is_a_notice_in_2_1() -> None:
    event = receive(Session(Version.V21), 6, "1", "NotifyPeriodicEventStream", {})
    assert event == Notice("1", "NotifyPeriodicEventStream", {})


def test_one_call_at_a_time_is_on_the_wire(session: Session) -> None:
    first, second = call(session, "a"), call(session, "b")
    assert session.next_call(0) is first
    assert session.next_call(0) is None
    assert receive(session, 3, "a", {}) == Resolved(first, Result({}))
    assert session.next_call(0) is second


def test_urgent_calls_overtake_and_equals_keep_their_order(session: Session) -> None:
    order = [("c", Priority.BACKGROUND), ("n1", Priority.NORMAL), ("u", Priority.URGENT), ("n2", Priority.NORMAL)]
    for message_id, priority in order:
        call(session, message_id, priority)
    sent = []
    while (following := session.next_call(0)) is not None:
        sent.append(following.message_id)
        receive(session, 3, following.message_id, {})
    assert sent == ["u", "n1", "n2", "c"]


def test_the_queue_of_calls_is_bounded(session: Session) -> None:
    for number in range(MAX_QUEUED_CALLS):
        call(session, str(number))
    with pytest.raises(QueueFull):
        call(session, "x")


def test_a_call_error_ends_its_call(session: Session) -> None:
    first = call(session, "a")
    session.next_call(0)
    event = receive(session, 4, "a", "NotImplemented", "", {"request": {}})
    assert event == Resolved(first, Refused("NotImplemented", "", {"request": {}}))


def test_an_error_without_a_readable_id_belongs_to_the_call_on_the_wire(session: Session) -> None:
    first = call(session, "a")
    session.next_call(0)
    assert receive(session, 4, "-1", "RpcFrameworkError", "", {}) == Resolved(
        first, Refused("RpcFrameworkError", "", {})
    )


def test_an_unreadable_answer_ends_its_call(session: Session) -> None:
    first = call(session, "a")
    session.next_call(0)
    assert session.receive(b'[3,"a",{"sta', 0) == Resolved(first, Failed(FailureReason.UNREADABLE))


def test_a_call_that_is_not_answered_gives_way_and_its_answer_is_late(session: Session) -> None:
    first, second = call(session, "a"), call(session, "b")
    session.next_call(0)
    assert session.expire(9.9) == []
    assert session.expire(10) == [Resolved(first, Failed(FailureReason.TIMED_OUT))]
    assert session.next_call(10) is second
    assert receive(session, 3, "a", {}) == LateAnswer(first, Result({}))
    assert receive(session, 3, "a", {}) == UnknownAnswer("a")
    assert receive(session, 3, "b", {}) == Resolved(second, Result({}))


def test_an_answer_to_nothing_is_only_reported(session: Session) -> None:
    assert receive(session, 3, "x", {}) == UnknownAnswer("x")
    assert receive(session, 4, "-1", "GenericError", "", {}) == UnknownAnswer("-1")


def test_a_call_that_waits_too_long_is_not_sent_any_more(session: Session) -> None:
    call(session, "a")
    session.next_call(0)
    second = call(session, "b", expires_at=5)
    assert session.expire(5) == [Resolved(second, Failed(FailureReason.EXPIRED))]
    receive(session, 3, "a", {})
    assert session.next_call(5) is None


def test_a_cancelled_call_is_not_sent(session: Session) -> None:
    first = call(session, "a")
    session.cancel(first)
    assert session.next_call(0) is None
    assert not session.has_calls


def test_a_call_cancelled_on_the_wire_keeps_its_place_until_the_charge_point_answers(session: Session) -> None:
    first, second = call(session, "a"), call(session, "b")
    session.next_call(0)
    session.cancel(first)
    assert session.next_call(0) is None
    assert receive(session, 3, "a", {}) == LateAnswer(first, Result({}))
    assert session.next_call(0) is second


def test_a_call_cancelled_on_the_wire_times_out_in_silence(session: Session) -> None:
    first = call(session, "a")
    session.next_call(0)
    session.cancel(first)
    assert session.expire(10) == []
    assert not session.has_calls


def test_the_end_fails_every_call_and_silences_every_answer(session: Session) -> None:
    open_request = request(session)
    first, second = call(session, "a"), call(session, "b")
    session.next_call(0)
    assert session.close(FailureReason.SUPERSEDED) == [
        Resolved(first, Failed(FailureReason.SUPERSEDED)),
        Resolved(second, Failed(FailureReason.SUPERSEDED)),
    ]
    assert session.close(FailureReason.CONNECTION_LOST) == []
    assert open_request.state is RequestState.DROPPED
    assert session.answer(open_request, {}) is None
    assert receive(session, 2, "9", "Heartbeat", {}) == Ignored()
    with pytest.raises(SessionClosed):
        call(session, "c")


def test_the_charge_point_may_refuse_our_answer_in_2_1() -> None:
    event = receive(Session(Version.V21), 5, "1", "FormatViolation", "bad", {})
    assert event == AnswerRefused("1", "FormatViolation", "bad")


def test_we_object_to_answers_only_where_the_version_knows_how() -> None:
    for version, expected in ((Version.V201, None), (Version.V21, b'[5,"a","FormatViolation","bad",{}]')):
        session = Session(version)
        assert session.object_to(call(session, "a"), Fault.FORMAT, "bad") == expected


@pytest.mark.parametrize("state", list(CallState))
@pytest.mark.parametrize("what", list(CallInput))
def test_a_call_moves_along_its_table_only(state: CallState, what: CallInput) -> None:
    subject = OutboundCall("a", "Reset", b"", response_timeout=1, expires_at=1, priority=Priority.NORMAL, tag=None)
    subject.state = state
    following = CALL_TRANSITIONS.get((state, what))
    if following is None:
        with pytest.raises(LocalProtocolError):
            subject.advance(what)
        assert subject.state is state
    else:
        assert subject.advance(what) is following
