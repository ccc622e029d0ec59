"""New passwords that wait for their first use, as the table of charge points holds them."""

from collections.abc import Iterable

from services.station.domain.password import Candidate


def candidate_texts(candidates: Iterable[Candidate]) -> list[str]:
    """What is stored."""
    return [f"{candidate.source}:{candidate.hash.hex()}" for candidate in candidates]


def candidates_of(texts: Iterable[str]) -> tuple[Candidate, ...]:
    """What was stored."""
    parts = (text.rpartition(":") for text in texts)
    return tuple(Candidate(source, bytes.fromhex(digits)) for source, _, digits in parts)
