"""Says in the summary of a run which older build was taken, and why not another."""

import pytest

from stack.errors import StackError
from tests.contract.releases import older


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = [one for outcome in ("passed", "failed", "error") for one in terminalreporter.stats.get(outcome, ())]
    if any("releases/test_side_by_side" in one.nodeid for one in ran):
        terminalreporter.section("releases side by side")
        try:
            terminalreporter.write_line(older.chosen().name)
        except StackError as error:
            terminalreporter.write_line(str(error))
