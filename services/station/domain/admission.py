"""Whether a charge point is let in at its handshake, as what, and by which rule it is not."""

from dataclasses import dataclass

from services.kernel.refusal import Rule
from services.station.domain.charge_point import ChargePoint, proven
from services.station.domain.connection import ConnectionAttempt

# The security profile of TLS with a client certificate.
_BY_CERTIFICATE = 3


@dataclass(frozen=True, slots=True)
class Denial:
    """Why a charge point is not let in; `message` is what it is told."""

    rule: Rule
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A charge point that may come in, and the protocol it shall speak. A new password that it showed is confirmed."""

    charge_point: ChargePoint
    protocol: str


def judged(charge_point: ChargePoint | None, attempt: ConnectionAttempt) -> Entry | Denial:
    """The entry of a charge point, or why there is none. What it may know it is told only once it has proved itself."""
    if charge_point is None:
        return Denial(Rule.UNKNOWN_IDENTITY, f"charge point {attempt.charge_point_id} not found")
    authenticated = _authenticated(charge_point, attempt)
    if isinstance(authenticated, Denial):
        return authenticated
    pin, offers = charge_point.pinned_protocol, attempt.offers
    if pin and pin not in offers:
        message = f"this charge point is pinned to {pin}, and offers {', '.join(offers)}"
        return Denial(Rule.PINNED_PROTOCOL_NOT_OFFERED, message)
    return Entry(authenticated, pin or attempt.protocol)


def _authenticated(charge_point: ChargePoint, attempt: ConnectionAttempt) -> ChargePoint | Denial:
    profile, demanded = attempt.security_profile, charge_point.security_profile
    if profile == _BY_CERTIFICATE and attempt.certificate_common_name != charge_point.id:
        # Somebody we gave a certificate to, but not this charge point.
        return Denial(Rule.WRONG_CERTIFICATE, "the certificate names another charge point")
    if profile < demanded:
        if attempt.password is None and demanded < _BY_CERTIFICATE:
            return Denial(Rule.CREDENTIALS_MISSING, "no credentials were sent")
        return Denial(Rule.SECURITY_PROFILE_TOO_LOW, f"security profile {demanded} or higher is required")
    if demanded == _BY_CERTIFICATE:
        # The only case in which a certificate stands in for a password that is set.
        return charge_point
    known = None if attempt.password is None else proven(charge_point, attempt.password)
    if known is not None:
        return known
    if charge_point.password_hash is None:
        # A first one that was not used yet asks for nothing: nobody knows whether the charge point took it.
        missing = Denial(Rule.PASSWORD_NOT_SET, "no password is set for this charge point")
        return charge_point if demanded == 0 else missing
    if attempt.password is None:
        return Denial(Rule.CREDENTIALS_MISSING, "no credentials were sent")
    return Denial(Rule.WRONG_PASSWORD, "the credentials do not match")
