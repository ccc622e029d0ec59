"""TLS as a charge point speaks it: whom it trusts, which suites it has, the certificate that it shows."""

import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.x509.oid import NameOID

from conformance.place import Place
from conformance.station import Station
from conformance.verdicts import Failed, NotApplicable, same

# What every CSMS has to speak (security whitepaper section 3, OCPP 2.0.1 part 2 A00.FR.318 and A00.FR.418).
ECDSA_SUITES = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
RSA_SUITES = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")
_DAY = timedelta(days=1)
# More than a handshake has.
_ROUNDS = 5


def client(place: Place, *, suites: Sequence[str] = (), version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """A context that trusts the authority of the CSMS; with `suites`, TLS 1.2 by one of these only.

    Raises NotApplicable when the run was given no address with TLS.
    """
    _ = place.tls_url
    context = ssl.create_default_context(cafile=place.tls.authority)
    if suites:
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(":".join(suites))
    if version is not None:
        _speak_only(context, version)
    return context


def is_spoken_here(version: ssl.TLSVersion) -> bool:
    """Whether this machine could speak a version at all: a handshake that fails for ours says nothing about a CSMS."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "server.pem"
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
        chain.write_bytes(_certificate("nobody", name, ec.generate_private_key(ec.SECP256R1())))
        server.load_cert_chain(chain)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    for context in (server, client):
        _speak_only(context, version)
    ends = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(_ROUNDS):
        try:
            for end in ends:
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
        except ssl.SSLError:
            return False
    return ends[0].version() is not None


def _speak_only(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    """Also one that this machine would not speak by itself."""
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version


@contextmanager
def client_with_certificate(place: Place, name: str, *, is_ours: bool = True) -> Iterator[ssl.SSLContext]:
    """A context that shows a certificate of the authority that the CSMS accepts; or one of nobody's.

    Raises NotApplicable when the run was given no such authority.
    """
    context = client(place)
    if place.tls.client_authority is None or place.tls.client_authority_key is None:
        raise NotApplicable("the run was given no authority of client certificates (--client-authority)")
    issuer = x509.load_pem_x509_certificate(place.tls.client_authority.read_bytes()).subject
    signer = serialization.load_pem_private_key(place.tls.client_authority_key.read_bytes(), None)
    with tempfile.TemporaryDirectory() as folder:
        chain = Path(folder) / "client.pem"
        # One of nobody's bears the same name of its issuer, and another signature.
        chain.write_bytes(_certificate(name, issuer, signer if is_ours else ec.generate_private_key(ec.SECP256R1())))
        context.load_cert_chain(chain)
        yield context


async def speaks(station: Station, suite: str, password: str) -> None:
    """Raises Failed unless the CSMS speaks this suite of TLS 1.2."""
    try:
        status, _ = await station.knock(password, tls=client(station.place, suites=[suite]))
    except OSError as error:
        raise Failed(f"expected that the CSMS speaks {suite}, seen {type(error).__name__} {error}") from error
    same(f"HTTP status by {suite}", status, 101)


def _certificate(name: str, issuer: x509.Name, signer: object) -> bytes:
    if not isinstance(signer, RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise NotApplicable("the key of the authority of client certificates is neither of RSA nor of ECDSA")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .sign(signer, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    return private + certificate.public_bytes(serialization.Encoding.PEM)
