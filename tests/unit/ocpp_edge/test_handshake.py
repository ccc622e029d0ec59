"""Upgrade requests to admissions: every URL, subprotocol and credential seen in the field, and what is refused."""

import base64
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpp_edge.handshake import Admission, HandshakeRefused, read_handshake
from ocpp_edge.peer import Peer
from ocpp_edge.versions import Version

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
) -> Admission:
    headers = {"Sec-WebSocket-Protocol": list(protocols), "Authorization": [authorization] if authorization else []}
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
    ],
)
def test_the_identity_is_found_in_every_shape_of_url(target: str, identity: str) -> None:
    assert knock(target, "ocpp1.6").charge_point_id == identity


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "",
        "/CP1",
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
        "/ocpp/..%2F..%2Fetc%2Fpasswd",
        "/ocpp/A%2F%2FB",
        "/ocpp/%2FA",
        "/ocpp/A%252FB",
        "/ocpp/A%5CB",
        "/ocpp/%00",
        "/ocpp/A%0D%0AB",
        "/ocpp/%C0%AF",
        "/ocpp/%FF",
        "/ocpp/%zz",
        "/ocpp/%20CP1",
        "/ocpp/%3Cscript%3E",
        "/ocpp/" + "x" * 49,
    ],
)
def test_anything_else_is_not_found(target: str) -> None:
    assert refused(target, "ocpp1.6").status is HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("target", ["/ocpp/RPC%2016", "/ocpp/A%2FB", "/ocpp/%C3%A9", "/ocpp/A~B"])
def test_2x_identities_keep_to_the_identifier_characters(target: str) -> None:
    assert refused(target, "ocpp2.0.1").status is HTTPStatus.NOT_FOUND
    assert knock("/ocpp/Az09*-_=:+|@.", "ocpp2.0.1").charge_point_id == "Az09*-_=:+|@."


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
    admission = knock("/ocpp/CP1", *protocols)
    assert (admission.version, admission.subprotocol) == (version, echoed)


@pytest.mark.parametrize("protocols", [[], [""], ["ocpp0.1"], ["ocpp1.5"], ["ocpp2.0"], ["soap, mqtt"]])
def test_without_a_common_subprotocol_there_is_no_upgrade(protocols: list[str]) -> None:
    assert refused("/ocpp/CP1", *protocols).status is HTTPStatus.BAD_REQUEST


def test_a_version_that_is_not_served_is_not_chosen() -> None:
    served = (Version.V16,)
    assert knock("/ocpp/CP1", "ocpp2.0.1, ocpp1.6", served=served).version is Version.V16
    assert refused("/ocpp/CP1", "ocpp2.0.1", served=served).status is HTTPStatus.BAD_REQUEST


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
    admission = knock(f"/ocpp?chargePointId=CP1&version={named}")
    assert (admission.version, admission.subprotocol) == (version, None)


def test_the_header_overrules_the_url() -> None:
    assert knock("/ocpp?chargePointId=CP1&version=1.6", "ocpp2.0.1").version is Version.V201
    assert refused("/ocpp?chargePointId=CP1&version=1.6", "ocpp0.1").status is HTTPStatus.BAD_REQUEST
    assert refused("/ocpp?chargePointId=CP1&version=9").status is HTTPStatus.BAD_REQUEST


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


def test_the_user_is_the_identity_colons_and_all() -> None:
    assert knock("/ocpp/a:b", "ocpp1.6", authorization=basic("a:b", b"c:d")).password == b"c:d"
    assert knock("/ocpp/%C3%A9", "ocpp1.6", authorization=basic("é", b"p")).password == b"p"


def test_a_lower_case_scheme_and_missing_padding_are_understood() -> None:
    header = basic("CP1", b"pw").replace("Basic", "basic").rstrip("=")
    assert knock("/ocpp/CP1", "ocpp1.6", authorization=header).password == b"pw"


@pytest.mark.parametrize(
    "authorization",
    [
        basic("CP2", b"pw"),
        basic("cp1", b"pw"),
        basic("CP", b"1:pw"),
        "Basic " + base64.b64encode(b"CP1").decode(),
        "Basic",
        "Basic !!!",
        "Basic \u00e9",
        "Bearer abc",
        "CP1:pw",
    ],
)
def test_bad_credentials_are_challenged(authorization: str) -> None:
    refusal = refused("/ocpp/CP1", "ocpp1.6", authorization=authorization)
    assert (refusal.status, refusal.challenge) == (HTTPStatus.UNAUTHORIZED, True)


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
    admission = knock("/ocpp/CP1", "ocpp1.6", peer=peer, authorization=authorization)
    assert admission.security_profile == profile


@pytest.mark.parametrize(
    ("minimum", "peer", "authorization", "status"),
    [
        (1, PLAIN, None, HTTPStatus.UNAUTHORIZED),
        (2, TLS, None, HTTPStatus.UNAUTHORIZED),
        (2, PLAIN, basic("CP1", b"pw"), HTTPStatus.FORBIDDEN),
        (3, TLS, basic("CP1", b"pw"), HTTPStatus.FORBIDDEN),
        (3, TLS, None, HTTPStatus.FORBIDDEN),
    ],
)
def test_a_socket_below_the_lowest_profile_is_refused(
    minimum: int, peer: Peer, authorization: str | None, status: HTTPStatus
) -> None:
    refusal = refused("/ocpp/CP1", "ocpp1.6", peer=peer, authorization=authorization, minimum_profile=minimum)
    assert refusal.status is status
    assert knock("/ocpp/CP1", "ocpp1.6", peer=CERTIFIED, minimum_profile=minimum).security_profile == 3


@given(st.text(alphabet="/ocp?chargePointId=CP1&version%20.%2e\\;#", max_size=40), st.text(max_size=20))
def test_no_request_makes_the_judgement_fail(target: str, header: str) -> None:
    try:
        knock(target, header, authorization=header)
    except HandshakeRefused:
        return
