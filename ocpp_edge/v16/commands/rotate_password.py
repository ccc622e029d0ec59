"""A new password (OCPP 1.6, security whitepaper, A01): ChangeConfiguration of AuthorizationKey."""

import re

from csms.transaction.v1 import command_pb2 as command_pb
from ocpp_edge.commands.dialect import Asked, Dialect, by_status
from ocpp_edge.commands.results import setting_changed_16
from ocpp_edge.effects import in_ledger

_PASSWORD_KEY = "AuthorizationKey"
_DIGITS, _MOST_DIGITS = re.compile(r"[0-9A-Fa-f]*"), 40


def ask(body: command_pb.RotatePassword, _command_id: str) -> Asked:
    return "ChangeConfiguration", {"key": _PASSWORD_KEY, "value": body.password}


def in_digits(body: command_pb.RotatePassword) -> Asked | None:
    """Some take a password as the hexadecimal digits of its bytes only (security whitepaper, A01): 20 bytes at most."""
    digits = body.password.encode().hex()
    is_other = len(digits) <= _MOST_DIGITS and not _DIGITS.fullmatch(body.password)
    return ("ChangeConfiguration", {"key": _PASSWORD_KEY, "value": digits}) if is_other else None


COMMAND = Dialect(
    ask,
    by_status("Accepted", "RebootRequired"),
    in_digits,
    result=setting_changed_16,
    effects={"ChangeConfiguration": in_ledger("charge_points.password_hash")},
)
