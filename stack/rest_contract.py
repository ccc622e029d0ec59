"""What the contracts say of REST requests, as the Lua table that Envoy checks them by: paths, queries, bodies.

Made from the descriptor set that Envoy transcodes by. How a request is held against it is in envoy/*.lua.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor

from stack.descriptors import Binding, Contracts, bindings, field_path, map_value
from stack.query_parameters import FieldPath, query_parameters

_KINDS: Mapping[int, str] = {
    FieldDescriptor.TYPE_STRING: "text",
    FieldDescriptor.TYPE_BYTES: "base64",
    FieldDescriptor.TYPE_BOOL: "boolean",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_FLOAT: "number",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_SINT32: "int32",
    FieldDescriptor.TYPE_SFIXED32: "int32",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_FIXED32: "uint32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_SINT64: "int64",
    FieldDescriptor.TYPE_SFIXED64: "int64",
    FieldDescriptor.TYPE_UINT64: "uint64",
    FieldDescriptor.TYPE_FIXED64: "uint64",
}
_MESSAGE_KINDS: Mapping[str, str] = {
    "google.protobuf.Timestamp": "time",
    "google.protobuf.Duration": "duration",
    "google.protobuf.FieldMask": "text",
    "google.protobuf.Struct": "any",
}
# A Struct holds numbers as doubles and names without their order. Beside it stands a text of this name, which takes
# what a REST caller wrote as it is.
_VERBATIM = "{}_json"
_MASK = "update_mask"

_Data = dict[str, Any]


class UnknownTypeError(Exception):
    """A request holds a type that no rule is known for; the text names its field."""


def rest_contract(contracts: Contracts) -> _Data:
    """`paths`: a tree of the segments of all templates, whose nodes hold operations by verb; `types`: by full name.

    Raises UnknownTypeError.
    """
    types: dict[str, _Data] = {}
    paths: _Data = {}
    for method in contracts.methods:
        for binding in bindings(method):
            node = _node(paths, binding.template)
            node.setdefault("operations", {})[binding.verb.upper()] = _operation(types, method, binding)
    return {"types": types, "paths": paths}


def lua(value: Any) -> str:
    """A value of JSON as Lua writes it, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"[{lua(key)}] = {lua(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "{" + ", ".join(map(lua, value)) + "}"
    # Names, numbers and truth values of contracts, all ASCII, are written alike in both.
    return json.dumps(value)


def _node(root: _Data, template: str) -> _Data:
    for segment in template.strip("/").split("/"):
        if segment.startswith("{"):
            root = root.setdefault("variable", {})
        else:
            root = root.setdefault("literals", {}).setdefault(segment, {})
    return root


def _operation(types: dict[str, _Data], method: MethodDescriptor, binding: Binding) -> _Data:
    request = method.input_type
    operation: _Data = {
        "package": request.file.package.split(".")[1],
        "in_path": {name: True for path in binding.variables for name in _spellings(field_path(request, path))},
        "query": [_field(types, path) for path in query_parameters(request, binding)],
        "is_stream": method.server_streaming,
        "is_update": _MASK in request.fields_by_name,
    }
    if binding.body == "*":
        operation |= {"body": _message(types, request), "prefix": ""}
    elif binding.body:
        body = field_path(request, binding.body)[-1]
        operation |= {"body": _field(types, (body,))["of"], "prefix": f"{body.json_name}."}
    return operation


def _spellings(path: Sequence[FieldDescriptor]) -> tuple[str, str]:
    """A field as the contract and as JSON spells it; Envoy takes both."""
    return ".".join(field.name for field in path), ".".join(field.json_name for field in path)


def _field(types: dict[str, _Data], path: FieldPath) -> _Data:
    field = path[-1]
    name, json_name = _spellings(path)
    value = map_value(field)
    described: _Data = {"name": name, "json": json_name, **_kind(types, field if value is None else value)}
    if value is not None:
        described["is_map"] = True
    elif field.is_repeated:
        described["is_list"] = True
    if described["kind"] == "any":
        described["verbatim"] = _verbatim(field)
    return described


def _kind(types: dict[str, _Data], field: FieldDescriptor) -> _Data:
    if field.enum_type is not None:
        return {"kind": "enum", "of": _enum(types, field.enum_type)}
    if field.message_type is None:
        return {"kind": _KINDS[field.type]}
    name = field.message_type.full_name
    if name in _MESSAGE_KINDS:
        return {"kind": _MESSAGE_KINDS[name]}
    if name.startswith("google.protobuf."):
        raise UnknownTypeError(f"{field.full_name}: no rule says how {name} is written in JSON")
    return {"kind": "message", "of": _message(types, field.message_type)}


def _verbatim(field: FieldDescriptor) -> str:
    name = _VERBATIM.format(field.name)
    holder = field.containing_type
    beside = holder.fields_by_name.get(name) if holder is not None else None
    if beside is None or beside.type != FieldDescriptor.TYPE_STRING or beside.is_repeated or field.is_repeated:
        raise UnknownTypeError(
            f"{field.full_name}: a Struct alters what callers write; a text {name} has to stand beside"
        )
    return name


def _message(types: dict[str, _Data], message: Descriptor) -> str:
    if message.full_name not in types:
        # Claimed before it is filled: a message may contain itself.
        described = types[message.full_name] = {"name": message.name}
        described["fields"] = [_field(types, (field,)) for field in message.fields]
        described["known"] = ", ".join(_spellings((field,))[1] for field in message.fields)
    return message.full_name


def _enum(types: dict[str, _Data], enum: EnumDescriptor) -> str:
    types[enum.full_name] = {
        "names": {value.name.replace("_", ""): True for value in enum.values},
        "numbers": [value.number for value in enum.values],
        "choices": _choices(value.name for value in enum.values if value.number != 0),
    }
    return enum.full_name


def _choices(names: Iterable[str]) -> str:
    return ", ".join(names)
