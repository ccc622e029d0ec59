"""The page of inputs from the field says what the tests say."""

import re

from tests.field_cases import PAGE, cases, proofs_by_case


def test_every_mark_names_a_row() -> None:
    assert set(proofs_by_case()) <= set(cases())


def test_every_mended_row_says_its_rule_and_has_a_test() -> None:
    proofs = proofs_by_case()
    for name, case in cases().items():
        assert case.status in ("open", "mended"), name
        assert (case.status == "mended") == bool(case.rule), name
        assert case.status == "open" or proofs.get(name), name


def test_the_page_names_no_test_that_is_gone() -> None:
    known = {test for tests in proofs_by_case().values() for test in tests}
    assert set(re.findall(r"`(tests/[^`]+::[^`]+)`", PAGE.read_text())) <= known
