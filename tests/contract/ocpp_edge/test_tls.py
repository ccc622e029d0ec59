"""Security profiles 2 and 3 on a real TLS socket."""

import asyncio
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

from ocpp_edge.gateway import tls
from tests.contract.ocpp_edge.edge import PASSWORD, Edge, basic, running


class Authority:
    """A certificate authority that writes what it issues to files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("authority", self._key, None)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None) -> Path:
        """A file with the certificate of `name` and its key."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(name, key, self._certificate.subject)
        file = self._folder / f"{name} {type(key).__name__}.pem"
        file.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return file

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, issuer: x509.Name | None
    ) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server_context(authority: Authority) -> ssl.SSLContext:
    return tls.server_context(tls.KeyPair(authority.issue("localhost")), client_authority=authority.file)


def client_context(authority: Authority, certificate: Path | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    if certificate is not None:
        context.load_cert_chain(certificate)
    return context


def dial(edge: Edge, path: str, context: ssl.SSLContext, headers: dict[str, str] | None = None) -> connect:
    return connect(
        f"wss://localhost:{edge.gateway.port}{path}",
        subprotocols=[Subprotocol("ocpp1.6")],
        ssl=context,
        host="127.0.0.1",
        additional_headers=headers,
        proxy=None,
    )


async def test_basic_credentials_over_tls_are_profile_2(authority: Authority) -> None:
    async with (
        running(tls=server_context(authority), minimum_security_profile=2) as edge,
        dial(edge, "/ocpp/SECRET", client_context(authority), basic("SECRET", PASSWORD)),
    ):
        assert edge.door.admissions[0].security_profile == 2


async def test_nobody_is_given_a_ticket_to_come_back_with(authority: Authority) -> None:
    async with (
        running(tls=server_context(authority)) as edge,
        dial(edge, "/ocpp/CP1", client_context(authority)) as socket,
    ):
        session = socket.transport.get_extra_info("ssl_object").session
        assert not session.has_ticket


async def test_a_client_certificate_is_profile_3_and_names_its_holder(authority: Authority) -> None:
    context = client_context(authority, authority.issue("CP1"))
    async with (
        running(tls=server_context(authority), minimum_security_profile=3) as edge,
        dial(edge, "/ocpp/CP1", context),
    ):
        assert edge.door.admissions[0].security_profile == 3
        assert edge.door.admissions[0].peer.certificate_names == ("CP1",)


async def test_without_a_certificate_profile_3_is_out_of_reach(authority: Authority) -> None:
    async with running(tls=server_context(authority), minimum_security_profile=3) as edge:
        with pytest.raises(InvalidStatus) as refused:
            await dial(edge, "/ocpp/SECRET", client_context(authority), basic("SECRET", PASSWORD))
        assert refused.value.response.status_code == 403


async def test_a_foreign_certificate_does_not_get_as_far_as_http(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    foreign = Authority(tmp_path / "foreign").issue("CP1")
    async with running(tls=server_context(authority)) as edge:
        with pytest.raises((ssl.SSLError, OSError, InvalidMessage)):
            await dial(edge, "/ocpp/CP1", client_context(authority, foreign))
        assert edge.door.admissions == []


# OCPP 2.0.1 part 2, A00.FR.318: a CSMS has all four.
_SUITES = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
]


def _of_both_kinds(authority: Authority) -> list[tls.KeyPair]:
    keys = (None, rsa.generate_private_key(65537, 2048))
    return [tls.KeyPair(authority.issue("localhost", key)) for key in keys]


def _with_suite(authority: Authority, suite: str) -> ssl.SSLContext:
    context = client_context(authority)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    return context


@pytest.mark.parametrize("suite", [*_SUITES, "ECDHE-RSA-AES128-GCM-SHA256"])
async def test_with_two_certificates_each_suite_of_ocpp_is_spoken(authority: Authority, suite: str) -> None:
    context = tls.server_context(*_of_both_kinds(authority), rsa_key_exchange=True)
    async with running(tls=context) as edge, dial(edge, "/ocpp/CP1", _with_suite(authority, suite)) as socket:
        assert socket.transport.get_extra_info("cipher")[0] == suite


async def test_who_can_do_better_than_rsa_does(authority: Authority) -> None:
    both = "AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    context = tls.server_context(*_of_both_kinds(authority), rsa_key_exchange=True)
    async with running(tls=context) as edge:
        async with dial(edge, "/ocpp/CP1", _with_suite(authority, both)) as socket:
            assert socket.transport.get_extra_info("cipher")[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
        async with dial(edge, "/ocpp/CP2", client_context(authority)) as socket:
            assert socket.transport.get_extra_info("cipher")[1] == "TLSv1.3"


async def test_the_exchange_of_keys_by_rsa_has_to_be_asked_for(authority: Authority) -> None:
    async with running(tls=tls.server_context(*_of_both_kinds(authority))) as edge:
        with pytest.raises((ssl.SSLError, OSError, InvalidMessage)):
            await dial(edge, "/ocpp/CP1", _with_suite(authority, "AES128-GCM-SHA256"))
        assert edge.door.admissions == []


@pytest.mark.field_case("E6")
async def test_who_does_not_even_begin_with_tls_is_let_go(authority: Authority) -> None:
    async with running(tls=server_context(authority), open_timeout=0.5) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.gateway.port)
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()


def test_certificates_that_cannot_be_served_are_named(authority: Authority, tmp_path: Path) -> None:
    first, second = tls.KeyPair(authority.issue("first")), tls.KeyPair(authority.issue("second"))
    with pytest.raises(ValueError, match=r"first .* and .*second .* are of one kind"):
        tls.server_context(first, second)
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    with pytest.raises(ssl.SSLError, match=r"junk\.pem"):
        tls.server_context(tls.KeyPair(junk))
