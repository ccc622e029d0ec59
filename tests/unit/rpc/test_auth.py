"""services.rpc.auth"""

import json
import os
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from services.kernel.errors import DomainError, ErrorKind
from services.rpc import auth
from services.rpc.auth import (
    ANONYMOUS,
    PERMISSIONS_BY_ROLE,
    Caller,
    TokenVerifier,
    allows,
    current_caller,
    internal_audience,
)
from services.rpc.server import ServerFailed
from services.rpc.service_identity import ServiceIdentity
from tests.fixtures.tokens import Tokens

SERVICES = ("station", "driver", "billing", "monitoring", "transaction", "edge")


@pytest.fixture
def verifier(tokens: Tokens) -> TokenVerifier:
    """Trusts what `tokens` signs."""
    return _at("driver", tokens)


def _at(service: str, tokens: Tokens) -> TokenVerifier:
    """What the service verifies by."""
    return TokenVerifier(service, tokens.jwks_file, tokens.service_jwks_file)


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


def test_a_token_without_a_tenant_is_one_of_the_default_tenant(tokens: Tokens, verifier: TokenVerifier) -> None:
    assert verifier.verify(tokens.user("viewer")).tenant_id == "default"


def test_a_token_names_its_tenant(tokens: Tokens, verifier: TokenVerifier) -> None:
    for role, driver_id in (("viewer", None), ("driver", "d1")):
        token = tokens.user(role, tenant="north", driver_id=driver_id)
        assert verifier.verify(token) == Caller("ann", role, driver_id, tenant_id="north")


def test_the_same_subject_in_two_tenants_is_two_callers(tokens: Tokens, verifier: TokenVerifier) -> None:
    names = {verifier.verify(tokens.user("viewer", tenant=tenant)).name for tenant in ("north", "default", None)}
    assert names == {"north/ann", "ann"}


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
        {"tenant": ""},
        {"tenant": "*"},
        {"tenant": ["north"]},
        {"tenant": "North"},
        {"tenant": "north\n"},
        {"tenant": "-north"},
        {"tenant": "n" * 41},
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


def _signed_by(tokens: Tokens, service: str, **claims: Any) -> str:
    """What the holder of a service's key could sign; `claims` replace what its tokens say, None takes one away."""
    now = int(time.time())
    said = {
        "iss": "csms-internal",
        "sub": f"service:{service}",
        "aud": internal_audience("driver"),
        "iat": now,
        "exp": now + 60,
        **claims,
    }
    kept = {name: value for name, value in said.items() if value is not None}
    published = json.loads(tokens.service_jwks_file.read_text())["keys"]
    [key_id] = [key["kid"] for key in published if key["service"] == service]
    private_key = tokens.service_private_key_file(service).read_text()
    return jwt.encode(kept, private_key, algorithm="EdDSA", headers={"kid": key_id})


@pytest.mark.field_case("E1")
def test_a_service_shows_itself_by_a_token_signed_with_its_own_key(tokens: Tokens, verifier: TokenVerifier) -> None:
    token = tokens.identity("billing").token_for("driver")

    assert verifier.verify(token) == Caller("service:billing", "service", service="billing")
    assert verifier.verify(_signed_by(tokens, "billing")).service == "billing"


@pytest.mark.field_case("E1")
def test_a_token_for_one_service_is_not_good_at_another(tokens: Tokens) -> None:
    for callee in SERVICES:
        token = tokens.identity("monitoring").token_for(callee)
        for service in SERVICES:
            if service == callee:
                assert _at(service, tokens).verify(token).service == "monitoring"
            else:
                _refused(_at(service, tokens), token)


@pytest.mark.field_case("E1")
@pytest.mark.parametrize(
    "claims",
    [
        # Another service, a user, an administrator.
        {"sub": "service:edge"},
        {"sub": "billing"},
        {"iss": "csms", "aud": "csms-api", "sub": "ann", "role": "admin"},
        # Whatever audience is none of ours.
        {"aud": "csms-api"},
        {"aud": "csms-internal"},
        {"aud": "csms-internal/edge"},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        # Longer than such tokens live.
        {"exp": int(time.time()) + 3600},
        {"exp": int(time.time()) - 60},
    ],
)
def test_the_key_of_a_service_signs_nothing_but_its_own_short_tokens(
    tokens: Tokens, verifier: TokenVerifier, claims: dict[str, Any]
) -> None:
    _refused(verifier, _signed_by(tokens, "billing", **claims))


@pytest.mark.field_case("E1")
def test_the_key_of_a_service_signs_no_user_token(tokens: Tokens, verifier: TokenVerifier) -> None:
    now = int(time.time())
    claims = {"iss": "csms", "aud": "csms-api", "sub": "x", "role": "admin", "iat": now, "exp": now + 60}
    [public] = [key for key in json.loads(tokens.service_jwks_file.read_text())["keys"] if key["service"] == "driver"]

    # Not as one of its own algorithm, and not with the public half for a shared secret.
    for algorithm, key in (("EdDSA", tokens.service_private_key_file("driver").read_text()), ("HS256", public["x"])):
        for key_id in (tokens.key_id, public["kid"]):
            _refused(verifier, jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id}))


