"""Cases by their id: every coroutine function named tc_... in the packages of a version is one."""

import inspect
import pkgutil
import tomllib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from conformance.station import Station

_HERE = Path(__file__).parent
_WAITING = _HERE / "waiting.toml"
_TO_COME = _HERE.parent / "docs" / "ocpp-to-come.toml"
# 2.1 has the cases of 2.0.1, and more.
_PACKAGES: Mapping[str, Sequence[str]] = {
    "1.6": ("conformance.v16",),
    "2.0.1": ("conformance.v201",),
    "2.1": ("conformance.v201", "conformance.v21"),
}
_WAITS_AS: Mapping[str, Sequence[str]] = {"1.6": ("1.6",), "2.0.1": ("2.0.1",), "2.1": ("2.0.1", "2.1")}
VERSIONS = tuple(_PACKAGES)


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. Without `run` it waits for messages that nobody handles yet: `block` says for which.

    `state` is what the charge point is registered as.
    """

    id: str
    version: str
    requirement: str
    run: Callable[[Station], Coroutine[Any, Any, None]] | None = None
    block: str = ""
    state: str = "ACCEPTED"


def registered_as(state: str) -> Callable[[Any], Any]:
    """Marks a case whose charge point an operator has not accepted: PENDING or REJECTED."""

    def mark(function: Any) -> Any:
        function.registered_as = state
        return function

    return mark


@cache
def all_cases() -> tuple[Case, ...]:
    """Every case, by version and id."""
    found = [case for version in VERSIONS for case in (*_written(version), *_waiting(version))]
    return tuple(sorted(found, key=lambda case: (VERSIONS.index(case.version), _numbers(case.id))))


def _written(version: str) -> Iterator[Case]:
    for package in map(import_module, _PACKAGES[version]):
        for module in pkgutil.iter_modules(package.__path__):
            for name, function in _functions(f"{package.__name__}.{module.name}"):
                requirement = " ".join((function.__doc__ or "").split())
                state = getattr(function, "registered_as", "ACCEPTED")
                yield Case(f"{name.upper()}_CSMS", version, requirement, function, state=state)


def _functions(module: str) -> Iterator[tuple[str, Any]]:
    """The cases that a module has itself."""
    for name, function in vars(import_module(module)).items():
        if name.startswith("tc_") and inspect.iscoroutinefunction(function) and function.__module__ == module:
            yield name, function


def _waiting(version: str) -> Iterator[Case]:
    blocks = blocks_by_action()
    waiting = tomllib.loads(_WAITING.read_text(encoding="utf-8"))
    for part in _WAITS_AS[version]:
        for name, entry in waiting[part].items():
            block = entry.get("block") or blocks.get(entry["needs"], "")
            yield Case(name, version, entry["requirement"], block=block)


@cache
def blocks_by_action() -> dict[str, str]:
    """The messages that are not handled in every version yet, each with what it is for."""
    blocks = tomllib.loads(_TO_COME.read_text(encoding="utf-8"))
    return {action: block for block, actions in blocks.items() for action in actions}


def _numbers(name: str) -> list[tuple[int, str]]:
    """A key by which TC_004_2 is before TC_010, and TC_B_9 before TC_B_10."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in name.split("_")]
