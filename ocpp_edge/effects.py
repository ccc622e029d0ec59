"""What comes of a message besides its answer: `EFFECT` beside its handler, `effects` of a command.

Nothing here runs when a message comes. docs/ocpp-coverage.md is made of it, and tests hold each declaration against
what they find in the tables.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple


class Effect(NamedTuple):
    """`rows` are columns that the message fills (`table.column`), `events` what is published about it (fields of
    csms.event.v1.DomainEvent), `questions` the calls that ask a service (`csms.driver.v1.AuthorizationService/...`)."""

    rows: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


def in_ledger(*rows: str) -> Effect:
    """The effect of a command: its state and its answer are kept and published; `rows` are filled as well."""
    return Effect(rows=("commands.state", "commands.answer", *rows), events=("command_changed",))


def effect_of(handle: Callable[..., Any]) -> Effect | None:
    """What the file of a handler declares."""
    effect = getattr(import_module(handle.__module__), "EFFECT", None)
    return effect if isinstance(effect, Effect) else None
