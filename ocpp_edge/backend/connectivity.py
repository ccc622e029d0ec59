"""Who comes in and who has left, by the word of the station service. Decides nothing."""

from http import HTTPStatus

from csms.station.v1.connectivity_service_pb2 import ClosedConnection, ConnectionAttempt
from ocpp_edge.admission.admission_control import Accepted, Disconnect
from ocpp_edge.admission.handshake import ConnectionRequest
from ocpp_edge.admission.refusal import Refusal
from ocpp_edge.backend.clients import Node, Stations
from ocpp_edge.facts.boots import profile_of, state_of
from ocpp_edge.versions import version_of
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.refusal import Rule
from services.kernel.tenancy import DEFAULT_TENANT

# The rules by which the station service refuses.
_STATUSES = {
    Rule.UNKNOWN_IDENTITY: HTTPStatus.NOT_FOUND,
    Rule.TOO_MANY_UNKNOWN: HTTPStatus.NOT_FOUND,
    Rule.CREDENTIALS_MISSING: HTTPStatus.UNAUTHORIZED,
    Rule.WRONG_PASSWORD: HTTPStatus.UNAUTHORIZED,
    Rule.PASSWORD_NOT_SET: HTTPStatus.UNAUTHORIZED,
    # Another password would not help.
    Rule.WRONG_CERTIFICATE: HTTPStatus.FORBIDDEN,
    Rule.SECURITY_PROFILE_TOO_LOW: HTTPStatus.FORBIDDEN,
    Rule.PINNED_PROTOCOL_NOT_OFFERED: HTTPStatus.BAD_REQUEST,
}
# What it says while it is of an older version than this node.
_RULES = {"CHARGE_POINT_NOT_FOUND": Rule.UNKNOWN_IDENTITY, "INVALID_CREDENTIALS": Rule.WRONG_PASSWORD}
_LONGEST_REASON = 200


class Connectivity:
    """What admission control asks and reports."""

    def __init__(self, stations: Stations, node: Node) -> None:
        self._stations = stations
        self._node = node

    async def admit(self, connection_request: ConnectionRequest) -> Accepted | Refusal:
        """Raises DomainError when the platform cannot say."""
        try:
            answer = await self._stations.opening.submit(attempt_of(connection_request, self._node))
        except DomainError as error:
            rule = _rule_of(error)
            if rule is None:
                raise
            return Refusal(_STATUSES[rule], rule, error.message)
        return Accepted(
            answer.epoch,
            state_of(answer.state),
            answer.heartbeat_interval_seconds,
            answer.station_id,
            version_of(answer.protocol),
            profile_of(answer.quirk_profile),
            "" if answer.tenant_id == DEFAULT_TENANT else answer.tenant_id,
            answer.cost_currency,
        )

    async def report_disconnect(self, disconnect: Disconnect) -> None:
        """A connection that is not the newest has nothing to report."""
        closed = ClosedConnection(
            charge_point_id=disconnect.charge_point_id,
            epoch=disconnect.epoch,
            reason=disconnect.reason[:_LONGEST_REASON],
        )
        try:
            await self._stations.closing.submit(closed)
        except DomainError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise


def attempt_of(connection_request: ConnectionRequest, node: Node) -> ConnectionAttempt:
    """What the station service is told of a wish to connect."""
    names = connection_request.peer.certificate_names
    return ConnectionAttempt(
        charge_point_id=connection_request.charge_point_id,
        protocol=connection_request.version.subprotocol,
        offered_protocols=[version.subprotocol for version in connection_request.offers],
        node=node.name,
        node_address=node.address,
        remote_address=connection_request.peer.address,
        password=connection_request.password,
        # A certificate may name several; the one that is meant is the one that matches, if any does.
        certificate_common_name=connection_request.charge_point_id
        if connection_request.charge_point_id in names
        else next(iter(names), ""),
        security_profile=connection_request.security_profile,
    )


def _rule_of(error: DomainError) -> Rule | None:
    """The rule that refused; None when nobody can say."""
    named = error.metadata.get("rule", "")
    rule = Rule(named) if named in Rule.__members__ else _RULES.get(error.reason)
    return rule if rule in _STATUSES else None
