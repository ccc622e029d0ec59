"""conformance.page: docs/conformance.md shows the cases as they are, each with what became of it."""

import json

from conformance.cases import all_cases
from conformance.page import RESULTS, page


def test_every_case_has_a_result_and_no_other_is_told() -> None:
    kept = json.loads(RESULTS.read_text())
    shown = {(version, name) for version, results in kept.items() for name in results}
    assert shown == {(case.version, case.id) for case in all_cases()}, "run `make conformance`"


def test_the_page_is_what_the_results_say() -> None:
    assert RESULTS.with_suffix(".md").read_text() == page(RESULTS.read_text()), "run `make docs`"
