"""What is forgiven at the handshake, where a charge point that is refused can tell of no session at all."""

from services.kernel.quirks.quirk import Needed, Quirk

_URL = "OCPP-J 1.6 section 3.1.1, OCPP 2.0.1 part 4 section 3.1.1: the URL ends with the identity"
_VERSION = "OCPP-J 1.6 section 3.1.2, OCPP 2.0.1 part 4 section 3.1.2: the version is a WebSocket subprotocol"

OTHER_PATH = Quirk(
    id="other-path",
    forgives="A path with something before `/ocpp/<identity>`, or `ocpp` in other letters.",
    clause=_URL,
    needed=Needed.SESSION_REFUSED,
)
GLUED_PATH = Quirk(
    id="glued-path",
    forgives="The identity glued to the path that was configured, and told again in the query.",
    clause=_URL,
    needed=Needed.SESSION_REFUSED,
)
IDENTITY_IN_QUERY = Quirk(
    id="identity-in-query",
    forgives="The identity in the query (`?chargePointId=`) instead of the path.",
    clause=_URL,
    needed=Needed.SESSION_REFUSED,
)
BARE_IDENTITY = Quirk(
    id="bare-identity",
    forgives="The identity right behind the host, of one that was configured without a path.",
    clause=_URL,
    needed=Needed.SESSION_REFUSED,
)
VERSION_IN_QUERY = Quirk(
    id="version-in-query",
    forgives="No subprotocol, but the version in the query (`?version=1.6`, `1.6j` as well).",
    clause=_VERSION,
    needed=Needed.SESSION_REFUSED,
)
UNPADDED_CREDENTIALS = Quirk(
    id="unpadded-credentials",
    forgives="Credentials in base64 without the `=` at their end.",
    clause="RFC 7617 section 2, RFC 4648 section 3.2: base64 is padded",
    needed=Needed.SESSION_REFUSED,
)
USER_AS_WRITTEN = Quirk(
    id="user-as-written",
    forgives="The user of Basic authentication in another form of the identity, as the URL has it.",
    clause="OCPP 1.6 security whitepaper, OCPP 2.0.1 part 2 A00: the user is the identity",
    needed=Needed.SESSION_REFUSED,
)