@pytest.mark.field_case("E1")
def test_an_old_key_of_a_service_is_good_until_it_is_withdrawn(tokens: Tokens, verifier: TokenVerifier) -> None:
    old = tokens.identity("edge").token_for("driver")
    assert verifier.verify(old).service == "edge"

    tokens.rotate_service("edge")

    # Whoever calls next brings the change to light; the old token is then no longer good from memory either.
    assert verifier.verify(tokens.identity("edge").token_for("driver")).service == "edge"
    _refused(verifier, old)


def test_a_key_set_that_breaks_while_it_is_in_use_leaves_the_keys_as_they_were(
    tokens: Tokens, verifier: TokenVerifier
) -> None:
    tokens.service_jwks_file.write_text('{"keys": [')
    tokens.jwks_file.unlink()

    assert verifier.verify(tokens.user("admin")).role == "admin"


def test_a_service_token_is_at_hand_until_it_is_due_for_another(
    tokens: Tokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    identity = tokens.identity("billing")
    first = identity.token_for("driver")
    assert identity.token_for("driver") is first
    assert identity.token_for("station") != first

    monkeypatch.setattr("services.rpc.service_identity.time.time", lambda: now + 300)
    later = identity.token_for("driver")
    assert later != first
    expiry = jwt.decode(later, options={"verify_signature": False})["exp"]
    assert now + 300 + 149 < expiry <= now + 300 + 300


def test_replicas_of_a_service_share_secrets_by_their_purpose(tokens: Tokens) -> None:
    one, another = tokens.identity("edge"), tokens.identity("edge")

    assert one.secret_for("guesses") == another.secret_for("guesses")
    others = {one.secret_for("tickets"), tokens.identity("station").secret_for("guesses")}
    assert len({one.secret_for("guesses"), *others}) == 3


@pytest.mark.field_case("E1")
def test_a_service_does_not_start_with_the_key_of_another(tokens: Tokens) -> None:
    with pytest.raises(ServerFailed, match="no published key of the service station"):
        ServiceIdentity("station", tokens.settings("edge"))
    for text in ("", "not a key", tokens.private_key_file.read_text()):
        file = tokens.service_private_key_file("edge")
        file.write_text(text)
        with pytest.raises(ServerFailed, match="SERVICE_PRIVATE_KEY_FILE"):
            ServiceIdentity("edge", tokens.settings("edge"))


def test_a_token_seen_before_is_not_verified_again_but_still_expires(
    tokens: Tokens, verifier: TokenVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.user("admin", exp=int(time.time()) + 60)
    verifier.verify(token)
    verified: list[str] = []

    def verify_again(self: TokenVerifier, token: str) -> tuple[Caller, float]:
        verified.append(token)
        raise jwt.ExpiredSignatureError

    monkeypatch.setattr(TokenVerifier, "_verified", verify_again)
    assert verifier.verify(token).role == "admin"
    assert verified == []

    after = time.time() + 120
    monkeypatch.setattr("services.rpc.auth.time.time", lambda: after)
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
def test_a_file_that_is_no_key_set_is_an_error_at_once(tokens: Tokens, text: str) -> None:
    for file in (tokens.jwks_file, tokens.service_jwks_file):
        good = file.read_text()
        file.write_text(text)
        with pytest.raises(ValueError, match=rf"{file.name} is not a JSON Web Key Set"):
            _at("driver", tokens)
        file.write_text(good)


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        ("stations.stations.read", {"admin", "operator", "viewer", "driver"}),
        ("stations.stations.write", {"admin", "operator"}),
        ("stations.charge_points.read", {"admin", "operator", "viewer"}),
        ("billing.payments.write", {"admin", "operator", "driver"}),
        ("accounts.accounts.read", {"admin"}),
        ("accounts.accounts.write", {"admin"}),
        ("internal.connectivity.read", set()),
        ("internal.transactions.write", set()),
        ("", set()),
    ],
)
def test_the_table_of_roles(permission: str, roles: set[str]) -> None:
    assert {role for role in PERMISSIONS_BY_ROLE if allows(role, permission)} == roles


def test_an_unknown_role_may_do_nothing_and_a_service_nothing_by_its_role() -> None:
    assert not allows("service", "stations.stations.read")
    assert not allows("service", "internal.connectivity.read")
    assert not allows("root", "stations.stations.read")
    assert not allows(ANONYMOUS.role, "stations.stations.read")


def test_outside_of_a_call_the_caller_is_anonymous() -> None:
    assert current_caller() == ANONYMOUS
