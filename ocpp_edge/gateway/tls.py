"""The TLS of charge points that connect without a proxy in between (OCPP security profiles 2 and 3)."""

import ssl
from pathlib import Path


def server_context(certificate: Path, key: Path | None, client_authority: Path | None) -> ssl.SSLContext:
    """A context with the chain in `certificate`; with `client_authority`, clients may show a certificate of its.

    Whether one must is decided with the security profile. Raises OSError (ssl.SSLError) for unusable files.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    # A resumed handshake costs us as much as one whose tickets need not be made, and no charge point comes back within
    # the life of one often enough; without them a client certificate is looked at each time.
    context.num_tickets = 0
    if client_authority is not None:
        context.load_verify_locations(client_authority)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
