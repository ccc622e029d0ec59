"""What makes a kind of command: the bounds of its body, and what shows its effect."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.kernel.ids import is_id
from services.kernel.validation import Violations
from services.transaction.domain.command import Command, CommandPriority
from services.transaction.domain.transaction import Transaction

Body = Mapping[str, Any]
"""What a command asks for, by the names of its fields in csms.transaction.v1; what was not said is left out."""


def nothing_to_check(_body: Body, _violations: Violations) -> None:
    """The check of a body without bounds of its own."""


def as_asked(kind: str, body: Body) -> tuple[str, Body]:
    """What most callers mean: what they say."""
    return kind, body


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandKind:
    """One kind of command.

    `check` notes what is wrong with a body, by OCPP 2.x, which allows more than OCPP 1.6: what the version of a charge
    point allows is for the edge to say. `meant` is the kind and body that a caller means; it raises INVALID_FIELD.
    `is_effect` tells whether a transaction as it is now is what the command asked for; `is_sole_effect`, that it is so
    of one command at most. With `boots`, the next boot is the effect. One without either has no effect but its answer.
    `moves_file`: it is about a file, which the station service prepares and follows.
    `is_about_transaction`: its body names a transaction in one of two ways, and the record has both.
    """

    priority: CommandPriority = CommandPriority.NORMAL
    check: Callable[[Body, Violations], None] = nothing_to_check
    meant: Callable[[str, Body], tuple[str, Body]] = as_asked
    is_effect: Callable[[Transaction, Command], bool] | None = None
    is_sole_effect: bool = False
    boots: bool = False
    is_about_transaction: bool = False
    moves_file: bool = False

    @property
    def has_effect(self) -> bool:
        return self.boots or self.is_effect is not None


def check_place(body: Body, violations: Violations, least_connector: int = 0) -> None:
    """The numbers of a connector and an EVSE, as far as the body has them."""
    for name, place, least in (("connector_id", "connectorId", least_connector), ("evse_id", "evseId", 0)):
        violations.check(body.get(name, 0) >= least, place, f"must be at least {least}")


def check_transaction(body: Body, violations: Violations) -> None:
    """A transaction is named by our id or by what the charge point calls it."""
    # As charge points call them, and some have longer names than the specification.
    violations.text("ocppTransactionId", body.get("ocpp_transaction_id", ""), longest=255)
    named = body.get("transaction_id", "")
    violations.check(
        bool(named) != bool(body.get("ocpp_transaction_id")), "transactionId", "give this or ocppTransactionId"
    )
    violations.check(
        not named or is_id(named),
        "transactionId",
        "must be an id of the platform; what the charge point calls it is ocppTransactionId",
    )


def check_location(body: Body, violations: Violations) -> None:
    """Where a charge point fetches or sends a file, when that is not the platform."""
    location = body.get("location", "")
    is_known = location.lower().startswith(("http://", "https://", "ftp://", "ftps://", "sftp://"))
    is_url = is_known and bool(location.partition("://")[2].strip("/"))
    wanted = "must begin with http, https, ftp, ftps or sftp and ://, then a host"
    violations.check(not location or is_url, "location", wanted)
    violations.text("location", location, longest=512)
    violations.check(not (location and body.get("ftp")), "ftp", "is for files of the platform")


def check_tries(body: Body, violations: Violations) -> None:
    """How often a charge point tries again."""
    violations.number("retries", body.get("retries", 0), 0, 100)
    violations.number("retryIntervalSeconds", body.get("retry_interval_seconds", 0), 0, 86_400)


def check_md5(body: Body, violations: Violations) -> None:
    """The checksum that OCPP knows firmware by."""
    checksum = body.get("checksum", "")
    is_one = len(checksum) == 32 and set(checksum.lower()) <= set("0123456789abcdef")
    violations.check(not checksum or is_one, "checksum", "must be 32 hexadecimal digits")
