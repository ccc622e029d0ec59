"""services.chassis.auth"""

import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from services.chassis import auth
from services.chassis.auth import (
    ANONYMOUS,
    PERMISSIONS_BY_ROLE,
    Caller,
    TokenVerifier,
    allows,
    current_caller,
    service_token,
)
from services.kernel.errors import DomainError, ErrorKind
from tests.fixtures.tokens import Tokens


@pytest.fixture
def verifier(tokens: Tokens) -> TokenVerifier:
    """Trusts what `tokens` signs."""
    return TokenVerifier(tokens.jwks_file, tokens.service_secret)


def _refused(verifier: TokenVerifier, token: str) -> str:
    with pytest.raises(DomainError) as refused:
        verifier.verify(token)
    assert (refused.value.kind, refused.value.reason) == (ErrorKind.UNAUTHENTICATED, "UNAUTHENTICATED")
    return refused.value.message


@pytest.mark.parametrize("role", ["admin", "operator", "viewer"])
def test_a_user_token_tells_who_is_calling(tokens: Tokens, verifier: TokenVerifier, role: str) -> None:
    assert verifier.verify(tokens.user(role)) == Caller("ann", role)


def test_a_driver_token_names_its_driver(tokens: Tokens, verifier: TokenVerifier) -> None:
    assert verifier.verify(tokens.user("driver", driver_id="d1")) == Caller("ann", "driver", "d1")


def test_the_driver_of_any_other_role_does_not_count(tokens: Tokens, verifier: TokenVerifier) -> None:
    assert verifier.verify(tokens.user("viewer", driver_id="d1")).driver_id is None


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"iss": "csms-internal"},
        {"aud": "another-api"},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"role": "service"},
        {"role": "root"},
        {"role": ["admin"]},
        {"role": None},
        {"role": "driver"},
        {"role": "driver", "driver_id": ""},
        {"role": "driver", "driver_id": 7},
    ],
)
def test_a_token_that_says_something_else_is_refused(
    tokens: Tokens, verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    _refused(verifier, tokens.user(**{"role": "admin", **claims}))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    assert _refused(verifier, token) == "the token is not valid"


def test_an_expired_token_is_refused_by_that_name(tokens: Tokens, verifier: TokenVerifier) -> None:
    assert _refused(verifier, tokens.user("admin", exp=int(time.time()) - 60)) == "the token has expired"


def test_a_token_signed_by_somebody_else_is_refused(tokens: Tokens, verifier: TokenVerifier, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    stranger = Tokens(tmp_path / "other")

    assert stranger.key_id == tokens.key_id
    _refused(verifier, stranger.user("admin"))


def test_a_token_without_a_signature_is_refused(verifier: TokenVerifier) -> None:
    now = int(time.time())
    claims = {"iss": "csms", "aud": "csms-api", "sub": "x", "role": "admin", "iat": now, "exp": now + 60}

    _refused(verifier, jwt.encode(claims, "", algorithm="none"))


def test_the_secret_of_the_services_signs_no_user_token(tokens: Tokens, verifier: TokenVerifier) -> None:
    now = int(time.time())
    claims = {"iss": "csms", "aud": "csms-api", "sub": "x", "role": "admin", "iat": now, "exp": now + 60}

    _refused(verifier, jwt.encode(claims, tokens.service_secret, algorithm="HS256"))


def test_a_service_shows_itself_by_its_own_token(tokens: Tokens, verifier: TokenVerifier) -> None:
    token = service_token("billing", tokens.service_secret)

    assert verifier.verify(token) == Caller("service:billing", "service")
    _refused(verifier, service_token("billing", "x" * 40))


def test_a_service_token_is_at_hand_until_it_is_due_for_another(
    tokens: Tokens, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    first = service_token("billing", tokens.service_secret)
    assert service_token("billing", tokens.service_secret) is first

    monkeypatch.setattr("services.chassis.auth.time.time", lambda: now + 600)
    later = service_token("billing", tokens.service_secret)
    assert later != first
    assert jwt.decode(later, options={"verify_signature": False})["exp"] > now + 600 + 200


def test_a_token_seen_before_is_not_verified_again_but_still_expires(
    tokens: Tokens, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.user("admin")
    verifier.verify(token)
    verified: list[str] = []

    def verify_again(self: TokenVerifier, token: str) -> dict[str, Any]:
        verified.append(token)
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(TokenVerifier, "_claims", verify_again)
    assert verifier.verify(token).role == "admin"
    assert verified == []

    after = time.time() + 120
    monkeypatch.setattr("services.chassis.auth.time.time", lambda: after)
    assert _refused(verifier, token) == "the token has expired"
    assert verified == [token]


def test_memory_for_tokens_is_bounded(tokens: Tokens, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_CACHED_TOKENS", 2)
    for subject in ("a", "b", "c"):
        verifier.verify(tokens.user("admin", sub=subject))

    assert len(verifier._seen) == 2


def test_a_new_signing_key_is_known_as_soon_as_it_is_in_the_file(tokens: Tokens, verifier: TokenVerifier) -> None:
    old = tokens.user("admin")
    verifier.verify(old)
    tokens.rotate("second")
    os.utime(tokens.jwks_file, (1, 1))

    assert verifier.verify(tokens.user("admin", sub="bob")).subject == "bob"
    _refused(verifier, old)


def test_a_token_that_names_an_unknown_key_is_refused(tokens: Tokens, verifier: TokenVerifier) -> None:
    tokens.key_id = "unheard-of"
    tokens._keys["unheard-of"] = tokens._keys["first"]

    _refused(verifier, tokens.user("admin"))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": []}', '{"keys": [{"kty": "odd"}]}'])
def test_a_file_that_is_no_key_set_is_an_error_at_once(tmp_path: Path, text: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(text)

    with pytest.raises(ValueError, match=r"jwks\.json|Expecting value"):
        TokenVerifier(file, "s" * 32)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("stations.stations.read", {"admin", "operator", "viewer", "driver", "service"}),
        ("stations.stations.write", {"admin", "operator", "service"}),
        ("stations.charge_points.read", {"admin", "operator", "viewer", "service"}),
        ("billing.payments.write", {"admin", "operator", "driver", "service"}),
        ("accounts.accounts.read", {"admin", "service"}),
        ("accounts.accounts.write", {"admin", "service"}),
        ("internal.connectivity.read", {"service"}),
        ("internal.transactions.write", {"service"}),
        ("", set()),
    ],
)
def test_the_table_of_roles(permission: str, roles: set[str]) -> None:
    assert {role for role in PERMISSIONS_BY_ROLE if allows(role, permission)} == roles


def test_an_unknown_role_may_do_nothing() -> None:
    assert not allows("root", "stations.stations.read")
    assert not allows(ANONYMOUS.role, "stations.stations.read")


def test_outside_of_a_call_the_caller_is_anonymous() -> None:
    assert current_caller() == ANONYMOUS
