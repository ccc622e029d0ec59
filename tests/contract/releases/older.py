"""Which older build this one has to get on with: the newest release, once one has promised that.

From 0.2.0 on each schema accepts the code of the release before it. Until 0.2.0 stands in RELEASES a commit in between
takes its place, so that older code does run on a newer schema, and beside newer code. Whoever breaks with that commit
on purpose names a later one here and says why; with a release nobody may (see "Releases" in CONTRIBUTING.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stack import releases
from stack.releases import Release

FIRST_PROMISED = (0, 2, 0)
WHY_NOT_0_1_0 = (
    "0.1.0 cannot run on the newest schema: tables, columns, subjects and fields of contracts were renamed after it"
)
# The oldest commit that passes. What stopped those before it, the latest first:
# - 8f28db1: people sign in at csms.identity.v1, where this build's Envoy asks; older driver services have none.
# - 88ab52e: tokens and places of facts are messages; nobody reads the fields any more in which older edges tell them.
# - 5db5b2f: events of bills tell money in another message; older driver services count no costs.
# - monitoring 0009: alerts are unique by tenant, too; older services raise them ON CONFLICT (kind, subject).
# - billing 0007: counts of documents are by tenant, too; older services count them ON CONFLICT (year).
# - transaction 0020: running_sessions and meter_values.names_no_session have other names.
INSTEAD = "8f28db1aaa5708bf0024e8833dfb58abed11aea7"


@dataclass(frozen=True)
class Older:
    """An older build: a name for people and its full commit."""

    name: str
    commit: str

    def reported(self) -> str:
        """What was chosen, and why not the release."""
        return f"{WHY_NOT_0_1_0}; {self.name} stands in for it" if self.commit == INSTEAD else self.name


def chosen(known: Sequence[Release] | None = None) -> Older:
    """The build, by the `known` releases or those of RELEASES. Raises StackError when its commit is not to be had."""
    newest = (known if known is not None else releases.load())[-1]
    if tuple(map(int, newest.version.split("."))) >= FIRST_PROMISED:
        return Older(f"release {newest.version}", releases.commit_of(newest.commit))
    return Older(f"commit {INSTEAD[:7]}", releases.commit_of(INSTEAD))
