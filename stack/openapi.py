"""The OpenAPI 3.1 document of the REST facade, made from the descriptor set.

Describes what Envoy's transcoder does with the annotations; `python -m stack.openapi` prints it.
"""

import json
import mimetypes
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from stack.descriptors import Binding, Contracts, access_rule, behaviors, bindings, field_path
from stack.openapi_schemas import JsonSchema, Schemas
from stack.protos import GenerationError
from stack.query_parameters import query_parameters

_HTTP_BODY = "google.api.HttpBody"
_MASK = "update_mask"
_ABOUT = """REST facade of the charging station management system, transcoded from its gRPC contracts.

Times are RFC 3339 in UTC, 64-bit integers are strings, enum values are written by name. Lists are paged: `pageSize`
(default 50, at most 250), `pageToken`, and in the answer `nextPageToken`, empty on the last page.

What is sent is checked. A body is one JSON object (RFC 8259) of at most 256 KiB (413 beyond it) and nested at most 32
deep; a field is written as here or as in the contract (`pageSize` or `page_size`), once. Unknown fields and query
parameters, what the path tells already, and values of another kind are refused with 400. Maps take any key, and what
is called any JSON object takes any. `null` is the same as nothing; in an update it is refused: to empty a field, leave
it out and name it in `updateMask`. Fields that are read only are ignored.

Large imports are sent in pieces: one resource each, several requests at a time, each with a `requestId`, so that one
whose answer was lost can be sent again. Behind the facade a GET is tried again when a replica is lost or does not
answer in 3 s; all else only while no service has seen it, so a client that gets 503, 504 or no answer repeats it
itself, with the same `requestId`. A `requestId` counts for a day, for one caller and one operation; with another body
it is refused with 409. The header `Idempotency-Key` says the same as the `requestId` of an operation that has one.

An error is a `google.rpc.Status`; its `details` carry a `google.rpc.ErrorInfo` with a `reason` (one of
`error.v1.ErrorReason` without its prefix) and, for bad input, a `google.rpc.BadRequest` with the fields at fault: at
most 20 of them, and then the entry `violationCount` of the ErrorInfo's metadata says how many there were.

HEAD is answered as GET without a body, OPTIONS with the verbs that a path has, any other verb with 405."""


class ContractError(Exception):
    """The annotations contradict each other or the messages; the text names the RPCs concerned."""


def document(contracts: Contracts, release: str) -> dict[str, Any]:
    """The whole document, ready for `json.dumps`. `release` is the version it states.

    Raises ContractError when two RPCs have the same verb and template, or a binding names a field that does not exist.
    """
    refuse_clashes(contracts)
    schemas = Schemas(contracts)
    tags, paths = [], dict[str, dict[str, Any]]()
    for service in contracts.services:
        operations = list(_operations(schemas, service.methods))
        if operations:
            tags.append({"name": service.name, "description": schemas.description(service.full_name)})
        for path, verb, operation in operations:
            paths.setdefault(path, {})[verb] = operation
    schemas.reference(contracts.enum("csms.error.v1.ErrorReason"))
    error = _json(schemas.reference(contracts.message("google.rpc.Status")))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Charging station management system", "version": release, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "responses": {"Error": {"description": "What went wrong, and where.", "content": error}},
            "schemas": schemas.components,
        },
    }


def refuse_clashes(contracts: Contracts) -> None:
    """Raises ContractError naming every verb and template that two RPCs share: Envoy would answer 404 for both."""
    owners: dict[str, list[str]] = {}
    for method in contracts.methods:
        for binding in bindings(method):
            owners.setdefault(binding.shape, []).append(method.full_name)
    clashes = [f"{shape}: {' and '.join(names)}" for shape, names in owners.items() if len(names) > 1]
    if clashes:
        raise ContractError("the same verb and template twice, which makes both unreachable: " + "; ".join(clashes))


