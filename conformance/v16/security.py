"""Passwords, TLS and the upgrade (security whitepaper, OCPP-J)."""

from conformance import tls
from conformance.station import Station
from conformance.v16.states import booted, reboots
from conformance.verdicts import holds, one_of, same

_FIRST, _SECOND = "first-of-conformance", "second-of-conformance"


async def _with_password(station: Station, password: str) -> None:
    body = {"password": password, "securityProfile": 1}
    seen = (await station.operator.call("PATCH", f"/charge-points/{station.identity}", body)).data
    same("whether it has a password", seen["hasPassword"], True)


async def tc_073(station: Station) -> None:
    """The operator has the password changed: it comes back with the new one, the old one is good no more."""
    await _with_password(station, _FIRST)
    await booted(station, password=_FIRST)
    asked = await station.commanded(
        "rotate-password", {"password": _SECOND}, "ChangeConfiguration", {"status": "Accepted"}
    )
    same("key that is changed", asked.payload["key"], "AuthorizationKey")
    one_of("value", asked.payload["value"], _SECOND, _SECOND.encode().hex(), _SECOND.encode().hex().upper())
    await reboots(station, password=_SECOND)
    await station.disconnect()
    same("HTTP status with the old password", (await station.knock(_FIRST))[0], 401)
    await booted(station, password=_SECOND)


async def tc_085(station: Station) -> None:
    """No password and a wrong one are refused (401); the right one is let in."""
    await _with_password(station, _FIRST)
    same("HTTP status without a password", (await station.knock())[0], 401)
    same("HTTP status with a wrong password", (await station.knock("wrong-of-conformance"))[0], 401)
    same("HTTP status with another user", (await station.knock(_FIRST, user="SOMEBODYELSE"))[0], 401)
    await booted(station, password=_FIRST)


async def tc_088(station: Station) -> None:
    """A version that nobody speaks is not upgraded; with one that is spoken beside it, that one is echoed."""
    status, _ = await station.knock(offered=("ocpp0.1",))
    holds("the upgrade is refused", status != 101, status)
    await station.connect(offered=("ocpp0.1", "ocpp1.6"))


async def tc_083(station: Station) -> None:
    """The operator has the security profile raised: it comes back by the higher one, the lower one is refused."""
    with tls.client_with_certificate(station.place, station.identity) as shown:
        await _with_password(station, _FIRST)
        plain = tls.client(station.place)
        await booted(station, password=_FIRST, tls=plain)
        body = {"key": "SecurityProfile", "value": "3"}
        await station.commanded("change-configuration", body, "ChangeConfiguration", {"status": "Accepted"})
        await station.commanded("reset", {"type": "HARD"}, "Reset", {"status": "Accepted"})
        raised = {"securityProfile": 3}
        _ = (await station.operator.call("PATCH", f"/charge-points/{station.identity}", raised)).data
        await station.disconnect()
        await booted(station, tls=shown)
        await station.disconnect()
        holds("the lower profile is refused", (await station.knock(_FIRST, tls=plain))[0] in (401, 403))


async def tc_086(station: Station) -> None:
    """A socket with TLS 1.2 or newer: a good certificate, and each suite that has to be spoken."""
    await _with_password(station, _FIRST)
    await booted(station, password=_FIRST, tls=tls.client(station.place))
    await station.disconnect()
    for suite in (*tls.ECDSA_SUITES, *tls.RSA_SUITES):
        await tls.speaks(station, suite, _FIRST)


async def tc_087(station: Station) -> None:
    """A client certificate of the configured authority, whose common name is the identity, is accepted."""
    with tls.client_with_certificate(station.place, station.identity) as shown:
        await booted(station, tls=shown)
