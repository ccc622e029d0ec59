"""Configuration templates: what charge points of a kind should be set to, and how they stand to it. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.kernel.errors import conflict
from services.kernel.redaction import holds_secret, is_secret
from services.kernel.tenancy import owner_of_new
from services.kernel.validation import Violations
from services.station.domain.charge_point import ChargePoint
from services.station.domain.device_variable import (
    AttributeType,
    DeviceVariable,
    Mutability,
    Place,
    variable_id,
)

MOST_SETTINGS, MOST_TEMPLATES = 200, 500
_LONGEST_KEY, _LONGEST_VALUE, _LONGEST_NAME = 101, 2500, 200
_CONFIGURATION = "Configuration"
_OLDER_VERSION, _NEWER_VERSIONS = "ocpp1.6", "ocpp2."
# As callers write names in commands, see ocpp_edge/v2/variables.py.
_NAME = re.compile(r"[^\s.\[\]#]+")
_INSTANCE = re.compile(r"[^\[\]]*")
_TRUTHS = frozenset({"true", "false"})
_NUMBERS, _SETS, _LISTS = frozenset({"integer", "decimal"}), frozenset({"memberlist"}), frozenset({"sequencelist"})


class Reboot(StrEnum):
    """When a charge point is restarted that says that a setting needs it."""

    NEVER = "NEVER"
    ON_IDLE = "ON_IDLE"
    AT_ONCE = "AT_ONCE"


class DriftState(StrEnum):
    """How a setting compares with what it should be."""

    AS_DESIRED = "AS_DESIRED"
    DIFFERENT = "DIFFERENT"
    NOT_REPORTED = "NOT_REPORTED"
    NOT_THERE = "NOT_THERE"
    WRITE_ONLY = "WRITE_ONLY"


# What is known to be otherwise, and what may be.
_DRIFTING = frozenset({DriftState.DIFFERENT, DriftState.NOT_THERE})
_TO_BE_SET = frozenset({DriftState.DIFFERENT, DriftState.NOT_REPORTED})


@dataclass(frozen=True, slots=True)
class TemplateSetting:
    """A setting as it should be: a key of OCPP 1.6, which is a variable of the component `Configuration`, or a variable
    of OCPP 2.x."""

    place: Place
    value: str

    @property
    def is_key(self) -> bool:
        return self.place.component == _CONFIGURATION

    @property
    def call_key(self) -> str:
        """How commands name it."""
        place = self.place
        if self.is_key:
            return place.variable
        parts = ((place.component, place.component_instance), (place.variable, place.variable_instance))
        name = ".".join(f"{name}[{instance}]" if instance else name for name, instance in parts)
        connector = f".{place.connector_id}" if place.connector_id else ""
        return f"{name}#{place.evse_id}{connector}" if place.evse_id else name

    def is_for(self, protocol: str) -> bool:
        """Whether charge points of this version have settings of this form."""
        return protocol == _OLDER_VERSION if self.is_key else protocol.startswith(_NEWER_VERSIONS)


def key_setting(key: str, value: str) -> TemplateSetting:
    """A setting of OCPP 1.6."""
    return TemplateSetting(Place(_CONFIGURATION, "", 0, 0, key, "", AttributeType.ACTUAL), value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationTemplate:
    """Settings as they should be, of charge points of a vendor, a model, a firmware; an empty one of these is any."""

    id: str
    name: str
    vendor: str = ""
    model: str = ""
    firmware_version: str = ""
    settings: Sequence[TemplateSetting] = ()
    reboot: Reboot = Reboot.NEVER
    create_time: datetime
    update_time: datetime
    revision: int = 1
    tenant_id: str = field(default_factory=owner_of_new)

    def is_for(self, point: ChargePoint) -> bool:
        """Whether it says what this charge point should be set to."""
        if point.tenant_id != self.tenant_id:
            return False
        vendor = _is_any_of(self.vendor, point.vendor, point.reported_vendor)
        model = _is_any_of(self.model, point.model, point.reported_model)
        return vendor and model and self.firmware_version in ("", point.firmware_version)

    @property
    def rank(self) -> tuple[bool, bool, bool, datetime, str]:
        """Of two that say different things the greater one counts."""
        return bool(self.firmware_version), bool(self.model), bool(self.vendor), self.update_time, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingDrift:
    """A setting of a charge point beside what a template says; None for what it has not told."""

    desired: TemplateSetting
    state: DriftState
    actual: str | None
    changed_time: datetime | None
    template_id: str
    variable_id: str


@dataclass(frozen=True, slots=True)
class ChargePointDrift:
    """How a charge point stands to what it should be set to."""

    charge_point: ChargePoint
    settings: Sequence[SettingDrift]
    compared: int

    @property
    def drifting(self) -> int:
        """How many settings are not as they should be."""
        return sum(one.state in _DRIFTING for one in self.settings)

    @property
    def is_to_be_set(self) -> bool:
        """Whether to set it again may change anything."""
        return any(one.state in _TO_BE_SET for one in self.settings)


def validated(template: ConfigurationTemplate) -> ConfigurationTemplate:
    """`template` itself. Raises: INVALID_FIELD."""
    violations = Violations("template")
    violations.text("name", template.name, longest=_LONGEST_NAME, shortest=1)
    for name, value in (
        ("vendor", template.vendor),
        ("model", template.model),
        ("firmwareVersion", template.firmware_version),
    ):
        violations.text(name, value, longest=_LONGEST_NAME)
    settings = template.settings
    violations.check(1 <= len(settings) <= MOST_SETTINGS, "settings", f"must be 1 to {MOST_SETTINGS}")
    seen: set[str] = set()
    for position, setting in enumerate(settings[:MOST_SETTINGS]):
        _check_setting(violations, f"settings[{position}]", setting)
        named = variable_id("", setting.place)
        violations.check(named not in seen, f"settings[{position}]", "is there twice")
        seen.add(named)
    violations.raise_if_any()
    return template


def replaced(before: ConfigurationTemplate, after: ConfigurationTemplate, etag: str) -> ConfigurationTemplate:
    """What a template becomes. Raises: INVALID_FIELD, ETAG_MISMATCH."""
    if etag and etag != str(before.revision):
        raise conflict("ETAG_MISMATCH", f"configuration template {before.id} has changed since etag {etag} was read")
    template = replace(after, id=before.id, create_time=before.create_time, tenant_id=before.tenant_id)
    return validated(replace(template, revision=before.revision + 1))


def desired(
    templates: Iterable[ConfigurationTemplate], point: ChargePoint
) -> Iterator[tuple[ConfigurationTemplate, TemplateSetting]]:
    """What a charge point should be set to, each setting by the template that counts."""
    chosen: dict[str, tuple[ConfigurationTemplate, TemplateSetting]] = {}
    for template in sorted(templates, key=lambda one: one.rank):
        if template.is_for(point):
            for setting in template.settings:
                if setting.is_for(point.protocol):
                    chosen[variable_id(point.id, setting.place)] = (template, setting)
    yield from chosen.values()


def drift_of(
    point: ChargePoint,
    templates: Iterable[ConfigurationTemplate],
    known: Mapping[str, DeviceVariable],
) -> ChargePointDrift:
    """How a charge point stands to these templates, by what is known of its variables, by id."""
    found = []
    for template, setting in desired(templates, point):
        named = variable_id(point.id, setting.place)
        variable = known.get(named)
        found.append(
            SettingDrift(
                desired=setting,
                state=_state_of(setting, variable),
                actual=variable.value if variable is not None else None,
                changed_time=variable.changed_time if variable is not None else None,
                template_id=template.id,
                variable_id=named,
            )
        )
    return ChargePointDrift(point, found, len(found))


def is_same(wanted: str, actual: str, data_type: str) -> bool:
    """Whether two values mean the same: of truths letters of both cases do, of numbers `60.0` is 60, and in lists
    spaces, and in a list of members their order, do not count."""
    if wanted == actual:
        return True
    kind = data_type.lower()
    if wanted.lower() in _TRUTHS and kind in ("", "boolean"):
        return wanted.lower() == actual.lower()
    if kind in _NUMBERS:
        try:
            return float(wanted) == float(actual)
        except ValueError:
            return False
    # A key of OCPP 1.6 has no type: what has a comma is a list.
    if kind in _SETS | _LISTS or (not kind and "," in wanted):
        ours, theirs = ([part.strip() for part in text.split(",")] for text in (wanted, actual))
        return sorted(ours) == sorted(theirs) if kind in _SETS else ours == theirs
    return False


def _state_of(setting: TemplateSetting, variable: DeviceVariable | None) -> DriftState:
    if variable is None:
        return DriftState.NOT_REPORTED
    if variable.absent_time is not None and variable.absent_time > variable.reported_time:
        return DriftState.NOT_THERE
    if variable.description.mutability is Mutability.WRITE_ONLY or is_secret(setting.place.variable):
        return DriftState.WRITE_ONLY
    if variable.value is None:
        return DriftState.NOT_REPORTED if variable.value_telling is None else DriftState.DIFFERENT
    same = is_same(setting.value, variable.value, variable.description.data_type)
    return DriftState.AS_DESIRED if same else DriftState.DIFFERENT


def _check_setting(violations: Violations, place: str, setting: TemplateSetting) -> None:
    named = setting.place
    if setting.is_key:
        violations.text(f"{place}.key", named.variable, longest=_LONGEST_KEY, shortest=1)
    else:
        for part, name, instance in (
            ("component", named.component, named.component_instance),
            ("variable", named.variable, named.variable_instance),
        ):
            sound = _NAME.fullmatch(name) is not None
            violations.check(sound, f"{place}.{part}.name", "must be set, without spaces, dots, brackets and #")
            violations.check(
                _INSTANCE.fullmatch(instance) is not None, f"{place}.{part}.instance", "must have no brackets"
            )
        in_order = named.evse_id > 0 or named.connector_id == 0
        violations.check(in_order, f"{place}.component.evseId", "must be set with a connector")
        violations.check(
            len(setting.call_key) <= _LONGEST_KEY, place, f"must be named by at most {_LONGEST_KEY} characters"
        )
    violations.text(f"{place}.value", setting.value, longest=_LONGEST_VALUE)
    # Whoever may read templates reads these.
    secret = is_secret(setting.call_key) or holds_secret(setting.call_key, setting.value)
    violations.check(
        not secret,
        f"{place}.value",
        "is a secret, and not kept here; use /charge-points/{id}/rotate-password or a command",
    )


def _is_any_of(wanted: str, *called: str) -> bool:
    return not wanted or wanted.casefold() in {name.casefold() for name in called}
