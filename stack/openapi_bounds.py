"""The bounds that the contracts set to a field (`buf.validate.field`), as JSON schema says them.

A 64-bit integer is a text in JSON, for which JSON schema knows no range: its bounds are in `x-minimum`, `x-maximum`.
"""

from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor

from buf.validate import validate_pb2
from stack.descriptors import behaviors

JsonSchema = dict[str, Any]

_TEXT = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern"}
_NUMBER = {"gte": "minimum", "lte": "maximum", "gt": "exclusiveMinimum", "lt": "exclusiveMaximum"}
_WORDS = {
    "string": _TEXT,
    # Of the bytes, not of the base64 that is sent.
    "bytes": {},
    "repeated": {"min_items": "minItems", "max_items": "maxItems"},
    "map": {"min_pairs": "minProperties", "max_pairs": "maxProperties"},
}
_LONG = frozenset({"int64", "uint64", "sint64"})


def bounds_of(field: FieldDescriptor) -> JsonSchema:
    """What bounds a field as a whole: a list with its length, a map with its size, or one value."""
    bounds = _bounds(_rules(field))
    if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated and _is_required(field):
        bounds.setdefault("minLength", 1)
    if field.is_repeated and _is_required(field):
        bounds.setdefault("minItems", 1)
    return bounds


def item_bounds_of(field: FieldDescriptor) -> JsonSchema:
    """What bounds each item of a list, each value of a map."""
    rules = _rules(field)
    return _bounds(rules.map.values if rules.WhichOneof("type") == "map" else rules.repeated.items)


def key_bounds_of(field: FieldDescriptor) -> JsonSchema:
    """What bounds each key of a map."""
    return _bounds(_rules(field).map.keys)


def _is_required(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.REQUIRED in behaviors(field)


def _rules(field: FieldDescriptor) -> validate_pb2.FieldRules:
    return field.GetOptions().Extensions[validate_pb2.field]


def _bounds(rules: validate_pb2.FieldRules) -> JsonSchema:
    kind = rules.WhichOneof("type")
    if kind is None:
        return {}
    stated = getattr(rules, kind)
    words = _WORDS.get(kind, _NUMBER)
    if kind in _LONG:
        words = {rule: f"x-{word}" for rule, word in _NUMBER.items()}
    return {word: getattr(stated, rule) for rule, word in words.items() if stated.HasField(rule)}
