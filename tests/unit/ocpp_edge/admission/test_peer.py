"""Who is believed about the far end of a socket."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from ocpp_edge.admission.peer import Peer, Proxies, direct_peer, peer_behind

SECRET = "only proxies know this"
PROXIES = Proxies((ip_network("127.0.0.0/8"), ip_network("fd00::/8")), SECRET)


def behind(address: str, **headers: Sequence[str]) -> Peer:
    """Who is behind a proxy at `address` that proves itself and sends these headers."""
    named = {name.replace("_", "-").lower(): list(values) for name, values in headers.items()}
    named["x-csms-proxy-secret"] = [SECRET]
    return peer_behind(Peer(address), lambda name: named.get(name.lower(), []), PROXIES)


def forged(address: str, shown: Sequence[str] = (SECRET,), proxies: Proxies = PROXIES) -> Peer:
    """Who is taken to be there when headers of every kind come from `address` with these secrets."""
    named = {
        "x-forwarded-for": ["1.1.1.1"],
        "x-forwarded-proto": ["https"],
        "x-forwarded-client-cert": ['Subject="CN=SEC1"'],
        "x-csms-proxy-secret": list(shown),
    }
    return peer_behind(Peer(address), lambda name: named.get(name.lower(), []), proxies)


def test_a_trusted_proxy_tells_of_the_charge_point() -> None:
    peer = behind(
        "127.0.0.1",
        x_forwarded_for=["6.6.6.6, 10.1.2.3"],
        x_forwarded_proto=["https"],
        x_forwarded_client_cert=['Hash=ab;Subject="CN=CP001,O=CSMS";URI=;DNS=cp001.example'],
    )
    assert peer == Peer("10.1.2.3", tls=True, certificate_names=("CP001", "cp001.example"))


@pytest.mark.field_case("E2")
@pytest.mark.parametrize("address", ["10.0.0.1", "", "fe80::1"])
def test_from_elsewhere_nobody_is_believed_whatever_he_shows(address: str) -> None:
    assert forged(address) == Peer(address)


@pytest.mark.field_case("E2")
@pytest.mark.parametrize("shown", [[], [""], ["guessed"], [SECRET, SECRET], [SECRET + "x"], ["\u00e9"]])
def test_a_proxy_that_does_not_prove_itself_is_not_believed(shown: list[str]) -> None:
    assert forged("127.0.0.1", shown) == Peer("127.0.0.1")


@pytest.mark.field_case("E2")
@pytest.mark.parametrize("proxies", [Proxies(), Proxies(PROXIES.networks), Proxies((), SECRET)])
def test_unless_proxies_are_configured_nobody_is_believed(proxies: Proxies) -> None:
    for shown in ([], [""], [SECRET]):
        assert forged("127.0.0.1", shown, proxies) == Peer("127.0.0.1")


@pytest.mark.field_case("E2")
def test_a_header_that_no_proxy_of_ours_writes_says_nothing() -> None:
    assert behind("127.0.0.1", x_real_ip=["6.6.6.6"], forwarded=["for=6.6.6.6"]) == Peer("127.0.0.1")


def test_a_proxy_that_says_nothing_is_the_peer() -> None:
    itself = Peer("127.0.0.1", tls=True, certificate_names=("CP1",))
    assert peer_behind(itself, lambda _name: [], PROXIES) == itself


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ('Subject="O=CSMS,CN=CP1"', ("CP1",)),
        ('Subject="CN=a\\"b\\,c,O=x"', ('a"b,c',)),
        ('Subject="CN=first";DNS=first,Subject="CN=nearest"', ("nearest",)),
        ('Hash=1,By=spiffe://x;Subject="CN=CP1,O=a;b";DNS=x', ("CP1", "x")),
        ('Subject="O=x\\,CN=CP2,CN=CP1"', ("CP1",)),
        ('Subject="CN=CP1+OU=x"', ("CP1",)),
        ("Subject=;DNS=", ()),
        ("nonsense", ()),
        ("", ()),
    ],
)
def test_the_names_of_the_nearest_certificate_count(header: str, names: tuple[str, ...]) -> None:
    assert behind("127.0.0.1", x_forwarded_client_cert=[header]).certificate_names == names


def test_the_names_of_a_direct_certificate() -> None:
    certificate = {
        "subject": ((("organizationName", "CSMS"),), (("commonName", "CP1"),)),
        "subjectAltName": (("DNS", "CP1"), ("DNS", "cp1.example"), ("IP Address", "10.0.0.1")),
    }
    assert direct_peer("10.0.0.1", certificate, True).certificate_names == ("CP1", "cp1.example")
    assert direct_peer("10.0.0.1", None, True) == Peer("10.0.0.1", tls=True)
