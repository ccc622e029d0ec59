"""Signing in."""

import logging
from collections.abc import Sequence
from datetime import datetime

from services.driver.domain.identity.account import Account, AccountKind
from services.driver.domain.identity.sign_in import (
    KNOWN,
    LONGEST_MEMORY,
    Origin,
    Scope,
    Tries,
    check_wait,
    network_of,
    tries_of,
)
from services.driver.ports.identity import PasswordHasher, TokenSigner, UnitOfWork, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind
from services.kernel.tenancy import DEFAULT_TENANT, TenantState, tenant_disabled

_FORGOTTEN_AT_ONCE = 1000

_log = logging.getLogger(__name__)


class SignIns:
    """The use cases of signing in."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, hasher: PasswordHasher, signer: TokenSigner) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._hasher = hasher
        self._signer = signer

    async def sign_in(
        self, kind: AccountKind, name: str, password: str, address: str, former_token: str = ""
    ) -> tuple[Account, str, int]:
        """The account, an access token and the seconds until that expires. `address` is where the call comes from,
        `former_token` one that the account got before. What an unknown name costs and is told is what a known one is.
        Two units of work.

        Raises: INVALID_CREDENTIALS, TOO_MANY_ATTEMPTS, QUEUE_FULL, and TENANT_DISABLED, which is told to the right
        password alone.
        """
        if not name or not password:
            # Nobody's, so it is no guess.
            raise _not_right()
        now = self._clock.now()
        origin = Origin(address, self._signer.token_id(former_token, name, now) if former_token else "")
        async with self._units_of_work() as work:
            account = await work.accounts.find(name)
            tries = await work.sign_ins.read(tries_of(name, origin))
        check_wait(tries, origin, now)
        if account is not None and account.kind is not kind:
            account = None
        hashed = account.password_hash if account else None
        is_right = await self._hasher.matches(password, hashed, network_of(address))
        now = self._clock.now()
        async with self._units_of_work() as work:
            if account is None or not is_right:
                await _note_failure(work, tries, origin, account, now)
            else:
                await _note_success(work, tries, origin, now)
                await _check_tenant(work, account)
        if account is None or not is_right:
            raise _not_right()
        return account, *self._signer.sign(account, now)

    async def forget_tries(self) -> None:
        """Forget tries to sign in that count for nothing any more."""
        now, count = self._clock.now(), _FORGOTTEN_AT_ONCE
        while count == _FORGOTTEN_AT_ONCE:
            async with self._units_of_work() as work:
                count = await work.sign_ins.forget(now - LONGEST_MEMORY, now - KNOWN, _FORGOTTEN_AT_ONCE)


async def _note_failure(
    work: UnitOfWork, tries: Sequence[Tries], origin: Origin, account: Account | None, now: datetime
) -> None:
    """Raises: TOO_MANY_ATTEMPTS when too many others failed meanwhile: of many guesses at the same time only the first
    are told whether they are right."""
    known = await work.sign_ins.lock(tries)
    check_wait(known, origin, now)
    failed = [one.failed(now) for one in known]
    await work.sign_ins.store(failed)
    for one in failed:
        if one.is_worth_telling:
            _tell(one, origin, account)


async def _note_success(work: UnitOfWork, tries: Sequence[Tries], origin: Origin, now: datetime) -> None:
    """Raises: TOO_MANY_ATTEMPTS like a failure."""
    [own] = await work.sign_ins.lock([one for one in tries if one.scope is Scope.OWN])
    others = await work.sign_ins.read([one for one in tries if one.scope is not Scope.OWN])
    check_wait([own, *others], origin, now)
    await work.sign_ins.store([own.succeeded(now)])


async def _check_tenant(work: UnitOfWork, account: Account) -> None:
    """Raises: TENANT_DISABLED."""
    if account.tenant_id != DEFAULT_TENANT:
        tenant = await work.tenants.find(account.tenant_id)
        if tenant is None or tenant.state is not TenantState.ACTIVE:
            raise tenant_disabled(account.tenant_id)


def _not_right() -> DomainError:
    return DomainError(ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS", "the name and the password do not match")


def _tell(tries: Tries, origin: Origin, account: Account | None) -> None:
    # A name that is no account's may be a password.
    name = "no account of ours" if account is None else account.name
    match tries.scope:
        case Scope.OWN:
            _log.warning("%d wrong passwords for %s from %s: it has to wait", tries.failures, name, origin.address)
        case Scope.ADDRESS:
            _log.warning("%d wrong passwords for any account from %s: it has to wait", tries.failures, origin.address)
        case Scope.ACCOUNT:
            _log.warning("%d wrong passwords for %s in an hour, the last from %s", tries.failures, name, origin.address)
