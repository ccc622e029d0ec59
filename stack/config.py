"""What each part of the stack is told: the environment of every child, and Envoy's configuration from its template.

Pure but for reading the template and writing the result. Starts nothing.
"""

import json
import os
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from stack import private_files
from stack.descriptors import Contracts, access_rule
from stack.errors import StackError
from stack.inherited import process_environment
from stack.keys import Keys
from stack.ports import LOOPBACK
from stack.protos import UNCOMMENTED_SET, GenerationError
from stack.rest_contract import UnknownTypeError, lua, rest_contract
from stack.topology import EDGE, PORTS, PUBLIC_PORTS, REPLICA_STEP, SERVICES, Ports

PROJECT = Path(__file__).resolve().parents[1]
TEMPLATE = PROJECT / "envoy" / "envoy.yaml"

# In the order in which they build on each other.
_REST_PROGRAMS = ("json.lua", "body.lua", "rest.lua")

_Endpoints = list[tuple[str, int]]

# What an operator may set about Envoy itself.
POLICIES = ("CSMS_ACCESS_LOG", "CSMS_CORS_ORIGINS_REGEX", "CSMS_RATE_LIMIT_PER_SECOND", "CSMS_TRUSTED_PROXY_HOPS")

# Pages that a developer serves on this machine; no page at all.
_LOCAL_ORIGINS = r"https?://(localhost|127\.0\.0\.1)(:[0-9]+)?"
_NO_ORIGINS = "none"
# How often Envoy looks after what is well. Only with another replica is there something to decide: one that is alone is
# called as long as it answers.
_ALONE = {"HEALTHY_CHECK_INTERVAL": "10s", "UPSTREAM_IDLE_TIMEOUT": "30s"}
_REPLICATED = {"HEALTHY_CHECK_INTERVAL": "1s", "UPSTREAM_IDLE_TIMEOUT": "4s"}
# Where the template lists routes, and what it answers where there is none.
_BETWEEN_ROUTES = "\n" + 14 * " "
_NOT_HERE = "{status: 404, body: {inline_string: this port has no such method}}"

# What a stack on a desk wants; who sets it otherwise is obeyed. Unknown charge points may knock (they become pending)
# and need no password; all of them are on this machine. A process that stops does not linger for its callers, who stop
# as well.
_DESK_DEFAULTS = {
    "OCPP_ALLOW_UNKNOWN": "true",
    "OCPP_SECURITY_PROFILE_MIN": "0",
    "OCPP_TRUSTED_PROXIES": "127.0.0.0/8,::1/128",
    "OCPP_MAX_CONNECTIONS_PER_ADDRESS": "20000",
    "DRAIN_SECONDS": "0",
}


@dataclass(frozen=True)
class StackContext:
    """What the children of one stack have in common. `detours`: where they call services instead, see StackSettings."""

    ports: Ports
    keys: Keys
    database_url: str
    nats_url: str
    detours: Mapping[str, int] = field(default_factory=dict)
    files_folder: Path = Path(".csms/files")

    def called(self, name: str) -> list[int]:
        """The ports on which the replicas of a service or the edge are called."""
        if name not in self.detours:
            return self.ports.processes(name)
        return [self.detours[name] + replica * REPLICA_STEP for replica in range(self.ports.replicas)]


def environment_for(name: str, context: StackContext, replica: int = 0) -> dict[str, str]:
    """The environment of one replica of a service or of the edge: ours, with what the stack decides on top."""
    ports, keys = context.ports, context.keys
    environment = {
        **_common(context),
        "LISTEN_PORT": str(ports.process(name, replica)),
        "METRICS_PORT": str(ports.metrics(name, replica)),
        "SERVICE_PRIVATE_KEY_FILE": str(keys.service_private_key_file(name)),
    }
    if name == EDGE:
        address = f"{LOOPBACK}:{ports.process(EDGE, replica)}"
        environment |= {
            "OCPP_LISTEN_HOST": LOOPBACK,
            "OCPP_LISTEN_PORT": str(ports.websocket(replica)),
            "EDGE_NODE_ID": address,
            "EDGE_ADVERTISED_ADDRESS": address,
            "OCPP_PROXY_SECRET": keys.proxy_secret,
        }
    else:
        environment["DATABASE_URL"] = context.database_url
    if name == "station":
        environment["FILES_LISTEN_PORT"] = str(ports.files(replica))
        environment["FILES_FOLDER"] = str(context.files_folder.absolute())
        environment["FILES_PUBLIC_URL"] = os.environ.get("FILES_PUBLIC_URL") or f"http://{LOOPBACK}:{ports['ocpp']}"
    if name == "driver":
        environment["JWT_PRIVATE_KEY_FILE"] = str(keys.private_key_file)
        environment["API_PROXY_SECRET"] = keys.api_proxy_secret
    return environment


