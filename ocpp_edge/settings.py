"""The settings of an edge process beside those that every service has."""

import secrets
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, FilePath, SecretStr, model_validator
from pydantic_settings import NoDecode

from ocpp_edge.admission.peer import Network
from ocpp_edge.backend.clients import Node
from services.process.settings import Port, ServiceSettings

_SHORTEST_SECRET = 32


def _separated(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_separated)]


class EdgeSettings(ServiceSettings):
    """Each field is the environment variable of its name in capitals."""

    # Its gRPC, for commands. Zero takes a free port.
    listen_port: Port = 14000
    # Where charge points connect. Zero takes a free port.
    ocpp_listen_host: str = "127.0.0.1"
    ocpp_listen_port: Port = 14100
    # Name of this node, and where the others reach its gRPC: its own address when empty.
    edge_node_id: str = ""
    edge_advertised_address: str = ""
    # Lowest OCPP security profile: 0 none, 1 Basic, 2 TLS with Basic, 3 TLS with client certificate.
    ocpp_security_profile_min: Annotated[int, Field(ge=0, le=3)] = 1
    # TLS of charge points that ends here: certificate chain and key, and the authority of client certificates.
    ocpp_tls_certificate_file: FilePath | None = None
    ocpp_tls_key_file: FilePath | None = None
    ocpp_tls_client_ca_file: FilePath | None = None
    # A second certificate, with a key of the other kind: OCPP has suites for ECDSA and for RSA.
    ocpp_tls_second_certificate_file: FilePath | None = None
    ocpp_tls_second_key_file: FilePath | None = None
    # Whether charge points are let in that know no key exchange but RSA; what they say has no forward secrecy.
    ocpp_tls_rsa_key_exchange: bool = False
    # Proxies whose forwarding headers are believed: networks with commas between them, and what each proxy shows in the
    # header X-CSMS-Proxy-Secret to prove that it is one. Nobody's, unless both are set.
    ocpp_trusted_proxies: Networks = ()
    ocpp_proxy_secret: SecretStr = SecretStr("")
    # Sockets of one process; more are told to come back.
    ocpp_max_connections: Annotated[int, Field(ge=1)] = 20_000
    # Sockets of one address; many charge points may stand behind one.
    ocpp_max_connections_per_address: Annotated[int, Field(ge=1)] = 5_000
    # Handshakes that wait for the station service at a time; more are told to come back.
    ocpp_max_pending_handshakes: Annotated[int, Field(ge=1)] = 500
    # How long transaction events may wait for their answer before the journal is left waiting; after three times as
    # long statuses and newcomers are turned away.
    ocpp_patience_seconds: Annotated[float, Field(gt=0)] = 1.0
    # Frames that wait for the journal; the oldest are forgotten beyond that.
    ocpp_journal_max_frames: Annotated[int, Field(ge=1)] = 50_000
    # A node that has not reported for so long is taken for dead, and its charge points for offline.
    ocpp_node_lease_seconds: Annotated[int, Field(ge=5, le=300)] = 30
    # When a silent charge point is pinged, and when it is given up.
    ocpp_ping_seconds: Annotated[float, Field(gt=0)] = 60.0
    ocpp_dead_seconds: Annotated[float, Field(gt=0)] = 120.0
    # After how long without an event a station that shows costs is told what a running transaction costs by now.
    ocpp_cost_update_seconds: Annotated[float, Field(gt=0)] = 60.0
    # What one that is not accepted yet has for its BootNotification.
    ocpp_speechless_seconds: Annotated[float, Field(gt=0)] = 120.0
    # All that a handshake may take, TLS and headers that trickle included.
    ocpp_handshake_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    # Over how long a stopping process sends its charge points away, at most.
    ocpp_drain_seconds: Annotated[float, Field(ge=0, le=300)] = 5.0

    @model_validator(mode="after")
    def _proxies_prove_themselves(self) -> Self:
        secret = self.ocpp_proxy_secret.get_secret_value()
        if self.ocpp_trusted_proxies and not secret:
            raise ValueError("OCPP_TRUSTED_PROXIES needs OCPP_PROXY_SECRET: anybody can write forwarding headers")
        if secret and len(secret) < _SHORTEST_SECRET:
            raise ValueError(f"OCPP_PROXY_SECRET must have at least {_SHORTEST_SECRET} characters")
        return self

    def node(self) -> Node:
        """This process, as the others know it: by another name each time that it is asked for.

        A process that was killed and started again must not keep alive the lease of what it held before: charge points
        that do not come back would count as connected for ever.
        """
        own = f"{self.listen_host}:{self.listen_port}"
        return Node(f"{self.edge_node_id or own}/{secrets.token_hex(3)}", self.edge_advertised_address or own)
