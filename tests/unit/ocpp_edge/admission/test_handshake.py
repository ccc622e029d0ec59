"""Upgrade requests to admissions: every URL, subprotocol and credential seen in the field, and what is refused."""

import base64
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_edge.admission.handshake import RESERVED_SEGMENTS, ConnectionRequest, HandshakeRefused, read_handshake
from ocpp_edge.admission.peer import Peer
from ocpp_edge.versions import Version
from services.kernel.refusal import Rule

SERVED = tuple(Version)
PLAIN, TLS = Peer("10.0.0.9"), Peer("10.0.0.9", tls=True)
CERTIFIED = Peer("10.0.0.9", tls=True, certificate_names=("CP1",))


def basic(user: str, password: bytes) -> str:
    return "Basic " + base64.b64encode(user.encode() + b":" + password).decode()


def knock(
    target: str = "/ocpp/CP1",
    *protocols: str,
    authorization: str | None = None,
    peer: Peer = PLAIN,
    served: tuple[Version, ...] = SERVED,
    minimum_profile: int = 0,
    host: str | None = None,
) -> ConnectionRequest:
    headers = {
        "Sec-WebSocket-Protocol": list(protocols),
        "Authorization": [authorization] if authorization else [],
        "Host": [] if host is None else [host],
    }
    return read_handshake(target, lambda name: headers.get(name, []), peer, served, minimum_profile)


def refused(*args: str, **kwargs: object) -> HandshakeRefused:
    with pytest.raises(HandshakeRefused) as refusal:
        knock(*args, **kwargs)  # type: ignore[arg-type]
    return refusal.value


@pytest.mark.parametrize(
    ("target", "identity"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/ocpp/CP1/", "CP1"),
        ("//ocpp//CP1//", "CP1"),
        ("/any/prefix/ocpp/CP1", "CP1"),
        ("/ocpp/ocpp", "ocpp"),
        ("/ocpp/CP%3A1", "CP:1"),
        ("/ocpp/CP:1", "CP:1"),
        ("/ocpp/A%2BB", "A+B"),
        ("/ocpp/A+B", "A+B"),
        ("/ocpp/RPC%2016%2F%C3%A9", "RPC 16/é"),
        ("/ocpp/" + "x" * 48, "x" * 48),
        ("/ocpp/CP1?", "CP1"),
        ("/ocpp/CP1?version=1.6", "CP1"),
        ("/ocpp/CP1?chargePointId=OTHER", "CP1"),
        ("/ocpp?chargePointId=CP1", "CP1"),
        ("/ocpp/?chargePointId=CP1", "CP1"),
        ("/ocpp?chargePointId=CP1&version=1.6", "CP1"),
        ("/ocpp?version=1.6&chargePointId=CP1/", "CP1"),
        ("/ocpp?ChargePointID=CP1", "CP1"),
        ("/ocppCP1?chargePointId=CP1&version=1.6/", "CP1"),
        ("/ocpp?chargePointId=RPC%2016%2F%C3%A9", "RPC 16/é"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/OCPP/CP1", "CP1"),
        ("/ocpp/Ladesa%CC%88ule-1", "Ladesäule-1"),
        ("/ocpp/health", "health"),
        ("/ocpp/charge-points", "charge-points"),
        # Right after the base URL, as most stacks append it.
        ("/CP1", "CP1"),
        ("/CP1/", "CP1"),
        ("//CP1", "CP1"),
        ("/CP1?version=1.6", "CP1"),
        ("/RDAM%20123", "RDAM 123"),
        ("/DE*ICE*E1", "DE*ICE*E1"),
        ("/CP1?chargePointId=CP1", "CP1"),
        ("/?chargePointId=CP1", "CP1"),
        ("?chargePointId=CP1", "CP1"),
        ("/health-1", "health-1"),
    ],
)
@pytest.mark.field_case("B4", "B8")
def test_the_identity_is_found_in_every_shape_of_url(target: str, identity: str) -> None:
    assert knock(target, "ocpp1.6").charge_point_id == identity


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "",
        "/ocpp",
        "/ocpp/",
        "/ocppCP1",
        "/ocpp/CP1/extra",
        "/websocket/CP1",
        "/ocpp?chargePointId=",
        "/ocpp?id=CP1",
        "/other?chargePointId=CP1",
        "/ocppCP2?chargePointId=CP1",
        "/ocpp/..",
        "/ocpp/.",
        "/ocpp/%2e%2e",
        "/ocpp/../CP1",
        "/../ocpp/CP1",
        "/..",
        "/ocpp-CP1",
        "/.well-known",
        "/csms.edge.v1.EdgeService",
        "/Health",
        "/%68ealth",
        "/connections/CP1",
    ],
)
@pytest.mark.field_case("B8")
def test_a_url_that_names_nobody_is_told_where_to_connect(target: str) -> None:
    refusal = refused(target, "ocpp1.6", host="csms.example:4000").refusal
    assert (refusal.status, refusal.rule) == (HTTPStatus.NOT_FOUND, Rule.IDENTITY_MISSING)
    assert refusal.reason.endswith("connect to ws://csms.example:4000/ocpp/<identity>")


