"""The local authorization list: who may charge while the central system cannot be asked (OCPP 1.6, 5.15; 2.0.1, D)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

FULL = "Full"


@dataclass(frozen=True)
class Entry:
    """What the list says about a token: its status, until when, and its group."""

    status: str
    expires: datetime | None = None
    group: str | None = None

    def status_at(self, moment: datetime) -> str:
        """Its status at a moment."""
        return "Expired" if self.expires is not None and moment >= self.expires else self.status


class LocalList:
    """The list of one station. Tokens compare without regard to case. `version` is 0 while it is empty."""

    def __init__(self, most_entries: int, most_at_once: int) -> None:
        self.most_entries = most_entries
        self.most_at_once = most_at_once
        self._version = 0
        self._entries: dict[str, Entry] = {}

    @property
    def version(self) -> int:
        """What GetLocalListVersion is answered."""
        return self._version if self._entries else 0

    def __len__(self) -> int:
        return len(self._entries)

    def update(self, version: int, kind: str, entries: Sequence[tuple[str, Entry | None]]) -> str:
        """Take a new list, or changes to the one that is there, where no entry means that the token goes. Returns the
        status of the answer; what is not accepted changes nothing."""
        tokens = [token.upper() for token, _ in entries]
        if len(set(tokens)) < len(tokens) or len(tokens) > self.most_at_once:
            return "Failed"
        changes = dict(zip(tokens, (entry for _, entry in entries), strict=True))
        merged: dict[str, Entry] | None
        if kind == FULL:
            # Nothing can be taken away from a list that begins anew.
            merged = {} if None not in changes.values() else None
        elif version <= self._version:
            return "VersionMismatch"
        else:
            merged = dict(self._entries)
        if merged is None or (version <= 0 and changes):
            return "Failed"
        return self._replace(version, _changed(merged, changes))

    def status(self, token: str, moment: datetime) -> str | None:
        """What it says about a token at a moment; None when it is not in it."""
        entry = self._entries.get(token.upper())
        return None if entry is None else entry.status_at(moment)

    def _replace(self, version: int, entries: dict[str, Entry]) -> str:
        if len(entries) > self.most_entries:
            return "Failed"
        self._version, self._entries = version, entries
        return "Accepted"


def _changed(entries: Mapping[str, Entry], changes: Mapping[str, Entry | None]) -> dict[str, Entry]:
    kept = {token: entry for token, entry in entries.items() if token not in changes}
    return kept | {token: entry for token, entry in changes.items() if entry is not None}
