"""Who comes in and who has left, by the word of the station service. Decides nothing."""

from http import HTTPStatus

from csms.station.v1.connectivity_service_pb2 import ClosedConnection, ConnectionAttempt
from ocpp_edge.admission.admission_control import Departure, Welcome
from ocpp_edge.admission.handshake import Admission
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
    Rule.TOO_MANY_STRANGERS: HTTPStatus.NOT_FOUND,
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


class Entrance:
    """The two doors of admission.py."""

    def __init__(self, stations: Stations, node: Node) -> None:
        self._stations = stations
        self._node = node

    async def admit(self, admission: Admission) -> Welcome | Refusal:
        """Raises DomainError when the platform cannot say."""
        try:
            answer = await self._stations.opening.submit(attempt_of(admission, self._node))
        except DomainError as error:
            rule = _rule_of(error)
            if rule is None:
                raise
            return Refusal(_STATUSES[rule], rule, error.message)
        return Welcome(
            answer.epoch,
            state_of(answer.state),
            answer.heartbeat_interval_seconds,
            answer.station_id,
            version_of(answer.protocol),
            profile_of(answer.quirk_profile),
            "" if answer.tenant_id == DEFAULT_TENANT else answer.tenant_id,
        )

    async def leave(self, departure: Departure) -> None:
        """A connection that is not the newest has nothing to report."""
        closed = ClosedConnection(
            charge_point_id=departure.charge_point_id,
            epoch=departure.epoch,
            reason=departure.reason[:_LONGEST_REASON],
        )
        try:
            await self._stations.closing.submit(closed)
        except DomainError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise


def attempt_of(admission: Admission, node: Node) -> ConnectionAttempt:
    """What the station service is told of a wish to connect."""
    names = admission.peer.certificate_names
    return ConnectionAttempt(
        charge_point_id=admission.charge_point_id,
        protocol=admission.version.subprotocol,
        offered_protocols=[version.subprotocol for version in admission.offers],
        node=node.name,
        node_address=node.address,
        remote_address=admission.peer.address,
        password=admission.password,
        # A certificate may name several; the one that is meant is the one that matches, if any does.
        certificate_common_name=admission.charge_point_id
        if admission.charge_point_id in names
        else next(iter(names), ""),
        security_profile=admission.security_profile,
    )


def _rule_of(error: DomainError) -> Rule | None:
    """The rule that refused; None when nobody can say."""
    named = error.metadata.get("rule", "")
    rule = Rule(named) if named in Rule.__members__ else _RULES.get(error.reason)
    return rule if rule in _STATUSES else None
