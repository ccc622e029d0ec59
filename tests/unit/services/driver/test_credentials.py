"""services.driver.adapters.credentials"""

import json
from pathlib import Path

import jwt
import pytest

from services.driver.adapters.credentials import Argon2Hasher, JwtSigner
from services.driver.domain.identity.account import Account, AccountKind, Role
from services.kernel.clock import SystemClock
from services.rpc.auth import Caller, TokenVerifier
from services.rpc.server import ServerFailed
from stack import keys
from tests.fixtures.tokens import Tokens
from tests.unit.services.driver.samples import DRIVER, NOW

HERE = "192.0.2.1"
ANN = Account(name="ann", kind=AccountKind.USER, role=Role.OPERATOR, password_hash="", create_time=NOW)


def _verified(tokens: Tokens | keys.Keys, token: str) -> Caller:
    return TokenVerifier("driver", tokens.jwks_file, tokens.service_jwks_file).verify(token)


async def test_a_password_matches_its_own_hash_and_no_other() -> None:
    hasher = Argon2Hasher()

    one, other = await hasher.hash("a good password", HERE), await hasher.hash("a good password", HERE)

    assert one != other
    assert "good" not in one
    assert await hasher.matches("a good password", one, HERE)
    assert not await hasher.matches("a bad password", one, HERE)
    assert not await hasher.matches("a good password", None, HERE)


async def test_nobody_signs_in_with_what_unknown_names_are_compared_with() -> None:
    assert not await Argon2Hasher().matches("a password that nobody has", None, HERE)


def test_a_token_is_signed_with_the_key_that_is_published(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    signer = JwtSigner(made.private_key_file, made.jwks_file)

    token, seconds = signer.sign(ANN, SystemClock().now())

    [published] = json.loads(made.jwks_file.read_text())["keys"]
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": published["kid"], "typ": "JWT"}
    assert list(signer.public_keys()) == [published]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == seconds == 3600
    assert _verified(made, token) == Caller("ann", "operator")


def test_the_token_of_a_driver_names_the_driver(tokens: Tokens) -> None:
    account = Account(name="dan", role=Role.DRIVER, driver_id=DRIVER.id, password_hash="", create_time=NOW)

    token, _ = JwtSigner(tokens.private_key_file, tokens.jwks_file).sign(account, SystemClock().now())

    assert _verified(tokens, token) == Caller("dan", "driver", DRIVER.id)


def test_of_several_published_keys_the_one_that_fits_is_named(tmp_path: Path, tokens: Tokens) -> None:
    [mine] = json.loads(tokens.jwks_file.read_text())["keys"]
    private_key = tmp_path / "mine.pem"
    private_key.write_bytes(tokens.private_key_file.read_bytes())
    tokens.rotate("second")
    [other] = json.loads(tokens.jwks_file.read_text())["keys"]
    tokens.jwks_file.write_text(json.dumps({"keys": [other, mine, {"kty": "RSA", "kid": "third"}]}))

    token, _ = JwtSigner(private_key, tokens.jwks_file).sign(ANN, SystemClock().now())

    assert jwt.get_unverified_header(token)["kid"] == mine["kid"] == "first"
    assert _verified(tokens, token).subject == "ann"


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"keys": 1}', '{"keys": []}'])
def test_without_a_pair_of_keys_it_does_not_start(content: str, tokens: Tokens) -> None:
    tokens.jwks_file.write_text(content)

    with pytest.raises(ServerFailed, match="JWT_PRIVATE_KEY_FILE"):
        JwtSigner(tokens.private_key_file, tokens.jwks_file)


def test_what_is_no_private_key_is_refused(tokens: Tokens, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")

    for file in (broken, tmp_path / "absent.pem"):
        with pytest.raises(ServerFailed, match="JWT_PRIVATE_KEY_FILE"):
            JwtSigner(file, tokens.jwks_file)
