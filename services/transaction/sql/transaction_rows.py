"""Transactions as rows of `transactions`, for all who read or write them."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from services.postgres.recordset import Recordset, names_of, quoted
from services.transaction.domain.fact import Authorization
from services.transaction.domain.transaction import Transaction, TransactionState
from services.transaction.tables import TRANSACTIONS

_NAMES = names_of(TRANSACTIONS.columns)
_TRANSACTIONS = Recordset(TRANSACTIONS)
_values = attrgetter(*_NAMES)
# By what they are called: a tenth of what it costs to ask the enum.
_STATES = {state.value: state for state in TransactionState}
_AUTHORIZATIONS: dict[str | None, Authorization | None] = {None: None} | {one.value: one for one in Authorization}

# What flags are called that 0.1.0 has written.
_FLAGS_OF_010 = {"session_register": "transaction_register"}

# What to select for `transaction_of`, from `transactions AS t`.
TRANSACTION_COLUMNS = ", ".join(
    f"t.{quoted(name)}::text" if name in ("id", "start_key", "merged_into") else f"t.{quoted(name)}" for name in _NAMES
)
UPSERT_TRANSACTIONS = f"""
INSERT INTO transactions ({_TRANSACTIONS.columns}) SELECT {_TRANSACTIONS.values} FROM {_TRANSACTIONS.relation}
ON CONFLICT (id) DO UPDATE
SET ({_TRANSACTIONS.columns}) = ROW ({", ".join(f"excluded.{quoted(name)}" for name in _NAMES)})
""".encode()


def transaction_of(row: Sequence[Any]) -> Transaction:
    """The transaction in a row of TRANSACTION_COLUMNS, or of the columns of the table."""
    fields: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    fields["state"] = _STATES[fields["state"]]
    fields["authorization"] = _AUTHORIZATIONS[fields["authorization"]]
    fields["flags"] = tuple([_FLAGS_OF_010.get(flag, flag) for flag in fields["flags"]])
    fields["losses"] = tuple(fields["losses"])
    return Transaction(**fields)


def dump_transactions(transactions: Sequence[Transaction]) -> str:
    """The parameter of UPSERT_TRANSACTIONS."""
    return _TRANSACTIONS.dump(map(_values, transactions))
