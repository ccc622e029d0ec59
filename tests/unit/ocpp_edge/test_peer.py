"""Who is believed about the far end of a socket."""

from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from ocpp_edge.peer import Peer, direct_peer, peer_behind

PROXIES = (ip_network("127.0.0.0/8"), ip_network("fd00::/8"))


def behind(address: str, **headers: Sequence[str]) -> Peer:
    named = {name.replace("_", "-").lower(): list(values) for name, values in headers.items()}
    return peer_behind(Peer(address), lambda name: named.get(name.lower(), []), PROXIES)


def test_a_trusted_proxy_tells_of_the_charge_point() -> None:
    peer = behind(
        "127.0.0.1",
        x_forwarded_for=["6.6.6.6, 10.1.2.3"],
        x_forwarded_proto=["https"],
        x_forwarded_client_cert=['Hash=ab;Subject="CN=CP001,O=CSMS";URI=;DNS=cp001.example'],
    )
    assert peer == Peer("10.1.2.3", tls=True, certificate_names=("CP001", "cp001.example"))


def test_nobody_else_is_believed() -> None:
    forged = behind(
        "10.0.0.1", x_forwarded_for=["1.1.1.1"], x_forwarded_proto=["https"], x_forwarded_client_cert=["DNS=CP1"]
    )
    assert forged == Peer("10.0.0.1")
    assert behind("", x_forwarded_for=["1.1.1.1"]) == Peer("")


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
