"""How long is waited for what may never come can be set, for days and for tests of minutes."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.billing.settings import BillingSettings
from services.transaction.settings import TransactionSettings
from tests.fixtures.tokens import Tokens


@pytest.mark.parametrize(("hours", "silence"), [("72", timedelta(days=3)), ("0.01", timedelta(seconds=36))])
def test_silence_is_bounded_by_hours_or_parts_of_one(
    monkeypatch: pytest.MonkeyPatch, tokens: Tokens, hours: str, silence: timedelta
) -> None:
    monkeypatch.setenv("SESSION_SILENCE_HOURS", hours)
    assert _settings(TransactionSettings, tokens).silence == silence


def test_a_concluded_end_is_billed_after_the_minutes_that_are_set(
    monkeypatch: pytest.MonkeyPatch, tokens: Tokens
) -> None:
    assert _settings(BillingSettings, tokens).end_patience == timedelta(minutes=10)
    monkeypatch.setenv("ESTIMATED_END_PATIENCE_MINUTES", "0.25")
    assert _settings(BillingSettings, tokens).end_patience == timedelta(seconds=15)


@pytest.mark.parametrize(
    ("settings", "name"),
    [(TransactionSettings, "SESSION_SILENCE_HOURS"), (BillingSettings, "ESTIMATED_END_PATIENCE_MINUTES")],
)
@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "1000000"])
def test_a_bound_that_is_none_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, tokens: Tokens, settings: type[Any], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        _settings(settings, tokens)


def _settings(settings: type[Any], tokens: Tokens) -> Any:
    return settings(_env_file=None, **tokens.settings().model_dump())