def shared_environment(
    environments: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The environment of a process that several share, and by the name of each the variables that are its own."""
    common = dict(set.intersection(*(set(each.items()) for each in environments.values())))
    # By it they find each other.
    del common["LISTEN_HOST"]
    own = {name: {key: each[key] for key in each.keys() - common.keys()} for name, each in environments.items()}
    return common, own


def by_detour(url: str, port: int | None) -> str:
    """`url` with another port; the same without one."""
    if port is None:
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl()


def migration_environment(database_url: str) -> dict[str, str]:
    """The environment of a migration."""
    return {**process_environment(), "DATABASE_URL": database_url}


def public_ports(ports: Ports) -> dict[str, str]:
    """The public ports as variables, each under the name that moves it."""
    return {variable: str(ports[name]) for name, variable in PUBLIC_PORTS.items()}


def embedded_values(ports: Ports, keys: Keys, public_host: str) -> dict[str, str]:
    """What the template of Envoy's configuration asks for, for a stack on this machine."""
    upstreams = {name: [(LOOPBACK, port) for port in ports.processes(name)] for name in (*SERVICES, EDGE)}
    sockets = [(LOOPBACK, port) for port in ports.websockets()]
    files = [(LOOPBACK, ports.files(replica)) for replica in range(ports.replicas)]
    return {
        **public_ports(ports),
        **_endpoint_values(upstreams, sockets, files),
        **_policy_values(os.environ, cors_origins=_LOCAL_ORIGINS),
        "EDGE_PORT": str(ports["ocpp"]),
        "LISTEN_ADDRESS": public_host,
        "ADMIN_ADDRESS": LOOPBACK,
        "ADMIN_PORT": str(ports["envoy admin"]),
        "DISCOVERY": "STATIC",
        **(_REPLICATED if ports.replicas > 1 else _ALONE),
        "REST_LUA": rest_lua(),
        "INTERNAL_ROUTES": internal_routes(),
        "DESCRIPTOR_SET": _in_single_quotes(str(UNCOMMENTED_SET)),
        "JWKS_FILE": _in_single_quotes(str(keys.jwks_file)),
    }


def cluster_values(environment: Mapping[str, str], jwks_file: Path) -> dict[str, str]:
    """What the template asks for, for parts that run elsewhere: `STATION_SERVICE_URL` and so on say where.

    What is not set is expected under the name of the service on its usual port. Raises StackError for a bad address.
    """
    upstreams = {
        name: [_address(environment, f"{name.upper()}_SERVICE_URL", f"{name}:{PORTS[f'{name} process']}")]
        for name in (*SERVICES, EDGE)
    }
    sockets = [_address(environment, "EDGE_WEBSOCKET_URL", f"{EDGE}:{PORTS['edge websocket']}")]
    files = [_address(environment, "FILES_URL", f"station:{PORTS['station files']}")]
    return {
        **{variable: environment.get(variable, str(PORTS[name])) for name, variable in PUBLIC_PORTS.items()},
        **_endpoint_values(upstreams, sockets, files),
        **_policy_values(environment, cors_origins=_NO_ORIGINS),
        "EDGE_PORT": environment.get(PUBLIC_PORTS["ocpp"], str(PORTS["ocpp"])),
        "LISTEN_ADDRESS": environment.get("CSMS_PUBLIC_HOST", "0.0.0.0"),
        "ADMIN_ADDRESS": LOOPBACK,
        "ADMIN_PORT": str(PORTS["envoy admin"]),
        "DISCOVERY": "STRICT_DNS",
        **_REPLICATED,
        "REST_LUA": rest_lua(),
        "INTERNAL_ROUTES": internal_routes(),
        "DESCRIPTOR_SET": _in_single_quotes(environment.get("CSMS_DESCRIPTOR_SET", str(UNCOMMENTED_SET))),
        "JWKS_FILE": _in_single_quotes(str(jwks_file)),
    }


def render(values: Mapping[str, str], target: Path, template: Path = TEMPLATE) -> None:
    """Write Envoy's configuration to `target`. Raises StackError when the template asks for what nobody sets."""
    try:
        text = string.Template(template.read_text(encoding="utf-8")).substitute(values)
    except OSError as error:
        raise StackError(f"the template of Envoy's configuration cannot be read: {error}") from error
    except KeyError as error:
        raise StackError(f"{template} asks for {error.args[0]}, which nothing sets") from error
    except ValueError as error:
        raise StackError(f"{template}: {error}; a dollar sign is written twice") from error
    target.parent.mkdir(parents=True, exist_ok=True)
    private_files.write(target, text, mode=0o644)


def rest_lua(folder: Path = TEMPLATE.parent) -> str:
    """The Lua that checks REST requests, with the contracts it checks them by, as a string of YAML.

    Raises StackError when the contracts have not been generated.
    """
    try:
        contract = lua(rest_contract(Contracts.load(UNCOMMENTED_SET)))
        programs = [(folder / name).read_text(encoding="utf-8") for name in _REST_PROGRAMS]
    except (OSError, GenerationError, UnknownTypeError) as error:
        raise StackError(f"what checks REST requests cannot be made: {error}") from error
    return json.dumps("\n".join([f"local CONTRACT = [==[return {contract}]==]", *programs]))


def internal_routes() -> str:
    """Routes to nowhere for the RPCs that only services of the platform may call, as items of the template's lists.

    Raises StackError when the contracts have not been generated.
    """
    try:
        methods = Contracts.load(UNCOMMENTED_SET).methods
    except GenerationError as error:
        raise StackError(f"what is internal is not known: {error}") from error
    internal = [each for each in methods if (rule := access_rule(each)) and rule.permission.startswith("internal.")]
    paths = (f"/{method.containing_service.full_name}/{method.name}" for method in internal)
    return _BETWEEN_ROUTES.join(f"- {{match: {{path: {path}}}, direct_response: {_NOT_HERE}}}" for path in paths)


def _endpoint_values(upstreams: Mapping[str, _Endpoints], sockets: _Endpoints, files: _Endpoints) -> dict[str, str]:
    values = {f"{name.upper()}_ENDPOINTS": lb_endpoints(endpoints) for name, endpoints in upstreams.items()}
    return {**values, "OCPP_ENDPOINTS": lb_endpoints(sockets), "FILES_ENDPOINTS": lb_endpoints(files)}


def _policy_values(environment: Mapping[str, str], *, cors_origins: str) -> dict[str, str]:
    """What an operator may set about Envoy itself; `cors_origins` is a regular expression for whole origins.

    What is empty is not set, as in the settings of services.
    """
    access_log, chosen_origins, rate_limit, trusted_hops = (environment.get(name) for name in POLICIES)
    return {
        "ACCESS_LOG": _in_single_quotes(access_log or "/dev/stdout"),
        "CORS_ORIGINS_REGEX": _in_single_quotes(chosen_origins or cors_origins),
        "RATE_LIMIT_PER_SECOND": rate_limit or "1000",
        "TRUSTED_PROXY_HOPS": trusted_hops or "0",
    }


def _in_single_quotes(text: str) -> str:
    """`text` as it is written between the single quotes of a YAML string."""
    return text.replace("'", "''")


def _address(environment: Mapping[str, str], variable: str, default: str) -> tuple[str, int]:
    url = environment.get(variable) or default
    parts = urlsplit(url if "//" in url else f"//{url}")
    try:
        if parts.hostname and parts.port:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise StackError(f"{variable} must be host:port or http://host:port (it is {url!r})")


def lb_endpoints(endpoints: _Endpoints) -> str:
    """A YAML flow list of `LbEndpoint`."""
    addresses = (f"{{address: {host}, port_value: {port}}}" for host, port in endpoints)
    return "[" + ", ".join(f"{{endpoint: {{address: {{socket_address: {address}}}}}}}" for address in addresses) + "]"


def _common(context: StackContext) -> dict[str, str]:
    ports, keys = context.ports, context.keys
    addresses = {f"{name.upper()}_SERVICE_URL": _target(context.called(name)) for name in (*SERVICES, EDGE)}
    return {
        **process_environment(),
        **{name: os.environ.get(name) or default for name, default in _DESK_DEFAULTS.items()},
        **addresses,
        **public_ports(ports),
        "LISTEN_HOST": LOOPBACK,
        "METRICS_LISTEN_HOST": LOOPBACK,
        "NATS_URL": context.nats_url,
        "JWT_JWKS_FILE": str(keys.jwks_file),
        "SERVICE_JWKS_FILE": str(keys.service_jwks_file),
    }


def _target(process_ports: list[int]) -> str:
    """Where callers find a service: the addresses of its replicas."""
    return ",".join(f"{LOOPBACK}:{port}" for port in process_ports)
