"""What a quirk is: one way in which charge points bend their specification, and what is made of that."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase


class Needed(StrEnum):
    """Why a quirk has to be forgiven whatever an operator thinks of it."""

    SESSION_REFUSED = "a session would be refused"
    DATA_LOST = "data would be lost"


@dataclass(frozen=True, slots=True)
class Scope:
    """The charge points of some vendors, models and versions of firmware: patterns with `*`, without regard to case."""

    vendor: str = "*"
    model: str = "*"
    firmware: str = "*"

    def covers(self, vendor: str, model: str, firmware: str) -> bool:
        """Whether a charge point is one of them. What it has not told yet is only matched by `*`."""
        pairs = ((vendor, self.vendor), (model, self.model), (firmware, self.firmware))
        return all(fnmatchcase(text.casefold(), pattern.casefold()) for text, pattern in pairs)

    def __str__(self) -> str:
        named = (("vendor", self.vendor), ("model", self.model), ("firmware", self.firmware))
        return " ".join(f"{name} {pattern}" for name, pattern in named if pattern != "*") or "everybody"


EVERYBODY = (Scope(),)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quirk:
    """One rule of leniency.

    `forgives` says what is forgiven, `clause` what the specification asks for. `flag` is put into the facts that it
    concerns; one that ends in a colon is followed by the place in the payload. `versions` are those of OCPP, all when
    empty. It is on for the charge points in `scope`, for others only where an operator has switched it on. `needed`
    says why it cannot be switched off; where it can, `otherwise` says what happens then. What cannot be seen without
    a look at every message is not `counted`.
    """

    id: str
    forgives: str
    clause: str
    flag: str = ""
    versions: tuple[str, ...] = ()
    scope: tuple[Scope, ...] = EVERYBODY
    needed: Needed | None = None
    otherwise: str = ""
    counted: bool = True

    def covers(self, vendor: str, model: str, firmware: str) -> bool:
        """Whether it is on for a charge point of which an operator has said nothing."""
        return self.needed is not None or any(scope.covers(vendor, model, firmware) for scope in self.scope)
