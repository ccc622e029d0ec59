"""Reads the descriptor set: which RPCs there are, their REST bindings, access rules and comments.

The one place that knows how annotations are stored. Decides nothing about what is made of them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from google.api import annotations_pb2, field_behavior_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)

from csms.auth.v1 import access_pb2
from stack import protos

# googleapis declares its extensions as plain fields, which the type of `Extensions` does not accept.
_HTTP: Any = annotations_pb2.http
_FIELD_BEHAVIOR: Any = field_behavior_pb2.field_behavior

_VARIABLE = re.compile(r"\{([^}=]+)(?:=([^}]*))?\}")
# Field numbers inside descriptor.proto, by which source locations name what they belong to.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED_MESSAGES, _NESTED_ENUMS, _ONEOFS = 2, 3, 4, 8
_CHILDREN = 2  # values of an enum, methods of a service


_SourcePath = tuple[int, ...]


@dataclass(frozen=True)
class Binding:
    """One way to reach an RPC over REST."""

    verb: str
    """Lower case, for example `get`."""
    template: str
    """As annotated, for example `/stations/{station_id}`."""
    body: str
    """Empty: no body; `*`: all fields that are not in the path; else the request field that is the body."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Request field paths in the template, in order."""
        return tuple(match[1] for match in _VARIABLE.finditer(self.template))

    @property
    def shape(self) -> str:
        """Verb and template without the names of variables: equal shapes cannot be told apart by a router."""
        return f"{self.verb.upper()} {_VARIABLE.sub(lambda match: match[2] or '*', self.template)}"


class Contracts:
    """A descriptor set with its comments. Only files of the package `csms` count as ours."""

    def __init__(self, files: descriptor_pb2.FileDescriptorSet) -> None:
        pool = descriptor_pool.DescriptorPool()
        self._files: list[FileDescriptor] = []
        self._comments: dict[str, str] = {}
        for file in files.file:
            pool.Add(file)
            self._comments.update(_comments(file))
            if file.package.startswith("csms."):
                self._files.append(pool.FindFileByName(file.name))
        self._pool = pool

    @classmethod
    def load(cls, path: Path = protos.DESCRIPTOR_SET) -> Self:
        """Raises protos.GenerationError when the descriptor set has not been generated."""
        if not path.is_file():
            raise protos.GenerationError(f"{path} is missing; run `make protos`")
        return cls(descriptor_pb2.FileDescriptorSet.FromString(path.read_bytes()))

    @property
    def files(self) -> list[FileDescriptor]:
        """Our files, every one after those it imports."""
        return list(self._files)

    @property
    def services(self) -> list[ServiceDescriptor]:
        """Our services by full name."""
        found = (service for file in self._files for service in file.services_by_name.values())
        return sorted(found, key=lambda service: service.full_name)

    @property
    def methods(self) -> list[MethodDescriptor]:
        """Our RPCs: services by full name, RPCs as declared."""
        return [method for service in self.services for method in service.methods]

    @property
    def messages(self) -> list[Descriptor]:
        """Our messages, nested ones included, without the entry types of maps."""
        return [message for file in self._files for message in _walk(file.message_types_by_name.values())]

    @property
    def enums(self) -> list[EnumDescriptor]:
        """Our enums, nested ones included."""
        top = [enum for file in self._files for enum in file.enum_types_by_name.values()]
        return top + [enum for message in self.messages for enum in message.enum_types]

    def message(self, full_name: str) -> Descriptor:
        """Any message of the set, foreign ones too. Raises KeyError."""
        return self._pool.FindMessageTypeByName(full_name)

    def enum(self, full_name: str) -> EnumDescriptor:
        """Any enum of the set. Raises KeyError."""
        return self._pool.FindEnumTypeByName(full_name)

    def comment(self, full_name: str) -> str:
        """The comment above a service, RPC, message, field or enum, without lint directives; empty without one.

        An enum value is named below its enum: `csms.station.v1.Station.Status.ACTIVE`.
        """
        return self._comments.get(full_name, "")


