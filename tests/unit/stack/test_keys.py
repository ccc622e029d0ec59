import json
import stat
import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from stack import keys, service_keys
from stack.errors import StackError


def read(token: str, jwks_file: Path) -> dict[str, Any]:
    """The claims of a token, verified as a service would."""
    [jwk] = json.loads(jwks_file.read_text())["keys"]
    assert jwt.get_unverified_header(token)["kid"] == jwk["kid"]
    claims: dict[str, Any] = jwt.decode(
        token,
        jwt.PyJWK(jwk),
        algorithms=["ES256"],
        audience="csms-api",
        issuer="csms",
        options={"require": ["exp", "jti"]},
    )
    return claims


def test_keys_are_made_once(tmp_path: Path) -> None:
    first = keys.ensure(tmp_path)
    pem = first.private_key_file.read_text()
    assert keys.ensure(tmp_path) == first
    assert first.private_key_file.read_text() == pem
    assert len(first.proxy_secret) >= 32
    assert len(first.api_proxy_secret) >= 32
    assert first.proxy_secret != first.api_proxy_secret


def test_nobody_else_may_read_what_is_secret(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    own = [made.service_private_key_file(name) for name in service_keys.NAMES]
    for file in (made.private_key_file, tmp_path / "proxy-secret", tmp_path / "api-proxy-secret", *own):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for file in (made.jwks_file, made.service_jwks_file):
        assert '"d"' not in file.read_text()


def test_a_lost_jwks_is_made_again_from_the_private_key(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    before = made.jwks_file.read_text()
    made.jwks_file.unlink()
    assert keys.ensure(tmp_path).jwks_file.read_text() == before


def test_a_token_says_who_and_for_how_long(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    claims = read(keys.mint(tmp_path, role="operator", driver_id=None, ttl_seconds=60, subject="ann"), made.jwks_file)
    assert (claims["sub"], claims["role"]) == ("ann", "operator")
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 30
    assert "driver_id" not in claims


def test_a_drivers_token_names_the_driver(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    claims = read(keys.mint(tmp_path, role="driver", driver_id="d-1", ttl_seconds=60), made.jwks_file)
    assert (claims["role"], claims["driver_id"]) == ("driver", "d-1")


def test_a_token_names_the_tenant_that_is_asked_for_and_no_other(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    usual, other = [
        read(keys.mint(tmp_path, role="admin", driver_id=None, ttl_seconds=60, tenant_id=tenant_id), made.jwks_file)
        for tenant_id in (None, "north")
    ]
    assert ("tenant" in usual, other["tenant"]) == (False, "north")


def test_what_is_no_id_of_a_tenant_gets_no_token(tmp_path: Path) -> None:
    keys.ensure(tmp_path)
    with pytest.raises(StackError, match="--tenant"):
        keys.mint(tmp_path, role="admin", driver_id=None, ttl_seconds=60, tenant_id="North Wind")


def test_two_tokens_are_never_the_same(tmp_path: Path) -> None:
    keys.ensure(tmp_path)
    assert len({keys.mint(tmp_path, role="admin", driver_id=None, ttl_seconds=60) for _ in range(3)}) == 3


@pytest.mark.parametrize(("role", "driver_id"), [("driver", None), ("operator", "d-1")])
def test_driver_and_role_must_go_together(role: str, driver_id: str | None, tmp_path: Path) -> None:
    keys.ensure(tmp_path)
    with pytest.raises(StackError, match="--driver"):
        keys.mint(tmp_path, role=role, driver_id=driver_id, ttl_seconds=60)


def test_without_a_key_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="csms up"):
        keys.mint(tmp_path, role="admin", driver_id=None, ttl_seconds=60)


def test_a_file_that_is_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "private-key.pem").write_text("not a key")
    with pytest.raises(StackError, match=r"private-key\.pem"):
        keys.ensure(tmp_path)


def _published(folder: Path, name: str) -> list[str]:
    """The public keys of a service."""
    keys_of_all = json.loads(service_keys.jwks_file(folder).read_text())["keys"]
    return [key["x"] for key in keys_of_all if key["service"] == name]


@pytest.mark.field_case("E1")
def test_every_service_has_a_key_of_its_own(tmp_path: Path) -> None:
    keys.ensure(tmp_path)

    published = [_published(tmp_path, name) for name in service_keys.NAMES]

    assert [len(of_one) for of_one in published] == [1] * 6
    assert len({of_one[0] for of_one in published}) == 6


@pytest.mark.field_case("E1")
def test_a_new_key_is_good_beside_the_one_before_and_the_next_ends_that(tmp_path: Path) -> None:
    keys.ensure(tmp_path)
    [first] = _published(tmp_path, "edge")
    others = _published(tmp_path, "station")

    service_keys.rotate(tmp_path, "edge", revoke=False)
    second, kept = _published(tmp_path, "edge")
    assert kept == first
    assert keys.ensure(tmp_path).service_private_key_file("edge").read_text() != ""
    assert _published(tmp_path, "edge") == [second, first]

    service_keys.rotate(tmp_path, "edge", revoke=False)
    third, kept = _published(tmp_path, "edge")
    assert (kept, len({first, second, third})) == (second, 3)
    assert _published(tmp_path, "station") == others


@pytest.mark.field_case("E1")
def test_a_key_that_leaked_is_good_no_more_at_once(tmp_path: Path) -> None:
    keys.ensure(tmp_path)
    [leaked] = _published(tmp_path, "edge")

    service_keys.rotate(tmp_path, "edge", revoke=True)
    keys.ensure(tmp_path)

    [fresh] = _published(tmp_path, "edge")
    assert fresh != leaked


def test_a_lost_set_of_the_services_keys_is_made_again_from_the_private_keys(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    before = made.service_jwks_file.read_text()
    made.service_jwks_file.unlink()
    assert keys.ensure(tmp_path).service_jwks_file.read_text() == before


def test_only_a_service_that_has_a_key_gets_another(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="csms up"):
        service_keys.rotate(tmp_path, "edge", revoke=False)
    with pytest.raises(StackError, match="there are station, driver"):
        service_keys.rotate(tmp_path, "gateway", revoke=False)


def test_a_service_key_that_is_none_is_named(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    made.service_private_key_file("billing").write_text(made.private_key_file.read_text())
    with pytest.raises(StackError, match=r"billing/private-key\.pem is not an Ed25519 key"):
        keys.ensure(tmp_path)
