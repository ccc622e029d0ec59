"""Settings of a charge point: typed, validated, writable or not, obeyed by the parts they steer.

The store is the same for 1.6 (keys are names) and 2.0.1 (keys are components and variables); each
dialect says which of its keys plays which role.
"""

import asyncio
import math
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Kind(StrEnum):
    """Data types, in OCPP 2.0.1 words."""

    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    TEXT = "string"
    DATE_TIME = "dateTime"
    MEMBERS = "MemberList"
    CHOICE = "OptionList"


class Write(Enum):
    """What became of an attempt to change a setting."""

    ACCEPTED = auto()
    REBOOT_REQUIRED = auto()
    REJECTED = auto()
    READ_ONLY = auto()
    UNKNOWN = auto()


class Role(Enum):
    """The settings that steer the simulator itself, whatever a dialect calls them."""

    HEARTBEAT_INTERVAL = auto()
    SAMPLE_INTERVAL = auto()
    SAMPLED_MEASURANDS = auto()
    MESSAGE_ATTEMPTS = auto()
    MESSAGE_RETRY_INTERVAL = auto()
    AUTHORIZE_REMOTE_START = auto()
    STOP_ON_INVALID_ID = auto()
    OFFLINE_AUTHORIZATION = auto()
    OFFLINE_UNKNOWN = auto()
    LOCAL_LIST = auto()
    AUTHORIZATION_CACHE = auto()
    PASSWORD = auto()
    PING_INTERVAL = auto()


MEASURANDS = (
    "Energy.Active.Import.Register",
    "Power.Active.Import",
    "Current.Import",
    "Voltage",
    "SoC",
)


@dataclass
class Setting:
    """One value with its rules. Limits are those of the number, or of the length of a text.

    What `needs_reboot` counts from the next restart on; what is not persistent has its first value again after one;
    what is constant never changes at all.
    """

    value: str
    kind: Kind = Kind.TEXT
    writable: bool = True
    readable: bool = True
    minimum: int | None = None
    maximum: int | None = None
    choices: tuple[str, ...] = ()
    unit: str | None = None
    needs_reboot: bool = False
    is_persistent: bool = True
    is_constant: bool = False

    def admits(self, value: str) -> bool:
        """Whether `value` is well-formed and within the limits."""
        match self.kind:
            case Kind.INTEGER:
                return self._admits_number(value)
            case Kind.DECIMAL:
                return self._admits_decimal(value)
            case Kind.BOOLEAN:
                return value.lower() in ("true", "false")
            case Kind.CHOICE:
                return value in self.choices
            case Kind.MEMBERS:
                return set(_members(value)) <= set(self.choices)
            case Kind.DATE_TIME | Kind.TEXT:
                return self._within(len(value))

    def _admits_number(self, value: str) -> bool:
        try:
            return self._within(int(value))
        except ValueError:
            return False

    def _admits_decimal(self, value: str) -> bool:
        try:
            number = float(value)
        except ValueError:
            return False
        return math.isfinite(number) and self._within(number)

    def _within(self, number: float) -> bool:
        low = self.minimum is None or number >= self.minimum
        return low and (self.maximum is None or number <= self.maximum)


class ConfigurationStore(Generic[K]):
    """All settings of one charge point."""

    def __init__(self, settings: Mapping[K, Setting], roles: Mapping[Role, K]) -> None:
        self._settings = dict(settings)
        self._first = {key: setting.value for key, setting in settings.items() if not setting.is_persistent}
        self._pending: dict[K, str] = {}
        self._roles = dict(roles)
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[K]:
        return iter(self._settings)

    def find(self, key: K) -> Setting | None:
        """The setting under a key, if there is one."""
        return self._settings.get(key)

    def write(self, key: K, value: str) -> Write:
        """Change a setting on the central system's behalf: rules apply."""
        setting = self._settings.get(key)
        if setting is None:
            return Write.UNKNOWN
        if not setting.writable:
            return Write.READ_ONLY
        if not setting.admits(value):
            return Write.REJECTED
        if setting.needs_reboot:
            self._pending[key] = value
            return Write.REBOOT_REQUIRED
        self._assign(key, value)
        return Write.ACCEPTED

    def restart(self) -> None:
        """The station starts again: what waited for that counts, what is not persistent is as it was at first."""
        for key, value in {**self._first, **self._pending}.items():
            self._assign(key, value)
        self._pending.clear()

    def assign(self, role: Role, value: str) -> None:
        """Change a setting from within the charge point: no rule but the type applies."""
        key = self._roles[role]
        if not self._settings[key].admits(value):
            raise ValueError(f"{key} cannot be {value!r}")
        self._assign(key, value)

    def plays(self, key: K, role: Role) -> bool:
        """Whether this key is the one for a role."""
        return self._roles[role] == key

    async def changed(self) -> None:
        """Return at the next change of any setting."""
        await self._changed.wait()

    def text(self, role: Role) -> str:
        """The value of a role as it is written."""
        return self._settings[self._roles[role]].value

    def integer(self, role: Role) -> int:
        """The value of a role as a number."""
        return int(self.text(role))

    def flag(self, role: Role) -> bool:
        """The value of a role as a truth."""
        return self.text(role).lower() == "true"

    def members(self, role: Role) -> tuple[str, ...]:
        """The value of a role as a list."""
        return _members(self.text(role))

    def _assign(self, key: K, value: str) -> None:
        self._settings[key].value = value
        self._changed.set()
        self._changed = asyncio.Event()


def _members(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
