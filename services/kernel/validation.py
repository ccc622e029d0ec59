"""Collects what is wrong with a thing, so that a caller hears of every bad field at once.

Knows the bounds of values, not what the values mean.
"""

from collections.abc import Callable

from services.kernel.errors import DomainError, ErrorKind, FieldViolation, invalid

_LONGEST_SEARCH = 200


class Violations:
    """The violations found so far. `prefix` is the path of the checked thing in the request, for example `driver`."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = f"{prefix}." if prefix else ""
        self._found: list[FieldViolation] = []

    def add(self, field: str, description: str) -> None:
        """Note a violation of `field`, a path below the prefix."""
        self._found.append(FieldViolation(f"{self._prefix}{field}", description))

    def check(self, holds: bool, field: str, description: str) -> None:
        """Note a violation unless `holds`."""
        if not holds:
            self.add(field, description)

    def text(self, field: str, value: str, longest: int, shortest: int = 0) -> None:
        """`value` must have `shortest` to `longest` characters, no control characters but line breaks and tabs."""
        if not shortest <= len(value) <= longest:
            bounds = f"at most {longest}" if shortest == 0 else f"{shortest} to {longest}"
            self.add(field, f"must have {bounds} characters")
        elif any(ord(character) < 32 and character not in "\n\r\t" for character in value):
            self.add(field, "must not contain control characters")

    def number(self, field: str, value: float, least: float, greatest: float) -> None:
        """`value` must lie between `least` and `greatest`, both inclusive."""
        self.check(least <= value <= greatest, field, f"must be between {least:g} and {greatest:g}")

    def parsed(self, field: str, parse: Callable[[], object]) -> None:
        """`parse` must not raise ValueError; its message is the description."""
        try:
            parse()
        except ValueError as error:
            self.add(field, str(error))

    def raise_if_any(self) -> None:
        """Raises: INVALID_FIELD with every violation found."""
        if self._found:
            message = "; ".join(f"{violation.field}: {violation.description}" for violation in self._found)
            raise DomainError(ErrorKind.INVALID_ARGUMENT, "INVALID_FIELD", message, violations=self._found)


def search_text(text: str) -> str:
    """`text` itself, what a list is searched for. Raises: INVALID_FIELD beyond 200 characters."""
    if len(text) > _LONGEST_SEARCH:
        raise invalid("text", f"must have at most {_LONGEST_SEARCH} characters")
    return text
