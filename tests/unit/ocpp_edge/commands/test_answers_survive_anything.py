"""Whatever a charge point answers to a command, its caller is told something valid, or how it failed."""

from contextlib import suppress
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.transaction.v1.command_pb2 import CommandBody
from ocpp_edge.commands.dialect import Dialect
from ocpp_edge.commands.made_call import response_to
from ocpp_edge.rpc.answers import answered
from ocpp_edge.rpc.calls import Result
from ocpp_edge.rpc.schemas import load
from ocpp_edge.served import SERVED
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError
from tests.contract.ocpp_edge.messages import COMMANDED
from tests.fixtures.properties import examples
from tests.unit.ocpp_edge.platform import context
from tests.unit.ocpp_edge.test_actions_survive_anything import damaged_copy


class Case(NamedTuple):
    """A call that carries a command, and an answer to it."""

    version: Version
    dialect: Dialect
    action: str
    asked: dict[str, Any]
    answer: dict[str, Any]


def _cases() -> list[Case]:
    found = []
    for version, commanded in COMMANDED.items():
        for one in commanded:
            [(kind, fields)] = one.body.items()
            dialect, body = SERVED[version].dialect[kind], getattr(CommandBody(**{kind: fields}), kind)
            with suppress(DomainError):  # what stands for a running transaction is no number of 1.6
                asked = dict(dialect.calls(body, "c1"))
                if one.action in asked:
                    found.append(Case(version, dialect, one.action, asked[one.action], one.answer))
    return found


CASES = _cases()


@st.composite
def damaged(draw: st.DrawFn) -> Case:
    """A case whose answer has some of it replaced, removed or added to."""
    case: Case = draw(st.sampled_from(CASES))
    return case._replace(answer=damaged_copy(draw, case.answer))


def _taken(case: Case) -> None:
    violations = load(case.version).responses[case.action].violations(case.answer)
    outcome = Result(case.answer, violations=violations)
    response = response_to(case.dialect, case.asked, answered(outcome, case.action, context(case.version)))
    assert response.SerializeToString() is not None


@settings(max_examples=examples(4), suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_no_answer_makes_a_command_fall_over(case: Case) -> None:
    with suppress(DomainError):
        _taken(case)


def test_undamaged_answers_are_taken() -> None:
    assert len(CASES) > 50
    for case in CASES:
        _taken(case)
