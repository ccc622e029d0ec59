"""Secrets that were stored with commands and frames are masked, as those are that come from now on."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from services.kernel.redaction import MASK, redacted, secrets_in, without

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_AT_ONCE = 500
# What a frame with a secret holds; each is then looked into.
_SUSPECTS = "password|passwd|passphrase|pwd|psk|secret|credential|key|pin|token|://[^/]*:[^/]*@"
# They have no room for settings.
_USUAL = ("Authorize", "Heartbeat", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction")
_NOT_KEPT = "SECRET_NOT_KEPT: commands with a secret do not wait any more; send it again"

_commands = sa.table(
    "commands",
    *(sa.column("id", sa.Uuid), sa.column("body", JSONB), sa.column("answer", JSONB(none_as_null=True))),
    *(sa.column("error", sa.Text), sa.column("state", sa.Text), sa.column("delivery_time", sa.DateTime(timezone=True))),
)
_frames = sa.table(
    "ocpp_messages",
    *(sa.column("charge_point_id", sa.Text), sa.column("time", sa.DateTime(timezone=True)), sa.column("id", sa.Uuid)),
    *(sa.column("action", sa.Text), sa.column("frame", sa.Text), sa.column("answer_frame", sa.Text)),
)


def upgrade() -> None:
    _mask_commands()
    _mask_frames()


def _mask_commands() -> None:
    columns = _commands.c
    for row in _rows(sa.select(columns.id, columns.body, columns.answer, columns.error, columns.state)):
        secrets = secrets_in(row.body)
        kept: dict[str, Any] = {
            "body": redacted(row.body),
            "answer": without(redacted(row.answer), secrets),
            "error": without(row.error, secrets),
        }
        if kept["body"] != row.body and row.state == "QUEUED":
            kept |= {"state": "FAILED", "error": _NOT_KEPT, "delivery_time": None}
        if any(kept[name] != getattr(row, name) for name in ("body", "answer", "error")):
            op.execute(_commands.update().where(columns.id == row.id).values(kept))


def _mask_frames() -> None:
    columns = _frames.c
    holds = columns.frame.regexp_match(_SUSPECTS, "i") | columns.answer_frame.regexp_match(_SUSPECTS, "i")
    for row in _rows(sa.select(_frames).where(columns.action.not_in(_USUAL), holds)):
        frame, secrets = _masked(row.frame)
        answer = None if row.answer_frame is None else without(_masked(row.answer_frame)[0], secrets)
        if (frame, answer) != (row.frame, row.answer_frame):
            its_own = (columns.charge_point_id == row.charge_point_id, columns.time == row.time, columns.id == row.id)
            op.execute(_frames.update().where(*its_own).values(frame=frame, answer_frame=answer))


def _masked(text: str) -> tuple[str, frozenset[str]]:
    """A frame without secrets, and these."""
    try:
        told = json.loads(text)
        kept = redacted(told)
    except (ValueError, RecursionError):  # cut, or no JSON: it may hold one
        is_suspect = any(word in text.lower() for word in ("password", "authorizationkey"))
        return MASK if is_suspect else text, frozenset()
    if kept == told:
        return text, frozenset()
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")), secrets_in(told)


def _rows(query: sa.Select[Any]) -> Iterator[sa.Row[Any]]:
    yield from op.get_bind().execute(query, execution_options={"stream_results": True, "yield_per": _AT_ONCE})
