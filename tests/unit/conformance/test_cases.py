"""conformance.cases: every case of the public documents is there once, and says what it asks for."""

from collections import Counter

from conformance.cases import VERSIONS, all_cases

# How many there are for a CSMS (Open Charge Alliance).
CASES = {"1.6": 77, "2.0.1": 252, "2.1": 252 + 72}


def test_every_case_is_there_once() -> None:
    assert Counter(case.version for case in all_cases()) == CASES
    assert len({(case.version, case.id) for case in all_cases()}) == sum(CASES.values())
    assert set(CASES) == set(VERSIONS)


def test_a_case_is_one_sentence_and_written_or_waiting() -> None:
    for case in all_cases():
        said = case.requirement
        assert said[:1].isupper(), case
        assert said.endswith("."), case
        assert len(said) <= 260, case
        # One that waits for what is there by now is to be written, see conformance/README.md.
        assert (case.run is None) == bool(case.block), case
