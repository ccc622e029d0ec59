"""Payloads made of schemas."""

from typing import Any


def an(example: Any, root: Any, depth: int = 0) -> Any:
    """Something valid: every property of an object, two items of a list; optional ones only so deep."""
    if "$ref" in example:
        example = root["definitions"][example["$ref"].rpartition("/")[2]]
    match example.get("type"):
        case "object":
            required = example.get("required", ())
            return {
                name: an(part, root, depth + 1)
                for name, part in example.get("properties", {}).items()
                if depth < 6 or name in required
            }
        case "array":
            return [an(example["items"], root, depth + 1)] * max(2, example.get("minItems", 0))
        case "string":
            return example["enum"][0] if "enum" in example else "x" * min(5, example.get("maxLength", 5))
        case "integer" | "number":
            return int(example.get("minimum", min(1, example.get("maximum", 1))))
        case "boolean":
            return True
    return {"any": [None]}