def _operations(schemas: Schemas, methods: Iterable[MethodDescriptor]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for method in methods:
        for number, binding in enumerate(bindings(method), start=1):
            try:
                yield _path(method.input_type, binding), binding.verb, _operation(schemas, method, binding, number)
            except KeyError as error:
                raise ContractError(f"{method.full_name}: {error.args[0]}") from None


def _operation(schemas: Schemas, method: MethodDescriptor, binding: Binding, number: int) -> dict[str, Any]:
    service = method.containing_service
    comment = schemas.description(method.full_name)
    operation: dict[str, Any] = {
        "operationId": f"{service.name}_{method.name}" + (f"_{number}" if number > 1 else ""),
        "tags": [service.name],
        "summary": _first_sentence(comment),
        "description": f"{comment}\n\n{_access(method)}".lstrip(),
        "x-grpc-method": f"/{service.full_name}/{method.name}",
    }
    if parameters := [
        *_path_parameters(schemas, method, binding),
        *_query_parameters(schemas, method, binding),
        *_header_parameters(method),
    ]:
        operation["parameters"] = parameters
    if binding.body:
        operation["requestBody"] = _request_body(schemas, method, binding)
    operation["responses"] = _responses(schemas, method, binding)
    rule = access_rule(method)
    if rule is not None and rule.public:
        operation["security"] = []
    return operation


def _access(method: MethodDescriptor) -> str:
    rule = access_rule(method)
    if rule is None or rule.public:
        return "Open to anybody."
    own = " Drivers reach only what is their own." if rule.driver_request_field or rule.driver_response_field else ""
    return f"Needs the permission `{rule.permission}`.{own}"


def _path(request: Descriptor, binding: Binding) -> str:
    path = binding.template
    for variable in binding.variables:
        before, _, rest = path.partition("{" + variable)
        path = f"{before}{{{_json_path(field_path(request, variable))}}}{rest.partition('}')[2]}"
    return path


def _json_path(fields: Iterable[FieldDescriptor]) -> str:
    return ".".join(field.json_name for field in fields)


def _path_parameters(schemas: Schemas, method: MethodDescriptor, binding: Binding) -> Iterator[dict[str, Any]]:
    for variable in binding.variables:
        fields = field_path(method.input_type, variable)
        yield _parameter(schemas, "path", fields) | {"required": True}


def _query_parameters(schemas: Schemas, method: MethodDescriptor, binding: Binding) -> Iterator[dict[str, Any]]:
    for fields in query_parameters(method.input_type, binding):
        yield _parameter(schemas, "query", fields)


def _header_parameters(method: MethodDescriptor) -> Iterator[dict[str, Any]]:
    """The idempotency key, of what takes a request id."""
    options = method.input_type.fields_by_name.get("options")
    holders = [method.input_type, options.message_type if options is not None else None]
    if any(holder is not None and "request_id" in holder.fields_by_name for holder in holders):
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "minLength": 1, "maxLength": 100},
            "description": "The same as `requestId`; give one of them, or both with the same value.",
        }


def _parameter(schemas: Schemas, place: str, fields: Iterable[FieldDescriptor]) -> dict[str, Any]:
    path = list(fields)
    schema = schemas.field(path[-1])
    parameter = {"name": _json_path(path), "in": place, "schema": schema}
    if description := schema.pop("description", ""):
        parameter["description"] = description
    return parameter


def _request_body(schemas: Schemas, method: MethodDescriptor, binding: Binding) -> dict[str, Any]:
    """The body. An empty one is the same as `{}`, so it is required only where one of its fields is."""
    request = method.input_type
    if binding.body != "*":
        body = field_path(request, binding.body)[-1].message_type
        if body is None:
            return {"required": True, "content": _json(schemas.field(field_path(request, binding.body)[-1]))}
        if body.full_name == _HTTP_BODY:
            return {"required": True, "content": _content(schemas, body, binding)}
        if _MASK in request.fields_by_name:
            return {"content": _json(schemas.changes(body))}
        return {"required": _has_required(body.fields), "content": _json(schemas.reference(body))}
    fields = [field for field in request.fields if field.name not in binding.variables]
    schema = schemas.fields(fields, closed=True) if binding.variables else schemas.reference(request)
    return {"required": _has_required(fields), "content": _json(schema)}


def _has_required(fields: Iterable[FieldDescriptor]) -> bool:
    return any(field_behavior_pb2.REQUIRED in behaviors(field) for field in fields)


def _responses(schemas: Schemas, method: MethodDescriptor, binding: Binding) -> dict[str, Any]:
    answer = method.output_type
    comment = "The document." if answer.full_name == _HTTP_BODY else schemas.description(answer.full_name)
    success: dict[str, Any] = {"description": comment or "The answer."}
    code = _success_code(method, binding)
    if code != "204":
        success["content"] = _content(schemas, answer, binding)
    if code == "201":
        success["headers"] = {"Location": {"schema": {"type": "string"}, "description": "Path of what was created."}}
    if method.server_streaming and "application/json" in success["content"]:
        success["description"] += "\n\nOne JSON object per line, or one server-sent event each for the latter type."
        success["content"]["text/event-stream"] = {"schema": schemas.reference(answer)}
    return {code: success, "default": {"$ref": "#/components/responses/Error"}}


def _success_code(method: MethodDescriptor, binding: Binding) -> str:
    if binding.verb == "post" and method.name.startswith("Create"):
        return "201"
    if binding.verb == "delete" and not method.output_type.fields:
        return "204"
    return "200"


def _content(schemas: Schemas, message: Descriptor, binding: Binding) -> dict[str, Any]:
    if message.full_name != _HTTP_BODY:
        return _json(schemas.reference(message))
    # The handler chooses the type at run time; the end of the path tells it: `/usage.csv`, `/invoices/{id}/pdf`.
    last = binding.template.rpartition("/")[2]
    guess = mimetypes.guess_type(last if "." in last else f"file.{last}", strict=False)[0]
    return {guess or "*/*": {}}


def _json(schema: JsonSchema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _first_sentence(comment: str) -> str:
    paragraph = " ".join(comment.split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".")


def main() -> int:
    """Command line: prints the document; 1 with a reason on stderr when the contracts do not allow one."""
    try:
        text = json.dumps(document(Contracts.load(), version("csms")), indent=1, ensure_ascii=False)
    except (ContractError, GenerationError) as error:
        print(f"openapi: {error}", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
