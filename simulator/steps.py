"""The steps that a scenario in YAML may have: their names, what can be said of each, and what each does.

What is written is read here, by kinds of fields; what it does is in `stage`. `simulator/README.md` has the list.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulator import stage
from simulator.connector import ConnectorStatus, Side, StopReason
from simulator.file_conduct import FirmwareFault
from simulator.link import ACCEPTED
from simulator.stage import Stage, Values

_LONGEST_SECONDS = 24 * 3600
_UNITS = {"": 1, "s": 1, "min": 60, "h": 3600}
# OCPP 1.6, ChargePointErrorCode; 2.x tells faults without one.
_FAULTS = (
    "OtherError",
    "ConnectorLockFailure",
    "EVCommunicationError",
    "GroundFailure",
    "HighTemperature",
    "InternalError",
    "OverCurrentFailure",
    "OverVoltage",
    "PowerMeterFailure",
    "PowerSwitchFailure",
    "ReaderFailure",
    "ResetFailure",
    "UnderVoltage",
    "WeakSignal",
)
_BOOTS = ("PowerUp", "ApplicationReset", "FirmwareUpdate", "LocalReset", "RemoteReset", "ScheduledReset", "Watchdog")
_TOKENS = (ACCEPTED, "Blocked", "Expired", "Invalid", "ConcurrentTx")


class Unreadable(ValueError):
    """What a field says is none of what it may say."""


@dataclass(frozen=True)
class Field:
    """What may be said of a step. `read` takes what is written and raises Unreadable."""

    read: Callable[[str], Any]
    about: str
    is_required: bool = False
    default: Any = None


@dataclass(frozen=True)
class StepKind:
    """One kind of step. `short` is the field that is meant where only a value is written."""

    name: str
    play: Callable[[Stage, Values], Awaitable[None]]
    fields: Mapping[str, Field] = field(default_factory=dict)
    short: str | None = None
    needs_transaction: bool = False

    @property
    def about(self) -> str:
        """What it is, in a sentence."""
        return (self.play.__doc__ or "").partition("\n")[0]


def _duration(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})\s*(s|min|h|)", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise Unreadable("is no time from 1 s to 24 h, such as 30 s, 5 min or 1 h")
    return seconds


def _number(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or int(text) > most:
            raise Unreadable(f"is no whole number from 0 to {most}")
        return int(text)

    return read


def _text(text: str) -> str:
    if not 1 <= len(text) <= 20:
        raise Unreadable("is no text of 1 to 20 characters")
    return text


def _one_of(words: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise Unreadable(f"is none of {', '.join(words)}")
        return text

    return read


_FOR = Field(_duration, "how long", is_required=True)
_FOR_A_WHILE = Field(_duration, "how long; until told otherwise if left out")
_TAG = Field(_text, "the token; that of the run if left out")
_POWER = Field(_number(1_000_000), "W")
_WITHIN = Field(_duration, "how long to wait, in real time", default=60)

_ALL = (
    StepKind("plug-in", stage.plug_in),
    StepKind(
        "authorize",
        stage.authorize,
        {"tag": _TAG, "expect": Field(_one_of(_TOKENS), "what it has to be answered", default=ACCEPTED)},
        "tag",
    ),
    StepKind("start", stage.start, {"tag": _TAG, "power": _POWER, "energy": Field(_number(10_000_000), "Wh")}, "tag"),
    StepKind("charge", stage.charge, {"for": _FOR, "power": _POWER}, "for", needs_transaction=True),
    StepKind(
        "suspend",
        stage.suspend,
        {
            "by": Field(_one_of([side.value for side in Side]), "who holds it back", is_required=True),
            "for": _FOR_A_WHILE,
        },
        "by",
        needs_transaction=True,
    ),
    StepKind("resume", stage.resume, needs_transaction=True),
    StepKind(
        "fault",
        stage.fault,
        {"code": Field(_one_of(_FAULTS), "what is wrong", default=_FAULTS[0]), "for": _FOR_A_WHILE},
        "code",
    ),
    StepKind("recover", stage.recover),
    StepKind("offline", stage.offline, {"for": _FOR_A_WHILE}, "for"),
    StepKind(
        "online",
        stage.online,
        {"order": Field(_one_of(["queued", "newest-first"]), "of what was queued", default="queued")},
        "order",
    ),
    StepKind(
        "reboot",
        stage.reboot,
        {
            "transaction": Field(_one_of(["goes-on", "ends"]), "what becomes of one that runs", default="goes-on"),
            "reason": Field(_one_of(_BOOTS), "told by 2.x", default="PowerUp"),
        },
        "transaction",
    ),
    StepKind(
        "stop",
        stage.stop,
        {"reason": Field(_one_of([reason.value for reason in StopReason]), "in words of 1.6", default="Local")},
        "reason",
        needs_transaction=True,
    ),
    StepKind("unplug", stage.unplug),
    StepKind("wait", stage.wait, {"for": _FOR}, "for"),
    StepKind(
        "await-command",
        stage.await_command,
        {"command": Field(_one_of(list(stage.COMMANDS)), "which", is_required=True), "within": _WITHIN},
        "command",
    ),
    StepKind(
        "await-status",
        stage.await_status,
        {
            "of": Field(_one_of(list(stage.STATUSES)), "of what", is_required=True),
            "status": Field(_text, "such as Installed or Uploaded", is_required=True),
            "within": _WITHIN,
        },
    ),
    StepKind(
        "firmware",
        stage.firmware,
        {"fault": Field(_one_of(["none", *filter(None, FirmwareFault)]), "what goes wrong", is_required=True)},
        "fault",
    ),
    StepKind(
        "expect",
        stage.expect,
        {
            "power-at-most": _POWER,
            "power-at-least": _POWER,
            "status": Field(_one_of([status.value for status in ConnectorStatus]), "in words of 1.6"),
        },
        "status",
    ),
)
STEPS: Mapping[str, StepKind] = {kind.name: kind for kind in _ALL}
# They take the device time of their field `for`; what is waited for takes real time.
LASTING = frozenset({"charge", "suspend", "fault", "offline", "wait"})
