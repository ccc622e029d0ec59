"""Parts of a TransactionEvent, as stations of OCPP 2.0.1 and 2.1 send it alike."""

from typing import Any

STAMP = "2026-03-01T11:59:30Z"
CARD = {"idToken": "card", "type": "ISO14443"}


def event(kind: str = "Updated", **fields: Any) -> dict[str, Any]:
    """One of the transaction T1."""
    said = {"eventType": kind, "timestamp": STAMP, "triggerReason": "MeterValuePeriodic", "seqNo": 3}
    return {**said, "transactionInfo": {"transactionId": "T1"}, **fields}