def bindings(method: MethodDescriptor) -> list[Binding]:
    """The REST bindings of an RPC, the main one first; empty for an RPC that only gRPC callers reach."""
    options = method.GetOptions()
    if not options.HasExtension(_HTTP):
        return []
    rule: http_pb2.HttpRule = options.Extensions[_HTTP]
    return [_binding(each) for each in (rule, *rule.additional_bindings)]


def access_rule(method: MethodDescriptor) -> access_pb2.AccessRule | None:
    """Who may call the RPC; None when it does not say."""
    options = method.GetOptions()
    return options.Extensions[access_pb2.access] if options.HasExtension(access_pb2.access) else None


def behaviors(field: FieldDescriptor) -> frozenset[int]:
    """The values of `google.api.field_behavior` on a field."""
    return frozenset(field.GetOptions().Extensions[_FIELD_BEHAVIOR])


def map_value(field: FieldDescriptor) -> FieldDescriptor | None:
    """The value field of a map, which descriptors show as a repeated message; None for any other field."""
    entry = field.message_type
    return entry.fields_by_name["value"] if entry is not None and entry.GetOptions().map_entry else None


def field_path(message: Descriptor, path: str) -> list[FieldDescriptor]:
    """The fields along a dotted path. Raises KeyError naming the part that does not exist."""
    fields: list[FieldDescriptor] = []
    inside: Descriptor | None = message
    for part in path.split("."):
        if inside is None or part not in inside.fields_by_name:
            raise KeyError(f"{message.full_name} has no field {path}")
        fields.append(inside.fields_by_name[part])
        inside = fields[-1].message_type
    return fields


def _binding(rule: http_pb2.HttpRule) -> Binding:
    pattern = rule.WhichOneof("pattern")
    if pattern == "custom":
        return Binding(rule.custom.kind.lower(), rule.custom.path, rule.body)
    return Binding(pattern or "", getattr(rule, pattern) if pattern else "", rule.body)


def _walk(messages: Iterable[Descriptor]) -> Iterator[Descriptor]:
    for message in messages:
        if not message.GetOptions().map_entry:
            yield message
            yield from _walk(message.nested_types)


def _comments(file: descriptor_pb2.FileDescriptorProto) -> dict[str, str]:
    names = dict(_named_locations(file))
    found: dict[str, str] = {}
    for location in file.source_code_info.location:
        name = names.get(tuple(location.path))
        text = _clean(location.leading_comments or location.trailing_comments)
        if name and text:
            # Foreign comments go on at length about how to use the type in contracts of one's own.
            found[name] = text if file.package.startswith("csms.") else text.partition("\n\n")[0]
    return found


def _clean(comment: str) -> str:
    lines = [line.strip() for line in comment.strip().splitlines()]
    return "\n".join(line for line in lines if not line.startswith("buf:lint:")).strip()


def _named_locations(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[_SourcePath, str]]:
    for index, message in enumerate(file.message_type):
        yield from _in_message((_MESSAGES, index), f"{file.package}.{message.name}", message)
    for index, enum in enumerate(file.enum_type):
        yield from _in_enum((_ENUMS, index), f"{file.package}.{enum.name}", enum)
    for index, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield (_SERVICES, index), name
        for number, method in enumerate(service.method):
            yield (_SERVICES, index, _CHILDREN, number), f"{name}.{method.name}"


def _in_message(
    path: _SourcePath, name: str, message: descriptor_pb2.DescriptorProto
) -> Iterator[tuple[_SourcePath, str]]:
    yield path, name
    for index, field in enumerate(message.field):
        yield (*path, _FIELDS, index), f"{name}.{field.name}"
    for index, oneof in enumerate(message.oneof_decl):
        yield (*path, _ONEOFS, index), f"{name}.{oneof.name}"
    for index, nested in enumerate(message.nested_type):
        yield from _in_message((*path, _NESTED_MESSAGES, index), f"{name}.{nested.name}", nested)
    for index, enum in enumerate(message.enum_type):
        yield from _in_enum((*path, _NESTED_ENUMS, index), f"{name}.{enum.name}", enum)


def _in_enum(
    path: _SourcePath, name: str, enum: descriptor_pb2.EnumDescriptorProto
) -> Iterator[tuple[_SourcePath, str]]:
    yield path, name
    for index, value in enumerate(enum.value):
        yield (*path, _CHILDREN, index), f"{name}.{value.name}"
