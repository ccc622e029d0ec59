"""The table of the sessions that run, kept in step with what sessions become."""

from collections.abc import Iterator, Sequence

from services.postgres.recordset import array, text_array
from services.postgres.roundtrip import Statement
from services.transaction.domain.session import Session, SessionState

_RUNS = b"""
INSERT INTO running_sessions AS known (charge_point_id, id, id_tag, group_id)
SELECT * FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::text[])
ON CONFLICT ON CONSTRAINT running_sessions_pkey DO UPDATE SET id_tag = excluded.id_tag, group_id = excluded.group_id
WHERE (known.id_tag, known.group_id) <> (excluded.id_tag, excluded.group_id)
"""
_RUNS_NO_MORE = b"""
DELETE FROM running_sessions AS known USING unnest(%s::text[], %s::uuid[]) AS other (charge_point_id, id)
WHERE known.charge_point_id = other.charge_point_id AND known.id = other.id
"""


def noting_running(sessions: Sequence[Session]) -> Iterator[Statement]:
    """The statements that put those of `sessions` that run into the table and take the others out, with their
    parameters. Enough of them are those that others are told of: neither state nor token changes without."""
    runs = [session for session in sessions if session.state is SessionState.ACTIVE]
    if runs:
        tags, groups = (text_array(getattr(session, name) for session in runs) for name in ("id_tag", "group_id"))
        yield _RUNS, (*_keys(runs), tags, groups)
    if len(runs) < len(sessions):
        yield _RUNS_NO_MORE, _keys([session for session in sessions if session.state is not SessionState.ACTIVE])


def _keys(sessions: Sequence[Session]) -> tuple[str, str]:
    return text_array(session.charge_point_id for session in sessions), array(session.id for session in sessions)
