"""What the driver service tells the others."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenChanged:
    """A token, or what it may do, changed: decisions about it that were kept are void."""

    id_tag: str
    token_type: str
    card_id: str
