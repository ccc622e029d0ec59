"""JSON schemas of messages and enums, as Envoy's transcoder reads and prints them (the proto3 JSON mapping).

Knows nothing of paths and operations; those are in stack/openapi.py.
"""

import re
from collections.abc import Iterable
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from csms.auth.v1 import access_pb2
from stack.descriptors import Contracts, behaviors, bindings, map_value
from stack.openapi_bounds import bounds_of, item_bounds_of, key_bounds_of

JsonSchema = dict[str, Any]

_INT32: JsonSchema = {"type": "integer", "format": "int32"}
_UINT32: JsonSchema = {"type": "integer", "format": "int64", "minimum": 0, "maximum": 2**32 - 1}
# JSON numbers lose digits beyond 2^53, so the mapping prints 64-bit integers as strings.
_INT64: JsonSchema = {"type": "string", "format": "int64", "pattern": r"^-?\d+$"}
_UINT64: JsonSchema = {"type": "string", "format": "uint64", "pattern": r"^\d+$"}
_BYTES: JsonSchema = {"type": "string", "contentEncoding": "base64"}

_PRIMITIVES: dict[int, JsonSchema] = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: _BYTES,
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
}

# Messages with a JSON form of their own that fits into a query string, too.
_SCALAR_MESSAGES: dict[str, JsonSchema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d{1,9})?s$", "examples": ["1.5s"]},
    "google.protobuf.FieldMask": {"type": "string", "description": "Field paths, separated by commas."},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BytesValue": _BYTES,
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.DoubleValue": {"type": "number", "format": "double"},
    "google.protobuf.FloatValue": {"type": "number", "format": "float"},
    "google.protobuf.Int32Value": _INT32,
    "google.protobuf.UInt32Value": _UINT32,
    "google.protobuf.Int64Value": _INT64,
    "google.protobuf.UInt64Value": _UINT64,
}

_OPEN_MESSAGES: dict[str, JsonSchema] = {
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Empty": {"type": "object", "additionalProperties": False},
    "google.protobuf.Any": {
        "type": "object",
        "required": ["@type"],
        "properties": {"@type": {"type": "string"}},
        "additionalProperties": True,
    },
}

_QUOTED = re.compile(r"`([A-Za-z0-9_.]+)`")


