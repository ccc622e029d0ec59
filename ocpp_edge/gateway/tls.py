"""The TLS of charge points that connect without a proxy in between (OCPP security profiles 2 and 3)."""

import ssl
from pathlib import Path
from typing import NamedTuple

from cryptography.x509 import load_pem_x509_certificate

# What the two suites of OCPP without forward secrecy are called by OpenSSL (OCPP 2.0.1 part 2, A00.FR.318 and .319;
# security whitepaper for 1.6-J): TLS_RSA_WITH_AES_128_GCM_SHA256 and TLS_RSA_WITH_AES_256_GCM_SHA384.
_RSA_KEY_EXCHANGE = ("AES128-GCM-SHA256", "AES256-GCM-SHA384")


class KeyPair(NamedTuple):
    """Files with a certificate chain and its key; the key may stand in the file of the chain."""

    certificate: Path
    key: Path | None = None


def server_context(
    *key_pairs: KeyPair, client_authority: Path | None = None, rsa_key_exchange: bool = False
) -> ssl.SSLContext:
    """A context with these certificates, of which a client gets the one that its suites can use; with
    `client_authority`, clients may show a certificate of its.

    Whether one must is decided with the security profile. `rsa_key_exchange` lets in charge points that know no other:
    who gets hold of the key later can read what they said. Raises OSError (ssl.SSLError) for unusable files, ValueError
    for two certificates with keys of one kind, of which nobody would get the first.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if rsa_key_exchange:
        # Behind all others: whoever can do better, does.
        usual = [suite["name"] for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
        context.set_ciphers(":".join((*usual, *_RSA_KEY_EXCHANGE)))
    kinds: dict[type, Path] = {}
    for key_pair in key_pairs:
        try:
            context.load_cert_chain(*key_pair)
        except ssl.SSLError as error:
            files = f"certificate {key_pair.certificate}, key {key_pair.key or 'in the same file'}"
            raise ssl.SSLError(error.errno, f"{error.strerror}: {files}") from error
        kind = type(load_pem_x509_certificate(key_pair.certificate.read_bytes()).public_key())
        if (other := kinds.setdefault(kind, key_pair.certificate)) is not key_pair.certificate:
            raise ValueError(f"the keys of {other} and {key_pair.certificate} are of one kind")
    # A resumed handshake costs us as much as one whose tickets need not be made, and no charge point comes back within
    # the life of one often enough; without them a client certificate is looked at each time.
    context.num_tickets = 0
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
