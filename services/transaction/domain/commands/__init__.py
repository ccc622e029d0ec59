"""The kinds of command: one file each, called as in csms.transaction.v1.CommandBody, with a `KIND`."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules

from services.kernel.validation import Violations
from services.transaction.domain.command import Ask, CommandOptions
from services.transaction.domain.command_kind import Body, CommandKind


def _discovered() -> Mapping[str, CommandKind]:
    found = {}
    for module in iter_modules(__path__):
        kind = getattr(import_module(f"{__name__}.{module.name}"), "KIND", None)
        if not isinstance(kind, CommandKind):
            raise TypeError(f"{__name__}.{module.name} has no KIND")
        found[module.name] = kind
    return found


KINDS: Mapping[str, CommandKind] = _discovered()
# The kinds whose effect shows in something else than their answer.
KINDS_WITH_EFFECT = frozenset(name for name, kind in KINDS.items() if kind.has_effect)


def check(kind: str, body: Body, options: CommandOptions) -> None:
    """Raises: INVALID_FIELD with every field of the request that is out of bounds."""
    violations = Violations()
    options.check(violations)
    KINDS[kind].check(body, violations)
    violations.raise_if_any()


def meant(kind: str, body: Body) -> Ask:
    """What a caller who asks for this means. Raises: INVALID_FIELD."""
    return Ask(*KINDS[kind].meant(kind, body))
