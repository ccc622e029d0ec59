"""Inputs from the field that once failed: which tests prove each, and the page that says so.

`python -m tests.field_cases` runs them and writes docs/field-cases.md. A test is marked by the rows of
docs/field-cases.toml that it proves: `@pytest.mark.field_case("A2")`, or `pytestmark` for a whole module.
"""

import ast
import sys
import tempfile
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
CASES = ROOT / "docs" / "field-cases.toml"
PAGE = ROOT / "docs" / "field-cases.md"
_MARK = "field_case"
_HEAD = """# Inputs from the field

What real charge points, operators and tools sent that once failed, and the rule that holds now. Each row stands for a
kind. Made by `make field-cases` from `field-cases.toml` and the tests that are marked with the row.

| row | input | rule | flag or reason shown | tests |
|---|---|---|---|---|
"""


class Case(NamedTuple):
    """A row: an input, the rule that holds now (empty while it is open), and the flags that it raises."""

    input: str
    rule: str
    flags: list[str]
    status: str


def cases() -> dict[str, Case]:
    """All rows, in order."""
    return {name: Case(**row) for name, row in tomllib.loads(CASES.read_text()).items()}


@cache
def proofs_by_case(folder: Path = ROOT / "tests") -> dict[str, list[str]]:
    """The tests that are marked for each row, as `tests/.../test_x.py::test_name`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(folder.rglob("test_*.py")):
        tree = ast.parse(file.read_text())
        everywhere = [
            name
            for node in tree.body
            if isinstance(node, ast.Assign) and any(getattr(one, "id", "") == "pytestmark" for one in node.targets)
            for name in _marked(node.value)
        ]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                marks = dict.fromkeys([*everywhere, *(name for one in node.decorator_list for name in _marked(one))])
                for name in marks:
                    found[name].append(f"{file.relative_to(ROOT)}::{node.name}")
    return found


def page(results: Mapping[str, str]) -> str:
    """The page; `results` says of each test how it ended."""
    proofs = proofs_by_case()
    rows = []
    for name, case in cases().items():
        tests = "<br>".join(f"`{test}` {results.get(test, 'not run')}" for test in proofs.get(name, ()))
        flags = ", ".join(f"`{flag}`" for flag in case.flags)
        rows.append(f"| {name} | {case.input} | {case.rule or 'open'} | {flags} | {tests} |\n")
    return _HEAD + "".join(rows)


def _marked(node: ast.AST) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == _MARK:
            yield from (str(one.value) for one in call.args if isinstance(one, ast.Constant))


def _run() -> tuple[int, dict[str, str]]:
    """Run the marked tests; exit code, and how often each passed or failed."""
    files = sorted({test.partition("::")[0] for tests in proofs_by_case().values() for test in tests})
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        code = pytest.main(["-q", "-m", _MARK, f"--junitxml={report}", "-o", "junit_family=xunit1", *files])
        ended: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for test in ElementTree.parse(report).iter("testcase"):
            outcome = next((child.tag for child in test if child.tag in ("failure", "error", "skipped")), "passed")
            name = test.get("name", "").partition("[")[0]
            ended[f"{test.get('file')}::{name}"][outcome] += 1
    reported = {name: ", ".join(f"{count} {word}" for word, count in many.items()) for name, many in ended.items()}
    return int(code), reported


def main() -> int:
    """Run and write; exit code 1 when one failed."""
    code, results = _run()
    PAGE.write_text(page(results))
    return 1 if code else 0


if __name__ == "__main__":
    sys.exit(main())
