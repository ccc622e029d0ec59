"""conformance.cases: every case of the public documents is there once, and says what it asks for."""

from collections import Counter

import pytest

from conformance.cases import VERSIONS, Case, all_cases

# How many there are for a CSMS (Open Charge Alliance).
CASES = {"1.6": 77, "2.0.1": 252}


def test_every_case_is_there_once() -> None:
    assert Counter(case.version for case in all_cases()) == CASES
    assert len({(case.version, case.id) for case in all_cases()}) == sum(CASES.values())
    assert set(CASES) == set(VERSIONS)


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.id)
def test_a_case_is_one_sentence_and_written_or_waiting(case: Case) -> None:
    assert case.requirement.endswith(".")
    assert case.requirement[0].isupper()
    assert len(case.requirement) <= 260
    assert case.run is None or not case.block
