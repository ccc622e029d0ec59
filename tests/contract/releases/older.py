"""Which older build this one has to get on with: the newest release (see "Releases" in CONTRIBUTING.md).

From 0.2.0 on each schema accepts the code of the release before it. 0.1.0 did not promise that: tables, columns,
subjects and fields of contracts were renamed after it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from stack import releases
from stack.releases import Release


@dataclass(frozen=True)
class Older:
    """An older build: a name for people and its full commit."""

    name: str
    commit: str


def chosen(known: Sequence[Release] | None = None) -> Older:
    """The build, by the `known` releases or those of RELEASES. Raises StackError when its commit is not to be had."""
    newest = (known if known is not None else releases.load())[-1]
    return Older(f"release {newest.version}", releases.commit_of(newest.commit))
