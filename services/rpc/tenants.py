"""Narrows a call to the tenant that it is made for: that of a person's token, or the one that a service asks for.

What narrowed work sees is the database's business; see services/postgres.
"""

from services.kernel.errors import DomainError, ErrorKind
from services.kernel.tenancy import DEFAULT_TENANT, is_tenant_id, set_tenant
from services.rpc.access import AccessRule
from services.rpc.auth import Caller

# Said by services that call on behalf of somebody, and heard from services only.
TENANT_KEY = "csms-tenant"


def narrow(rule: AccessRule, caller: Caller, asked_for: str) -> None:
    """Narrow the current task to the tenant of the call; public RPCs, and services for themselves, are the platform's.

    `asked_for` is what the call says under TENANT_KEY. Raises DomainError PERMISSION_DENIED for what is no id of a
    tenant.
    """
    tenant_id = asked_for if caller.service is not None else None if rule.public else caller.tenant_id
    if tenant_id and not is_tenant_id(tenant_id):
        raise _denied(rule, "the call is for a tenant that cannot be")
    set_tenant(tenant_id or None)


def named(tenant_id: str) -> str | None:
    """How a resource names its tenant: the default one by nothing."""
    return None if tenant_id == DEFAULT_TENANT else tenant_id


def _denied(rule: AccessRule, message: str) -> DomainError:
    return DomainError(ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED", message, {"permission": rule.permission})
