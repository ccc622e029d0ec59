"""The check of `tests.fuzz.rest`, loaded by schemathesis in its own environment (SCHEMATHESIS_HOOKS)."""

from typing import Any

import schemathesis  # type: ignore[import-not-found]  # lives with the fuzzer only


@schemathesis.check  # type: ignore[untyped-decorator]
def no_error_of_ours(_context: Any, response: Any, _case: Any) -> None:
    """No 5xx, but for a charge point that could not carry out what it was asked (502, OCPP_CALL_ERROR)."""
    if response.status_code >= 500 and b'"reason":"OCPP_CALL_ERROR"' not in response.content:
        raise AssertionError(f"{response.status_code}: {response.content[:500]!r}")