@pytest.mark.field_case("B8")
@pytest.mark.parametrize("segment", sorted(RESERVED_SEGMENTS))
def test_a_path_of_ours_is_never_an_identity(segment: str) -> None:
    assert refused(f"/{segment}", "ocpp1.6").refusal.rule is Rule.IDENTITY_MISSING
    assert knock(f"/ocpp/{segment}", "ocpp1.6").charge_point_id == segment


@pytest.mark.parametrize(
    ("host", "reported"),
    [(None, "HOST"), ("", "HOST"), ("[::1]:4000", "[::1]:4000"), ('"><script>', "HOST"), ("a b", "HOST")],
)
def test_only_what_can_be_a_host_is_told_back(host: str | None, reported: str) -> None:
    refusal = refused("/", "ocpp1.6", host=host, peer=TLS).refusal
    assert refusal.reason.endswith(f"connect to wss://{reported}/ocpp/<identity>")


@pytest.mark.parametrize(
    ("segment", "rule"),
    [
        ("..%2F..%2Fetc%2Fpasswd", "identity_parts"),
        ("a%2F..%2Fb", "identity_parts"),
        ("A%2F%2FB", "identity_parts"),
        ("%2FA", "identity_parts"),
        ("A%252FB", "identity_reserved"),
        ("A%5CB", "identity_reserved"),
        ("%zz", "identity_reserved"),
        ("%3Cscript%3E", "identity_reserved"),
        ("%00", "identity_printable"),
        ("A%0D%0AB", "identity_printable"),
        ("%C0%AF", "identity_encoding"),
        ("%FF", "identity_encoding"),
        ("Lades%E4ule-1", "identity_encoding"),
        ("%20CP1", "identity_edges"),
        ("x" * 49, "identity_length"),
        ("x" * 5000, "identity_length"),
    ],
)
@pytest.mark.field_case("B4")
def test_what_is_no_identity_is_refused_by_the_name_of_the_rule(segment: str, rule: str) -> None:
    for target in (f"/ocpp/{segment}", f"/x/ocpp/{segment}/", f"/ocpp?chargePointId={segment}"):
        refusal = refused(target, "ocpp1.6")
        assert (refusal.refusal.status, refusal.refusal.rule) == (HTTPStatus.NOT_FOUND, Rule.IDENTITY_INVALID)
        assert f"({rule})" in refusal.refusal.reason
        assert refusal.presented_identity == segment[:96]


@pytest.mark.field_case("B4")
@pytest.mark.parametrize("version", list(Version))
def test_the_rule_for_identities_is_the_same_in_every_version(version: Version) -> None:
    for target, identity in (("RDAM%20123", "RDAM 123"), ("A%2FB", "A/B"), ("%C3%A9", "é"), ("A~B", "A~B")):
        assert knock(f"/ocpp/{target}", version.subprotocol).charge_point_id == identity


