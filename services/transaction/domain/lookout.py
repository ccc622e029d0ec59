"""What is to be looked at again because ends or readings that named no transaction may belong elsewhere. Shapes
only."""

from datetime import UTC, datetime
from typing import NamedTuple

from services.transaction.domain.matching import Span


class Suspect(NamedTuple):
    """A charge point at which transactions of a time changed beside ends that named none: how many, and the last one
    when. Two that are equal are about the same changes."""

    charge_point_id: str
    span: Span
    changes: int
    change_time: datetime


class Late(NamedTuple):
    """A transaction that was told of after it began, or of which nothing but readings was told, and its time: readings
    of one may be kept as if they were of none, or of another one. Or such another one."""

    charge_point_id: str
    transaction_id: str
    span: Span


class Contest(NamedTuple):
    """Ends that named no transaction, where others beside the one that holds them may be meant: when they happened, how
    many others there are, and when the holder and the others changed last. Of two that are equal the same comes."""

    charge_point_id: str
    transaction_id: str
    span: Span
    others: int
    change_time: datetime


class Bookmark(NamedTuple):
    """How far somebody has come who goes through transactions by charge points and times."""

    charge_point_id: str
    begin_time: datetime
    transaction_id: str


BEGINNING = Bookmark("", datetime.min.replace(tzinfo=UTC), "00000000-0000-0000-0000-000000000000")
