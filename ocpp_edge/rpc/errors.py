"""What can be wrong with a frame or a request, and how each OCPP version says so in a CALLERROR.

The one place where domain errors and schema violations become OCPP error codes.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from ocpp_edge.rpc.schemas import Violation
from ocpp_edge.versions import Version
from services.kernel.errors import DomainError, ErrorKind

# OCPP-J 1.6 section 4.2.3 and 2.0.1 part 4 section 4.2.3 both bound the description.
MAX_DESCRIPTION = 255
_MAX_REPORTED_VIOLATIONS = 5


class Fault(StrEnum):
    """A kind of failure in version-neutral words."""

    FRAME = "frame"  # not an RPC message at all
    MESSAGE_TYPE = "message_type"
    FORMAT = "format"  # the payload is not built like the action's
    OCCURRENCE = "occurrence"
    PROPERTY = "property"
    TYPE = "type"
    UNKNOWN_ACTION = "unknown_action"
    UNSUPPORTED_ACTION = "unsupported_action"
    SECURITY = "security"
    GENERIC = "generic"
    INTERNAL = "internal"


# OCPP 2.0.1 part 4 table 9; 2.1 has the same codes.
_CODES_2X = {
    Fault.FRAME: "RpcFrameworkError",
    Fault.MESSAGE_TYPE: "MessageTypeNotSupported",
    Fault.FORMAT: "FormatViolation",
    Fault.OCCURRENCE: "OccurrenceConstraintViolation",
    Fault.PROPERTY: "PropertyConstraintViolation",
    Fault.TYPE: "TypeConstraintViolation",
    Fault.UNKNOWN_ACTION: "NotImplemented",
    Fault.UNSUPPORTED_ACTION: "NotSupported",
    Fault.SECURITY: "SecurityError",
    Fault.GENERIC: "GenericError",
    Fault.INTERNAL: "InternalError",
}
# OCPP-J 1.6 table 7, with the spelling of that edition ("Occurence").
_CODES_16 = _CODES_2X | {
    Fault.FRAME: "FormationViolation",
    Fault.MESSAGE_TYPE: "FormationViolation",
    Fault.FORMAT: "FormationViolation",
    Fault.OCCURRENCE: "OccurenceConstraintViolation",
}

_FAULT_OF_KEYWORD = {
    "type": Fault.TYPE,
    "required": Fault.OCCURRENCE,
    "minItems": Fault.OCCURRENCE,
    "maxItems": Fault.OCCURRENCE,
    "additionalItems": Fault.OCCURRENCE,
    "additionalProperties": Fault.FORMAT,
}

_FAULT_OF_KIND = {
    ErrorKind.INVALID_ARGUMENT: Fault.PROPERTY,
    ErrorKind.NOT_FOUND: Fault.PROPERTY,
    ErrorKind.ALREADY_EXISTS: Fault.GENERIC,
    ErrorKind.FAILED_PRECONDITION: Fault.GENERIC,
    ErrorKind.CONFLICT: Fault.GENERIC,
    ErrorKind.UNAUTHENTICATED: Fault.SECURITY,
    ErrorKind.PERMISSION_DENIED: Fault.SECURITY,
    ErrorKind.UNIMPLEMENTED: Fault.UNSUPPORTED_ACTION,
    ErrorKind.RESOURCE_EXHAUSTED: Fault.INTERNAL,
    ErrorKind.UNAVAILABLE: Fault.INTERNAL,
    ErrorKind.DEADLINE_EXCEEDED: Fault.INTERNAL,
    ErrorKind.INTERNAL: Fault.INTERNAL,
}


class CallRefused(Exception):
    """A request of a charge point that gets a CALLERROR. `description` and `details` are sent to the charge point."""

    def __init__(self, fault: Fault, description: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(description)
        self.fault = fault
        self.description = description
        self.details = details


def error_code(version: Version, fault: Fault) -> str:
    """The OCPP error code for `fault` in `version`."""
    return (_CODES_16 if version is Version.V16 else _CODES_2X)[fault]


def violated(violations: Sequence[Violation]) -> CallRefused:
    """The refusal of a payload against its schema: the first violation decides the code, `details` names the fields.

    `violations` must not be empty.
    """
    first = violations[0]
    details = [{"path": v.path, "keyword": v.keyword} for v in violations[:_MAX_REPORTED_VIOLATIONS]]
    fault = _FAULT_OF_KEYWORD.get(first.keyword, Fault.PROPERTY)
    return CallRefused(fault, f"{first.path}: {first.message}", {"violations": details})


def refusal_of(error: DomainError) -> CallRefused:
    """The refusal that tells a charge point of a failure in the platform; failures of our own stay unnamed."""
    fault = _FAULT_OF_KIND[error.kind]
    if fault is Fault.INTERNAL:
        return CallRefused(fault, "the request could not be processed, try again later")
    return CallRefused(fault, error.message)
