"""A: who a station is, passwords and TLS."""

import ssl

from conformance import tls
from conformance.station import Station
from conformance.v201.states import booted, status
from conformance.verdicts import Failed, NotApplicable, holds, same

_FIRST, _SECOND = "first-of-conformance", "second-of-conformance"
_PASSWORD = "SecurityCtrlr.BasicAuthPassword"


async def _with_password(station: Station) -> None:
    body = {"password": _FIRST, "securityProfile": 1}
    seen = (await station.operator.call("PATCH", f"/charge-points/{station.identity}", body)).data
    same("whether it has a password", seen["hasPassword"], True)


async def tc_a_01(station: Station) -> None:
    """Good Basic authentication is let in, and the station is welcome."""
    await _with_password(station)
    await booted(station, password=_FIRST)
    await station.connector_is("AVAILABLE", 1, 1)


async def tc_a_02(station: Station) -> None:
    """A user other than the identity in the URL is refused."""
    await _with_password(station)
    same("HTTP status with another user", (await station.knock(_FIRST, user=f"{station.identity}X"))[0], 401)
    await booted(station, password=_FIRST)


async def tc_a_03(station: Station) -> None:
    """No password and a wrong one are refused; the right one is let in."""
    await _with_password(station)
    same("HTTP status without a password", (await station.knock())[0], 401)
    same("HTTP status with a wrong password", (await station.knock("wrong-of-conformance"))[0], 401)
    await booted(station, password=_FIRST)


async def tc_a_04(station: Station) -> None:
    """A socket with TLS and a good certificate is welcome, by each suite of ECDSA and RSA that has to be spoken."""
    await _with_password(station)
    await booted(station, password=_FIRST, tls=tls.client(station.place))
    await station.disconnect()
    for suite in (*tls.ECDSA_SUITES, *tls.RSA_SUITES):
        await tls.speaks(station, suite, _FIRST)


async def tc_a_06(station: Station) -> None:
    """TLS older than 1.2 is ended in the handshake; 1.2 and newer are accepted afterwards."""
    await _with_password(station)
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        if not tls.is_spoken_here(version):
            raise NotApplicable(f"{version.name} is not spoken by the TLS library of this machine")
        try:
            told = await station.knock(_FIRST, tls=tls.client(station.place, version=version))
        except OSError:
            continue
        raise Failed(f"expected that {version.name} is ended in the handshake, seen HTTP {told[0]}")
    await booted(station, password=_FIRST, tls=tls.client(station.place))


async def tc_a_07(station: Station) -> None:
    """A client certificate of the configured authority is accepted."""
    with tls.client_with_certificate(station.place, station.identity) as shown:
        await booted(station, tls=shown)


async def tc_a_08(station: Station) -> None:
    """A client certificate of somebody else is dropped; a good one is accepted next."""
    with tls.client_with_certificate(station.place, station.identity, is_ours=False) as forged:
        try:
            told = (await station.knock(tls=forged))[0]
        except (OSError, Failed):
            # With TLS 1.3 the handshake is over for us before the other side has judged our certificate.
            told = 0
        holds("it is dropped", told != 101, told)
    with tls.client_with_certificate(station.place, station.identity) as shown:
        await booted(station, tls=shown)


async def tc_a_09(station: Station) -> None:
    """The operator has the password changed: from then on the new one alone is good."""
    await _with_password(station)
    await booted(station, password=_FIRST)
    await _rotated(station, "Accepted")
    await station.disconnect()
    await booted(station, password=_SECOND)
    await station.disconnect()
    same("HTTP status with the old password", (await station.knock(_FIRST))[0], 401)


async def tc_a_10(station: Station) -> None:
    """A change of the password that the station refuses changes nothing: the old one goes on to be good."""
    await _with_password(station)
    await booted(station, password=_FIRST)
    await _rotated(station, "Rejected")
    await status(station, "Available")
    await station.disconnect()
    await booted(station, password=_FIRST)


async def _rotated(station: Station, answer: str) -> None:
    component, variable = _PASSWORD.split(".")
    named = {"component": {"name": component}, "variable": {"name": variable}}
    asked = await station.commanded(
        "rotate-password",
        {"password": _SECOND},
        "SetVariables",
        {"setVariableResult": [{**named, "attributeStatus": answer}]},
    )
    same("what is asked", asked.payload, {"setVariableData": [{**named, "attributeValue": _SECOND}]})
    same("status of the command", asked.command["status"], answer)
