"""The official JSON schemas of OCPP, compiled: one validator per version, action and direction.

Judges payloads only, and says where they are wrong; what to answer is decided by errors.py.
"""

import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema_rs
import orjson
from jsonschema_rs import ValidationErrorKind

from ocpp_edge.versions import Version

_FOLDER = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}
_RESPONSE = "Response"
_REQUEST = "Request"
# A hostile payload can break a schema in a million places; we tell of a few.
_MAX_VIOLATIONS = 20
_NONE: Sequence["Violation"] = ()


class Violation(NamedTuple):
    """One place where a payload breaks its schema.

    `path` is for people (`meterValue[0].timestamp`), `location` the same as keys and indexes. `limit` is what the
    schema asked for: the number of a length or bound, the name of a missing or unexpected property, a list of types.
    """

    path: str
    keyword: str
    message: str
    location: tuple[str | int, ...]
    limit: Any


class PayloadSchema:
    """The schema of one payload. `definition` is what it was made of."""

    __slots__ = ("_validator", "definition", "is_valid")

    def __init__(self, definition: Mapping[str, Any]) -> None:
        self.definition = definition
        # By draft 4, whatever the schema says: since draft 6 a 3.0 is an integer (tried with jsonschema-rs 0.60.3), and
        # so a float would reach code that counts on an int. Here it is a violation, and mended without a word where the
        # schema's own draft allows it (shapes.py). OCPP uses no keyword in which the drafts differ otherwise.
        # Formats are left to the mapping code: stations send zone-less and half-right timestamps that can be mended.
        # Masked, because messages reach logs and must not quote tags or passwords.
        self._validator = jsonschema_rs.Draft4Validator(dict(definition), validate_formats=False, mask="the value")
        # Asked of every message, so without a call in between.
        self.is_valid = self._validator.is_valid

    def violations(self, payload: Any, at_most: int = _MAX_VIOLATIONS) -> Sequence[Violation]:
        """Where `payload` is wrong: empty when it is valid, some `at_most` entries otherwise."""
        if self.is_valid(payload):
            return _NONE
        found = islice(self._validator.iter_errors(payload), at_most)
        return [violation for error in found for violation in _violations_of(error)]

    def first_violation(self, payload: Any) -> Sequence[Violation]:
        """One place where `payload` is wrong, or none: looks no further, so it costs little whatever else is wrong."""
        try:
            self._validator.validate(payload)
        except jsonschema_rs.ValidationError as error:
            return _violations_of(error)[:1]
        return _NONE


@dataclass(frozen=True, slots=True)
class Schemas:
    """All schemas of one version, by action. A SEND of OCPP 2.1 has a request and no response."""

    version: Version
    requests: Mapping[str, PayloadSchema]
    responses: Mapping[str, PayloadSchema]


@cache
def load(version: Version) -> Schemas:
    """The schemas of `version`; read and compiled at the first call (some 60 ms), shared afterwards.

    Raises RuntimeError when the package that carries them is not installed.
    """
    requests: dict[str, PayloadSchema] = {}
    responses: dict[str, PayloadSchema] = {}
    for file in sorted(_folder(version).glob("*.json")):
        schema = PayloadSchema(orjson.loads(file.read_text("utf-8-sig")))
        if file.stem.endswith(_RESPONSE):
            responses[file.stem.removesuffix(_RESPONSE)] = schema
        else:
            # 1.6 names a request after its action alone, 2.x appends "Request" (but not to a SEND).
            requests[file.stem.removesuffix(_REQUEST)] = schema
    return Schemas(version, requests, responses)


def path_of(location: Iterable[str | int]) -> str:
    """Keys and indexes as people write them: `meterValue[0].timestamp`."""
    return "".join([f"[{step}]" if isinstance(step, int) else f".{step}" for step in location]).lstrip(".")


def violation_at(location: tuple[str | int, ...], keyword: str, message: str) -> Violation:
    """A violation that somebody else has found."""
    return _violation(location, keyword, message, None)


def _folder(version: Version) -> Path:
    # Found without importing: the package itself builds thousands of dataclasses that the edge has no use for.
    spec = importlib.util.find_spec("ocpp")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the package `ocpp` with the OCPP schemas is not installed")
    return Path(spec.submodule_search_locations[0]) / _FOLDER[version] / "schemas"


def _violations_of(error: jsonschema_rs.ValidationError) -> list[Violation]:
    kind = error.kind
    location = tuple(error.instance_path)
    if isinstance(kind, ValidationErrorKind.Required):
        return [_violation((*location, kind.property), kind.name, "is missing", kind.property)]
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        # Names given by the sender are cut: they go into an answer of bounded length.
        unexpected = kind.unexpected[:5]
        return [_violation((*location, name[:64]), kind.name, "is not expected here", name) for name in unexpected]
    if isinstance(kind, ValidationErrorKind.Enum):
        # The library's own words name two of the choices.
        return [_violation(location, kind.name, f"must be one of {', '.join(map(str, kind.options))}", kind.options)]
    limit = next(iter(kind.as_dict().values()), None)
    return [_violation(location, kind.name, error.message, limit)]


def _violation(location: tuple[str | int, ...], keyword: str, message: str, limit: Any) -> Violation:
    return Violation(path_of(location) or "payload", keyword, message, location, limit)
