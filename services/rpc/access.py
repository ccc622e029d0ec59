"""The access rules that the contracts declare: read from the method options, applied to callers and their messages.

Knows no permission by name; what a role includes is said in `auth`.
"""

from dataclasses import dataclass
from functools import cache

from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from csms.auth.v1 import access_pb2
from services.kernel.errors import DomainError, ErrorKind, not_found
from services.rpc.auth import DRIVER_ROLE, Caller, allows

INTERNAL_PREFIX = "internal."
_READ_SUFFIX = ".read"
# Health and reflection of gRPC itself: for balancers and tools, open like GET /health.
_OPEN_PREFIX = "/grpc."


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may call one RPC; the fields are those of csms.auth.v1.AccessRule. Without any, nobody may."""

    permission: str = ""
    public: bool = False
    driver_request_field: str = ""
    driver_response_field: str = ""
    internal_callers: frozenset[str] = frozenset()
    default_tenant_only: bool = False

    @property
    def internal(self) -> bool:
        """For the platform's own processes only."""
        return self.permission.startswith(INTERNAL_PREFIX)


@cache
def access_rule(full_method: str) -> AccessRule:
    """The rule of the RPC `/package.Service/Method`. One that declares none, or that nobody knows, is closed to all."""
    if full_method.startswith(_OPEN_PREFIX):
        return AccessRule(public=True)
    method = method_descriptor(full_method)
    if method is None or not method.GetOptions().HasExtension(access_pb2.access):
        return AccessRule()
    declared = method.GetOptions().Extensions[access_pb2.access]
    return AccessRule(
        declared.permission,
        declared.public,
        declared.driver_request_field,
        declared.driver_response_field,
        frozenset(declared.internal_callers),
        declared.default_tenant_only,
    )


def method_descriptor(full_method: str) -> MethodDescriptor | None:
    """The descriptor of the RPC `/package.Service/Method`, if its stubs are loaded."""
    try:
        return descriptor_pool.Default().FindMethodByName(full_method.removeprefix("/").replace("/", "."))
    except KeyError:
        return None


@cache
def is_safe_to_repeat(full_method: str) -> bool:
    """Whether calling the RPC twice does no more than calling it once: it reads, or declares `idempotency_level`."""
    method = method_descriptor(full_method)
    if method is None:
        return False
    return access_rule(full_method).permission.endswith(_READ_SUFFIX) or bool(method.GetOptions().idempotency_level)


def require_permission(rule: AccessRule, caller: Caller) -> None:
    """Raises DomainError PERMISSION_DENIED when the caller's role does not include what the rule asks for, or when the
    rule does not name the service that calls."""
    if rule.public:
        return
    if caller.service is not None:
        if caller.service not in rule.internal_callers:
            raise _denied(rule, f"the service {caller.service} may not make this call")
    elif not allows(caller.role, rule.permission):
        raise _denied(rule, f"the role {caller.role} lacks the permission {rule.permission or 'for this call'}")


def _denied(rule: AccessRule, message: str) -> DomainError:
    return DomainError(ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED", message, {"permission": rule.permission})


def restrict_request(rule: AccessRule, caller: Caller, request: Message) -> None:
    """Make the request of a driver speak of himself.

    Raises DomainError PERMISSION_DENIED when it names another driver.
    """
    if caller.role != DRIVER_ROLE or not rule.driver_request_field:
        return
    *parents, name = rule.driver_request_field.split(".")
    owner = request
    for parent in parents:
        owner = getattr(owner, parent)
    if getattr(owner, name) not in ("", caller.driver_id):
        raise DomainError(ErrorKind.PERMISSION_DENIED, "PERMISSION_DENIED", "drivers may only name themselves")
    setattr(owner, name, caller.driver_id)


def check_response(rule: AccessRule, caller: Caller, request: Message, response: Message) -> None:
    """Hide from a driver what is not his.

    Raises DomainError NOT_FOUND, worded as if the thing did not exist.
    """
    if caller.role != DRIVER_ROLE or not rule.driver_response_field:
        return
    path = rule.driver_response_field.split(".")
    owner: object = response
    for name in path:
        owner = getattr(owner, name)
    if owner != caller.driver_id:
        raise not_found(path[0], _asked_for(request, path[0]))


def _asked_for(request: Message, noun: str) -> str:
    """The id in the request: `<noun>_id`, `id`, or its first text field that ends in `_id`."""
    texts = [field.name for field in request.DESCRIPTOR.fields if field.type == FieldDescriptor.TYPE_STRING]
    names = [name for name in (f"{noun}_id", "id") if name in texts] + [name for name in texts if name.endswith("_id")]
    return str(getattr(request, names[0])) if names else ""
