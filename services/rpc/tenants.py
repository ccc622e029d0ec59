"""Narrows a call to the tenant that it is made for: that of a person's token, or the one that a service asks for.

What narrowed work sees is the database's business; see services/postgres. Which tenants there are is asked of others.
"""

from typing import Protocol

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.tenancy import DEFAULT_TENANT, is_tenant_id, set_tenant
from services.rpc.access import AccessRule
from services.rpc.auth import Caller, unauthenticated

# Said by services that call on behalf of somebody, and heard from services only.
TENANT_KEY = "csms-tenant"


class Tenants(Protocol):
    """Knows which tenants there are."""

    async def check(self, tenant_id: str) -> None:
        """Let the people of a tenant go on. Raises: UNAUTHENTICATED when there is none of this id, TENANT_DISABLED,
        UNAVAILABLE when nobody can tell."""
        ...

    async def close(self) -> None:
        """Let go of what is used for it."""
        ...


class DefaultAlone:
    """The tenants of a server that was told of no others. Satisfies Tenants."""

    async def check(self, tenant_id: str) -> None:
        if tenant_id != DEFAULT_TENANT:
            raise no_such_tenant()

    async def close(self) -> None:
        """Nothing is used."""


def no_such_tenant() -> DomainError:
    """The failure of a call whose token names no tenant of the installation."""
    return unauthenticated("the token names a tenant that does not exist")


def narrow(rule: AccessRule, caller: Caller, asked_for: str) -> None:
    """Narrow the current task to the tenant of the call; public RPCs, what the tenant `default` alone may do, and
    services for themselves, are the platform's.

    `asked_for` is what the call says under TENANT_KEY. Raises DomainError PERMISSION_DENIED for what is no id of a
    tenant, and for people of another tenant than `default` where that alone may call.
    """
    tenant_id = asked_for if caller.service is not None else None if rule.public else caller.tenant_id
    if tenant_id and not is_tenant_id(tenant_id):
        raise _denied(rule, "the call is for a tenant that cannot be")
    if rule.default_tenant_only and caller.service is None:
        if tenant_id != DEFAULT_TENANT:
            raise _denied(rule, f"this is for the tenant {DEFAULT_TENANT}, which runs the installation")
        tenant_id = None
    set_tenant(tenant_id or None)


def named(tenant_id: str) -> str | None:
    """How a resource names its tenant: the default one by nothing."""
    return None if tenant_id == DEFAULT_TENANT else tenant_id


def _denied(rule: AccessRule, message: str) -> DomainError:
    return DomainError(ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED", message, {"permission": rule.permission})