class Schemas:
    """Collects the schema of every message and enum that is asked for, under `#/components/schemas`."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        fields = [field for message in contracts.messages for field in message.fields]
        # `data` is the envelope's name for whatever an answer carries; comments speak of the thing itself.
        self._spelling = {field.name: field.json_name for field in fields if field.json_name != "data"}
        self._components: dict[str, JsonSchema] = {}
        self._taken = _taken(contracts)

    @property
    def components(self) -> dict[str, JsonSchema]:
        """Schemas collected so far, by name in order of the alphabet."""
        return dict(sorted(self._components.items()))

    def description(self, full_name: str) -> str:
        """The comment on a thing, with field names spelled as in JSON; empty without one."""
        return _QUOTED.sub(self._as_json, self._contracts.comment(full_name))

    def reference(self, kind: Descriptor | EnumDescriptor) -> JsonSchema:
        """A reference to the schema of a message or enum, which is collected with all it refers to."""
        name = kind.full_name.removeprefix("csms.")
        if name not in self._components:
            # Claimed before it is filled: a message may contain itself.
            self._components[name] = {}
            if isinstance(kind, Descriptor):
                schema = self.fields(kind.fields, closed=kind.full_name in self._taken)
            else:
                schema = self._enum(kind)
            self._components[name] = _described(schema, self._type_description(kind))
        return {"$ref": f"#/components/schemas/{name}"}

    def changes(self, message: Descriptor) -> JsonSchema:
        """A reference to the schema of an update of a message: the same fields, none of which has to be there."""
        name = f"{message.full_name.removeprefix('csms.')}.Changes"
        if name not in self._components:
            schema = self.fields(message.fields, closed=True)
            for required in schema.pop("required", ()):
                # What is empty says nothing about a field, unless a mask names it.
                for fewest in ("minLength", "minItems"):
                    schema["properties"][required].pop(fewest, None)
            self._components[name] = _described(schema, f"What changes: {self._type_description(message)}")
        return {"$ref": f"#/components/schemas/{name}"}

    def fields(self, fields: Iterable[FieldDescriptor], *, closed: bool) -> JsonSchema:
        """An object schema with these fields, and when `closed` with no others."""
        chosen = list(fields)
        schema: JsonSchema = {"type": "object", "properties": {field.json_name: self.field(field) for field in chosen}}
        required = [field.json_name for field in chosen if field_behavior_pb2.REQUIRED in behaviors(field)]
        if required:
            schema["required"] = required
        if closed:
            schema["additionalProperties"] = False
        return schema

    def field(self, field: FieldDescriptor) -> JsonSchema:
        """The schema of a field, with its comment and direction."""
        value = map_value(field)
        if value is not None:
            values = self._single(value) | item_bounds_of(field)
            schema: JsonSchema = {"type": "object", "additionalProperties": values}
            if keys := key_bounds_of(field):
                schema["propertyNames"] = keys
        elif field.is_repeated:
            schema = {"type": "array", "items": self._single(field) | item_bounds_of(field)}
        else:
            schema = self._single(field)
        schema |= bounds_of(field)
        found = behaviors(field)
        if field_behavior_pb2.OUTPUT_ONLY in found:
            schema["readOnly"] = True
        if field_behavior_pb2.INPUT_ONLY in found:
            schema["writeOnly"] = True
        return _described(schema, self._field_description(field))

    def _single(self, field: FieldDescriptor) -> JsonSchema:
        if field.enum_type is not None:
            return self.reference(field.enum_type)
        if field.message_type is None:
            return dict(_PRIMITIVES[field.type])
        name = field.message_type.full_name
        known = _SCALAR_MESSAGES.get(name) or _OPEN_MESSAGES.get(name)
        return dict(known) if known is not None else self.reference(field.message_type)

    def _enum(self, enum: EnumDescriptor) -> JsonSchema:
        return {"type": "string", "enum": [value.name for value in enum.values]}

    def _type_description(self, kind: Descriptor | EnumDescriptor) -> str:
        text = self.description(kind.full_name)
        if isinstance(kind, EnumDescriptor):
            notes = ((value.name, self.description(f"{kind.full_name}.{value.name}")) for value in kind.values)
            lines = [f"- `{name}`: {' '.join(note.split())}" for name, note in notes if note]
            text = "\n\n".join(filter(None, [text, "\n".join(lines)]))
        return text

    def _field_description(self, field: FieldDescriptor) -> str:
        text = self.description(field.full_name)
        permission = field.GetOptions().Extensions[access_pb2.read_permission]
        if permission:
            text = f"{text}\n\nTold to those with the permission `{permission}`.".lstrip()
        oneof = field.containing_oneof
        if oneof is None or len(oneof.fields) < 2:
            return text
        others = ", ".join(f"`{other.json_name}`" for other in oneof.fields if other is not field)
        return f"{text}\n\nAt most one of this and {others}.".lstrip()

    def _as_json(self, quoted: re.Match[str]) -> str:
        return "`" + ".".join(self._spelling.get(part, part) for part in quoted[1].split(".")) + "`"


def _taken(contracts: Contracts) -> set[str]:
    """The messages that bodies of requests can hold: what they do not know is refused (envoy/body.lua)."""
    taken: set[str] = set()
    for method in contracts.methods:
        if any(binding.body for binding in bindings(method)):
            _add_held(method.input_type, taken)
    return taken


def _add_held(message: Descriptor, taken: set[str]) -> None:
    if message.full_name not in taken:
        taken.add(message.full_name)
        for field in message.fields:
            if field.message_type is not None:
                _add_held(field.message_type, taken)


def is_scalar_message(message: Descriptor) -> bool:
    """Whether a message is written as one JSON value, such as a timestamp, so that a query string can carry it."""
    return message.full_name in _SCALAR_MESSAGES


def is_open_message(message: Descriptor) -> bool:
    """Whether a message is any JSON at all, which no query string can carry."""
    return message.full_name in _OPEN_MESSAGES


def _described(schema: JsonSchema, description: str) -> JsonSchema:
    return {**schema, "description": description} if description else schema