@pytest.mark.parametrize(
    ("protocols", "version", "echoed"),
    [
        (["ocpp1.6"], Version.V16, "ocpp1.6"),
        (["ocpp2.0.1"], Version.V201, "ocpp2.0.1"),
        (["ocpp2.1"], Version.V21, "ocpp2.1"),
        (["ocpp1.6, ocpp2.0.1"], Version.V201, "ocpp2.0.1"),
        (["ocpp1.6,ocpp2.1,ocpp2.0.1"], Version.V21, "ocpp2.1"),
        (["ocpp1.6", "ocpp2.0.1"], Version.V201, "ocpp2.0.1"),
        (["ocpp0.1, ocpp1.6"], Version.V16, "ocpp1.6"),
        (["ocpp0.1,ocpp2.0.1"], Version.V201, "ocpp2.0.1"),
        (["OCPP1.6"], Version.V16, "OCPP1.6"),
        ([" , ocpp1.6 ,"], Version.V16, "ocpp1.6"),
    ],
)
def test_our_preference_decides_among_the_subprotocols_offered(
    protocols: list[str], version: Version, echoed: str
) -> None:
    connection_request = knock("/ocpp/CP1", *protocols)
    assert (connection_request.version, connection_request.subprotocol) == (version, echoed)


@pytest.mark.parametrize("protocols", [[], [""], ["ocpp0.1"], ["ocpp1.5"], ["ocpp2.0"], ["soap, mqtt"]])
def test_without_a_common_subprotocol_there_is_no_upgrade(protocols: list[str]) -> None:
    refusal = refused("/ocpp/CP1", *protocols)
    assert (refusal.refusal.status, refusal.refusal.rule) == (HTTPStatus.BAD_REQUEST, Rule.NO_COMMON_SUBPROTOCOL)
    assert refusal.presented_identity == "CP1"


def test_every_version_on_offer_is_kept_the_preferred_one_first() -> None:
    connection_request = knock("/ocpp/CP1", "OCPP1.6, ocpp2.0.1, soap")
    assert list(connection_request.offers.items()) == [(Version.V201, "ocpp2.0.1"), (Version.V16, "OCPP1.6")]
    other = connection_request.speaking(Version.V16)
    assert (other.version, other.subprotocol) == (Version.V16, "OCPP1.6")


def test_a_version_that_is_not_served_is_not_chosen() -> None:
    served = (Version.V16,)
    assert knock("/ocpp/CP1", "ocpp2.0.1, ocpp1.6", served=served).version is Version.V16
    assert refused("/ocpp/CP1", "ocpp2.0.1", served=served).refusal.rule is Rule.NO_COMMON_SUBPROTOCOL


@pytest.mark.parametrize(
    ("named", "version"),
    [
        ("1.6", Version.V16),
        ("1.6/", Version.V16),
        ("1.6J", Version.V16),
        ("ocpp1.6", Version.V16),
        ("2.0.1", Version.V201),
        ("2.1", Version.V21),
        ("2%2E1", Version.V21),
    ],
)
def test_the_url_names_the_version_when_no_header_does(named: str, version: Version) -> None:
    connection_request = knock(f"/ocpp?chargePointId=CP1&version={named}")
    assert (connection_request.version, connection_request.subprotocol) == (version, None)


def test_the_header_overrules_the_url() -> None:
    assert knock("/ocpp?chargePointId=CP1&version=1.6", "ocpp2.0.1").version is Version.V201
    assert refused("/ocpp?chargePointId=CP1&version=1.6", "ocpp0.1").refusal.rule is Rule.NO_COMMON_SUBPROTOCOL
    assert refused("/ocpp?chargePointId=CP1&version=9").refusal.rule is Rule.NO_COMMON_SUBPROTOCOL


@pytest.mark.parametrize(
    "password",
    [
        b"correct-horse-battery",
        b"0123456789abcdef0123456789abcdef",
        bytes.fromhex("0123456789abcdef") * 2,
        b"with:colon",
        b"",
        bytes(range(256)),
    ],
)
def test_a_password_is_any_bytes(password: bytes) -> None:
    assert knock("/ocpp/CP1", "ocpp1.6", authorization=basic("CP1", password)).password == password


