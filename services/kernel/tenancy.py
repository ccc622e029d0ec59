"""Whose data a piece of work may see: one tenant's, or the whole platform's.

A tenant is an operator with charge points, drivers and bills of its own on a shared installation. The scope belongs to
the task under way, and to what it starts. Who calls is not known here, and nothing is checked.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

from services.kernel.errors import DomainError, ErrorKind

# The tenant of everything that names none: all that a small operator ever has.
DEFAULT_TENANT = "default"
LONGEST_TENANT_ID = 40
_ID = re.compile(rf"[a-z0-9](?:[a-z0-9-]{{0,{LONGEST_TENANT_ID - 2}}}[a-z0-9])?").fullmatch


class TenantState(StrEnum):
    """Whether the people of a tenant may do anything."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


def tenant_disabled(tenant_id: str) -> DomainError:
    """The failure of whatever people of a disabled tenant ask."""
    message = f"the tenant {tenant_id} is disabled"
    return DomainError(ErrorKind.PERMISSION_DENIED, "TENANT_DISABLED", message, {"id": tenant_id})


# None is the platform: intake, background tasks, and services that ask for nobody in particular.
_scope: ContextVar[str | None] = ContextVar("tenant", default=None)


def is_tenant_id(text: str) -> bool:
    """Whether a tenant may be called so: 1 to 40 of a-z, 0-9 and -, with no hyphen at either end."""
    return _ID(text) is not None


def current_tenant() -> str | None:
    """The tenant that the current task works for; None when it works for the platform."""
    return _scope.get()


def owner_of_new() -> str:
    """Whose a thing is that the current task makes, unless somebody says it: the default tenant's for the platform."""
    return _scope.get() or DEFAULT_TENANT


@contextmanager
def as_tenant(tenant_id: str) -> Iterator[None]:
    """Work for a tenant within the block, whoever it is done for: for what the platform does with the things of one."""
    token = _scope.set(tenant_id)
    try:
        yield
    finally:
        _scope.reset(token)


def set_tenant(tenant_id: str | None) -> None:
    """Narrow the current task, and what it starts, to a tenant; or widen it to the platform."""
    _scope.set(tenant_id)


@contextmanager
def as_platform() -> Iterator[None]:
    """Work for the platform within the block, whoever it is done for: for what all tenants share."""
    token = _scope.set(None)
    try:
        yield
    finally:
        _scope.reset(token)
