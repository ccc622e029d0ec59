"""The page of conformance: the cases as they are, with what became of each in the last whole run.

`python -m conformance.page` prints docs/conformance.md; `make conformance` runs the cases and keeps the results.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance import report
from conformance.cases import all_cases
from conformance.verdicts import Outcome, Verdict

RESULTS = Path(__file__).parent.parent / "docs" / "conformance.json"
# A line for each, so that a difference can be read.
_LINES = ",\n"
_INTRODUCTION = """\
# Conformance

Made by `make conformance`, which runs the public test cases for a CSMS against a system of its own (see
[conformance/README.md](../conformance/README.md)), and by `make docs` from the results that it keeps.

The requirement is told in one sentence of ours. OCPP 2.1 has the cases of 2.0.1 and 72 of its own. *To come* are
cases that need what is not there yet, mostly messages, by the block of [ocpp-to-come.toml](ocpp-to-come.toml).

"""


def results(outcomes: Sequence[Outcome]) -> str:
    """What is kept of a run: verdict and reason by version and id."""
    kept: dict[str, list[str]] = {}
    for outcome in outcomes:
        told = json.dumps([outcome.verdict, outcome.reason], ensure_ascii=False)
        kept.setdefault(outcome.version, []).append(f"{json.dumps(outcome.id)}: {told}")
    versions = [f"{json.dumps(version)}: {{\n{_LINES.join(lines)}\n}}" for version, lines in kept.items()]
    return f"{{\n{_LINES.join(versions)}\n}}\n"


def page(kept: str) -> str:
    """The page. Raises KeyError for a case without a result: `make conformance` was not run since it is there."""
    found = json.loads(kept)
    outcomes = []
    for case in all_cases():
        verdict, reason = found[case.version][case.id]
        outcomes.append(Outcome(case.id, case.version, case.requirement, Verdict(verdict), reason))
    return f"{_INTRODUCTION}{report.counts(outcomes)}\n{report.table(outcomes)}"


def main() -> int:
    """Command line: prints the page."""
    print(page(RESULTS.read_text(encoding="utf-8")), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