@pytest.mark.field_case("B4")
def test_the_user_is_the_identity_colons_and_all() -> None:
    for target, user in (
        ("a:b", "a:b"),
        ("%C3%A9", "é"),
        ("RDAM%20123", "RDAM 123"),
        ("x%2Fy", "x/y"),
        ("Ladesa%CC%88ule-1", "Ladesa\u0308ule-1"),
        ("Ladesa%CC%88ule-1", "Ladesäule-1"),
    ):
        connection_request = knock(f"/ocpp/{target}", "ocpp1.6", authorization=basic(user, b"c:d"))
        assert connection_request.password == b"c:d"


def test_a_lower_case_scheme_and_missing_padding_are_understood() -> None:
    header = basic("CP1", b"pw").replace("Basic", "basic").rstrip("=")
    assert knock("/ocpp/CP1", "ocpp1.6", authorization=header).password == b"pw"


@pytest.mark.parametrize(
    ("authorization", "rule"),
    [
        (basic("CP2", b"pw"), Rule.WRONG_USER),
        (basic("cp1", b"pw"), Rule.WRONG_USER),
        (basic("CP", b"1:pw"), Rule.WRONG_USER),
        ("Basic " + base64.b64encode(b"CP1").decode(), Rule.WRONG_USER),
        ("Basic", Rule.WRONG_USER),
        ("Basic !!!", Rule.CREDENTIALS_MALFORMED),
        ("Basic \u00e9", Rule.CREDENTIALS_MALFORMED),
        ("Bearer abc", Rule.CREDENTIALS_MALFORMED),
        ("CP1:pw", Rule.CREDENTIALS_MALFORMED),
    ],
)
@pytest.mark.field_case("B9")
def test_bad_credentials_are_refused_by_the_rule_they_break(authorization: str, rule: Rule) -> None:
    refusal = refused("/ocpp/CP1", "ocpp1.6", authorization=authorization)
    assert (refusal.refusal.status, refusal.refusal.rule) == (HTTPStatus.UNAUTHORIZED, rule)
    assert refusal.presented_identity == "CP1"


@pytest.mark.parametrize(
    ("peer", "authorization", "profile"),
    [
        (PLAIN, None, 0),
        (TLS, None, 0),
        (PLAIN, basic("CP1", b"pw"), 1),
        (TLS, basic("CP1", b"pw"), 2),
        (CERTIFIED, None, 3),
        (CERTIFIED, basic("CP1", b"pw"), 3),
    ],
)
def test_the_security_profile_follows_from_the_socket(peer: Peer, authorization: str | None, profile: int) -> None:
    connection_request = knock("/ocpp/CP1", "ocpp1.6", peer=peer, authorization=authorization)
    assert connection_request.security_profile == profile


@pytest.mark.parametrize(
    ("minimum", "peer", "authorization", "status", "rule"),
    [
        (1, PLAIN, None, HTTPStatus.UNAUTHORIZED, Rule.CREDENTIALS_MISSING),
        (2, TLS, None, HTTPStatus.UNAUTHORIZED, Rule.CREDENTIALS_MISSING),
        (2, PLAIN, basic("CP1", b"pw"), HTTPStatus.FORBIDDEN, Rule.SECURITY_PROFILE_TOO_LOW),
        (3, TLS, basic("CP1", b"pw"), HTTPStatus.FORBIDDEN, Rule.SECURITY_PROFILE_TOO_LOW),
        (3, TLS, None, HTTPStatus.FORBIDDEN, Rule.SECURITY_PROFILE_TOO_LOW),
    ],
)
def test_a_socket_below_the_lowest_profile_is_refused(
    minimum: int, peer: Peer, authorization: str | None, status: HTTPStatus, rule: Rule
) -> None:
    refusal = refused("/ocpp/CP1", "ocpp1.6", peer=peer, authorization=authorization, minimum_profile=minimum)
    assert (refusal.refusal.status, refusal.refusal.rule) == (status, rule)
    assert knock("/ocpp/CP1", "ocpp1.6", peer=CERTIFIED, minimum_profile=minimum).security_profile == 3


@given(st.text(alphabet="/ocp?chargePointId=CP1&version%20.%2e\\;#", max_size=40), st.text(max_size=20))
def test_no_request_makes_the_judgement_fail(target: str, header: str) -> None:
    try:
        knock(target, header, authorization=header)
    except HandshakeRefused:
        return
