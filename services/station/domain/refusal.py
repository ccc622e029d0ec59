"""Refused handshakes: by which rule, how often, from where, and what an operator can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.kernel.refusal import Rule

ADVICE: Mapping[Rule, str] = {
    Rule.IDENTITY_MISSING: "Set the URL of the charge point to ws://HOST:PORT/ocpp/<identity>.",
    Rule.IDENTITY_INVALID: "Give the charge point an identity that the platform takes; the detail names the rule.",
    Rule.UNKNOWN_IDENTITY: "If it is yours, create a charge point with just this identity; else correct the identity at"
    " the charge point, or ignore it.",
    Rule.TOO_MANY_UNKNOWN: "Too many unknown charge points wait to be accepted: accept, reject or delete those, or"
    " create this one yourself.",
    Rule.NO_COMMON_SUBPROTOCOL: "Let the charge point offer ocpp1.6, ocpp2.0.1 or ocpp2.1 as WebSocket subprotocol.",
    Rule.PINNED_PROTOCOL_NOT_OFFERED: "Set pinnedProtocol of the charge point to one that it offers, or to nothing.",
    Rule.CREDENTIALS_MISSING: "Set the password at the charge point (HTTP Basic authentication with its identity as"
    " user); it sent none.",
    Rule.CREDENTIALS_MALFORMED: "The Authorization header cannot be read: set the charge point to HTTP Basic"
    " authentication.",
    Rule.WRONG_USER: "Set the user of HTTP Basic authentication at the charge point to its identity.",
    Rule.WRONG_PASSWORD: "Set the same password at the charge point and here; if it is not your charge point, somebody"
    " tries passwords.",
    Rule.PASSWORD_NOT_SET: "Set a password for the charge point here, or its securityProfile to 0 if it needs none.",
    Rule.WRONG_CERTIFICATE: "Give the charge point a certificate whose common name or DNS name is its identity.",
    Rule.SECURITY_PROFILE_TOO_LOW: "Let the charge point connect by TLS (wss://), or with a client certificate, as its"
    " securityProfile demands; or lower that.",
    Rule.TOO_MANY_ATTEMPTS: "Wrong passwords came from this address: correct the password; after a minute it may try"
    " again.",
    Rule.TOO_MANY_CONNECTIONS: "Raise OCPP_MAX_CONNECTIONS_PER_ADDRESS if so many charge points share this address.",
    Rule.OVERLOADED: "Nothing, if it passes: the charge point comes back by itself. If it lasts, add edge nodes.",
    Rule.PLATFORM_UNAVAILABLE: "Look at GET /services: the edge could not ask the station service.",
    Rule.NOT_ACCEPTED_YET: "Set the state of the charge point to ACCEPTED or REJECTED.",
    Rule.REJECTED_BY_OPERATOR: "Nothing, if it is not wanted; else set its state to ACCEPTED.",
    Rule.VERSION_GETS_NOWHERE: "Set pinnedProtocol of the charge point to another version that it offers.",
}
# How often a version must have got nowhere before an operator is advised to pin another: once may be the network.
SURE_AFTER = 3
_PUBLISHED_AGAIN = timedelta(minutes=10)
# What is the platform's trouble, or an operator's will, and no fault of the charge point.
_NOT_ITS_FAULT = frozenset(
    {
        Rule.TOO_MANY_CONNECTIONS,
        Rule.OVERLOADED,
        Rule.PLATFORM_UNAVAILABLE,
        Rule.NOT_ACCEPTED_YET,
        Rule.REJECTED_BY_OPERATOR,
        Rule.VERSION_GETS_NOWHERE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFilter:
    """Which unknown charge points a list holds; an empty or None field does not narrow it."""

    text: str = ""
    rule: Rule | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What one rule refused of one identity from one address: counted, with what was told the last time.

    `identity` is what the charge point called itself, empty when it did not say. `guess_count` is how many different
    wrong passwords were among them.
    """

    identity: str
    rule: Rule
    remote_address: str
    detail: str
    offered_protocols: tuple[str, ...]
    path: str
    count: int
    guess_count: int
    first_time: datetime
    last_time: datetime

    def followed_by(self, later: "Refusal") -> "Refusal":
        """Both as one."""
        return replace(
            later,
            count=self.count + later.count,
            guess_count=self.guess_count + later.guess_count,
            first_time=min(self.first_time, later.first_time),
            last_time=max(self.last_time, later.last_time),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """A refusal of a charge point in service, counted from the beginning, and what the others were told of it."""

    refusal: Refusal
    station_id: str | None
    tenant_id: str
    told_count: int
    told_guess_count: int
    told_time: datetime | None

    def is_news(self, now: datetime) -> bool:
        """Whether the others should be told: of the first, whenever there are twice as many, and now and then as long
        as it goes on."""
        if self.refusal.rule in _NOT_ITS_FAULT:
            return False
        if self.told_time is None or self.refusal.count >= 2 * self.told_count:
            return True
        return now - self.told_time >= _PUBLISHED_AGAIN

    @property
    def unpublished(self) -> Refusal:
        """What the others were not told of yet."""
        count = self.refusal.count - self.told_count
        return replace(self.refusal, count=count, guess_count=self.refusal.guess_count - self.told_guess_count)
