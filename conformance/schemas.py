"""What the schemas of OCPP say of a payload: those that PyPI `ocpp` ships, to the letter."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

import jsonschema_rs

from conformance.verdicts import Failed

# 1.6 calls the schema of a request by its action alone.
_FOLDERS = {"1.6": ("v16", ""), "2.0.1": ("v201", "Request"), "2.1": ("v21", "Request")}


@cache
def _validator(version: str, action: str, is_answer: bool) -> Any:
    folder, ending = _FOLDERS[version]
    name = f"{action}{'Response' if is_answer else ending}.json"
    schema = files("ocpp") / folder / "schemas" / name
    if not schema.is_file():
        return None
    content = json.loads(schema.read_text(encoding="utf-8-sig"))
    return jsonschema_rs.validator_for(content, validate_formats=True)


def problem(version: str, action: str, payload: Any, *, is_answer: bool) -> str:
    """What is wrong with a payload; empty for a sound one."""
    validator = _validator(version, action, is_answer)
    if validator is None:
        return f"{action} is no message of OCPP {version}"
    for error in validator.iter_errors(payload):
        place = "/".join(str(part) for part in error.instance_path)
        return f"{action}{' answer' if is_answer else ''}: {place or 'the payload'}: {error.message}"
    return ""


def demand(version: str, action: str, payload: Any, *, is_answer: bool) -> None:
    """Raises Failed for what the case itself would send wrong: a fault of the case, and told as one."""
    if found := problem(version, action, payload, is_answer=is_answer):
        raise Failed(f"the case is wrong: {found}")
