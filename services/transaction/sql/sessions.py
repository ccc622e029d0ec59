"""Sessions as rows of `transactions`, for all who read or write them."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from services.postgres.recordset import Recordset, quoted
from services.transaction.domain.fact import Authorization
from services.transaction.domain.session import Session, SessionState
from services.transaction.tables import TRANSACTIONS

_NAMES = [column.name for column in TRANSACTIONS.columns]
_SESSIONS = Recordset(TRANSACTIONS)
_values = attrgetter(*_NAMES)
# By what they are called: a tenth of what it costs to ask the enum.
_STATES = {state.value: state for state in SessionState}
_AUTHORIZATIONS: dict[str | None, Authorization | None] = {None: None} | {one.value: one for one in Authorization}

# What to select for `session_of`, from `transactions AS t`.
SESSION_COLUMNS = ", ".join(
    f"t.{quoted(name)}::text" if name in ("id", "start_key", "merged_into") else f"t.{quoted(name)}" for name in _NAMES
)
UPSERT_SESSIONS = f"""
INSERT INTO transactions ({_SESSIONS.columns}) SELECT {_SESSIONS.values} FROM {_SESSIONS.relation}
ON CONFLICT (id) DO UPDATE
SET ({_SESSIONS.columns}) = ROW ({", ".join(f"excluded.{quoted(name)}" for name in _NAMES)})
""".encode()


def session_of(row: Sequence[Any]) -> Session:
    """The session in a row of SESSION_COLUMNS, or of the columns of the table."""
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    fields["state"] = _STATES[fields["state"]]
    fields["authorization"] = _AUTHORIZATIONS[fields["authorization"]]
    fields["flags"], fields["losses"] = tuple(fields["flags"]), tuple(fields["losses"])
    return Session(**fields)


def dump_sessions(sessions: Sequence[Session]) -> str:
    """The parameter of UPSERT_SESSIONS."""
    return _SESSIONS.dump(map(_values, sessions))
