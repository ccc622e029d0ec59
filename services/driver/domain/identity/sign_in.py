"""Signing in: how long somebody who has been wrong waits before his next try is looked at.

What counts is the account together with where the try comes from: who does not know a password can keep nobody out who
does, unless he is where that one is, and even there not for long.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b

from services.driver.domain.identity.account import name_key
from services.kernel.errors import DomainError, too_many

_KEY_BYTES = 16
# Whoever gets such a network from his provider has every address of it.
_IPV6_NETWORK_BITS = 64
# For how long somebody who was right at an address is known there, and how old a token may be that he shows elsewhere.
KNOWN = timedelta(days=30)


class Scope(StrEnum):
    """What tries in vain are counted for."""

    OWN = "OWN"
    """An account and where it is tried from: an address, or who has a token that was issued to it before."""
    ADDRESS = "ADDRESS"
    """Whatever accounts are tried from one address."""
    ACCOUNT = "ACCOUNT"
    """An account, wherever it is tried from. Only watched: to make everybody wait would lock its owner out."""


@dataclass(frozen=True, slots=True)
class _Patience:
    """How many tries in vain cost nothing, how long the wait may become, and when they are forgotten."""

    free: int
    longest: timedelta
    memory: timedelta


_PATIENCE: Mapping[Scope, _Patience] = {
    Scope.OWN: _Patience(free=5, longest=timedelta(minutes=5), memory=timedelta(days=1)),
    # Many people may stand behind one address; those who were right there before do not wait for the others.
    Scope.ADDRESS: _Patience(free=50, longest=timedelta(minutes=1), memory=timedelta(hours=1)),
    Scope.ACCOUNT: _Patience(free=50, longest=timedelta(0), memory=timedelta(hours=1)),
}
LONGEST_MEMORY = max(patience.memory for patience in _PATIENCE.values())
_FIRST_WAIT = timedelta(seconds=1)
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a try comes from: the caller's address, and the id of a token of the account if he has shown one."""

    address: str
    token_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """What is remembered of the tries in one scope. `key` stands for who that is, and tells nobody."""

    key: bytes
    scope: Scope
    failures: int = 0
    failure_time: datetime | None = None
    success_time: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """How long the next try has to wait; zero for not at all."""
        patience, failures = _PATIENCE[self.scope], self._remembered(now)
        if self.failure_time is None or failures <= patience.free:
            return timedelta(0)
        doublings = min(failures - patience.free - 1, _MOST_DOUBLINGS)
        wait: timedelta = min(_FIRST_WAIT * 2**doublings, patience.longest)
        return max(self.failure_time + wait - now, timedelta(0))

    def is_known(self, now: datetime) -> bool:
        """Whether somebody was right here of late."""
        return self.success_time is not None and self.success_time > now - KNOWN

    def failed(self, now: datetime) -> "Tries":
        """After one more try in vain."""
        return replace(self, failures=self._remembered(now) + 1, failure_time=now)

    def succeeded(self, now: datetime) -> "Tries":
        """After the right password: what came before was no attack."""
        return replace(self, failures=0, failure_time=None, success_time=now)

    @property
    def is_worth_telling(self) -> bool:
        """Whether operators should hear of so many tries in vain: of the first beyond what is free, then ever more
        seldom."""
        over = self.failures - _PATIENCE[self.scope].free
        return over > 0 and over & (over - 1) == 0

    def _remembered(self, now: datetime) -> int:
        memory = _PATIENCE[self.scope].memory
        return 0 if self.failure_time is None or self.failure_time <= now - memory else self.failures


def tries_of(name: str, origin: Origin) -> Sequence[Tries]:
    """What a try for the account `name` counts in, none of it tried before."""
    account, network = name_key(name), network_of(origin.address)
    place = f"token {origin.token_id}" if origin.token_id else f"address {network}"
    return (
        Tries(key=_key(Scope.OWN, account, place), scope=Scope.OWN),
        Tries(key=_key(Scope.ADDRESS, network), scope=Scope.ADDRESS),
        Tries(key=_key(Scope.ACCOUNT, account), scope=Scope.ACCOUNT),
    )


def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, an IPv6 network of 64 bits; anything else as it is written."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, _IPV6_NETWORK_BITS), strict=False))
        found = found.ipv4_mapped
    return str(found)


def check_wait(tries: Sequence[Tries], origin: Origin, now: datetime) -> None:
    """Raises: TOO_MANY_ATTEMPTS with the seconds to wait.

    Who was right here before, or shows that he was elsewhere, waits for his own tries in vain only.
    """
    known = bool(origin.token_id) or any(one.scope is Scope.OWN and one.is_known(now) for one in tries)
    waits = [one.wait(now) for one in tries if one.scope is Scope.OWN or not known]
    longest = max(waits, default=timedelta(0))
    if longest:
        raise _refused(longest)


def _refused(wait: timedelta) -> DomainError:
    # The same for every name: whether there is such an account is not told.
    return too_many("TOO_MANY_ATTEMPTS", "too many wrong attempts", wait)


def _key(*parts: str) -> bytes:
    """Of one length, whatever was given for a name; and names that were given for an account may be passwords."""
    return blake2b("\n".join(parts).encode(errors="surrogatepass"), digest_size=_KEY_BYTES).digest()
