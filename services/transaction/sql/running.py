"""The table of the transactions that run, kept in step with what transactions become."""

from collections.abc import Iterator, Sequence

from services.postgres.recordset import array, text_array
from services.postgres.roundtrip import Statement
from services.transaction.domain.transaction import Transaction, TransactionState

_RUNS = b"""
INSERT INTO running_transactions AS known (charge_point_id, id, id_tag, group_id, tenant_id)
SELECT * FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::text[], %s::text[])
ON CONFLICT ON CONSTRAINT running_transactions_pkey DO UPDATE
SET id_tag = excluded.id_tag, group_id = excluded.group_id, tenant_id = excluded.tenant_id
WHERE (known.id_tag, known.group_id, known.tenant_id) <> (excluded.id_tag, excluded.group_id, excluded.tenant_id)
"""
_RUNS_NO_MORE = b"""
DELETE FROM running_transactions AS known USING unnest(%s::text[], %s::uuid[]) AS other (charge_point_id, id)
WHERE known.charge_point_id = other.charge_point_id AND known.id = other.id
"""


def noting_running(transactions: Sequence[Transaction]) -> Iterator[Statement]:
    """The statements that put those of `transactions` that run into the table and take the others out, with their
    parameters. Enough of them are those that others are told of: neither state nor token changes without."""
    runs = [transaction for transaction in transactions if transaction.state is TransactionState.ACTIVE]
    if runs:
        columns = (
            text_array(getattr(transaction, name) for transaction in runs)
            for name in ("id_tag", "group_id", "tenant_id")
        )
        yield _RUNS, (*_keys(runs), *columns)
    if len(runs) < len(transactions):
        yield (
            _RUNS_NO_MORE,
            _keys([transaction for transaction in transactions if transaction.state is not TransactionState.ACTIVE]),
        )


def _keys(transactions: Sequence[Transaction]) -> tuple[str, str]:
    return text_array(transaction.charge_point_id for transaction in transactions), array(
        transaction.id for transaction in transactions
    )
