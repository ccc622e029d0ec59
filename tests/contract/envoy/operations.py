"""The REST operations of all contracts, and what can be sent to them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from stack.descriptors import Binding, Contracts, bindings, field_path, map_value
from tests.contract.envoy.servicers import Health, Monitoring, Stations

_ANSWERED = {name for servicer in (Health, Monitoring, Stations) for name in vars(servicer)}
# Further down a body only repeats itself.
_MOST_LEVELS = 4


@dataclass(frozen=True)
class Operation:
    """One verb on one path."""

    method: MethodDescriptor
    binding: Binding

    def __str__(self) -> str:
        return f"{self.verb} {self.binding.template}"

    @property
    def verb(self) -> str:
        return self.binding.verb.upper()

    @property
    def path(self) -> str:
        """The path, with `x1` for each variable."""
        path = self.binding.template
        for variable in self.binding.variables:
            path = path.replace("{" + variable + "}", "x1")
        return path

    @property
    def rpc(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def is_kept(self) -> bool:
        """Whether the servers of these tests keep its last request."""
        return self.method.name not in _ANSWERED

    @property
    def body(self) -> Descriptor:
        """The message that the body is. Only for operations that have one."""
        request = self.method.input_type
        if self.binding.body == "*":
            return request
        body = field_path(request, self.binding.body)[-1].message_type
        assert body is not None
        return body

    @property
    def prefix(self) -> str:
        """What the names of the body's fields begin with when something is wrong with one."""
        if self.binding.body == "*":
            return ""
        return f"{field_path(self.method.input_type, self.binding.body)[-1].json_name}."

    def fields(self) -> list[FieldDescriptor]:
        """The fields of the body."""
        told = self.binding.variables if self.binding.body == "*" else ()
        return [field for field in self.body.fields if field.name not in told]


def operations() -> list[Operation]:
    """All of them but the stream, which does not end."""
    methods = [method for method in Contracts.load().methods if not method.server_streaming]
    return [Operation(method, binding) for method in methods for binding in bindings(method)]


def with_body() -> list[Operation]:
    return [operation for operation in operations() if operation.binding.body]


def holders(message: Descriptor, level: int = 0) -> Iterator[tuple[str, Any]]:
    """Every object that a body of this type can hold: its place, and a body that holds it, empty, at `HERE`.

    A body is made of the place of `HERE` alone, so that nothing else in it can be wrong.
    """
    yield "", HERE
    if level == _MOST_LEVELS:
        return
    for field in message.fields:
        value = map_value(field)
        inner = (value or field).message_type
        if inner is None or inner.full_name.startswith("google.protobuf."):
            continue
        for place, body in holders(inner, level + 1):
            if value is not None:
                yield f"{field.json_name}[k].{place}", {field.json_name: {"k": body}}
            elif field.is_repeated:
                yield f"{field.json_name}[1].{place}", {field.json_name: [{}, body]}
            else:
                yield f"{field.json_name}.{place}", {field.json_name: body}


class _Here:
    """Stands in a body where an object is to be put."""


HERE = _Here()


def filled(body: Any, here: Any) -> Any:
    """`body` with `here` in the place of HERE."""
    if body is HERE:
        return here
    if isinstance(body, dict):
        return {name: filled(item, here) for name, item in body.items()}
    return [filled(item, here) for item in body] if isinstance(body, list) else body
