"""Accounts, and signing in."""

from services.chassis.pagination import Page, PageRequest
from services.driver.domain.account import Account, AccountKind, FailedAttempts, Role, check_new, name_key
from services.driver.ports import PasswordHasher, TokenSigner, Works
from services.kernel.clock import Clock
from services.kernel.errors import DomainError, ErrorKind, not_found


class Identity:
    """The use cases of accounts. Each method is one unit of work."""

    def __init__(self, works: Works, clock: Clock, hasher: PasswordHasher, signer: TokenSigner) -> None:
        self._works = works
        self._clock = clock
        self._hasher = hasher
        self._signer = signer
        self._failures = FailedAttempts()

    async def sign_in(self, kind: AccountKind, name: str, password: str) -> tuple[Account, str, int]:
        """The account, an access token and the seconds until that expires. Raises: INVALID_CREDENTIALS, QUEUE_FULL."""
        self._failures.check(name_key(name), self._clock.now())
        async with self._works() as work:
            account = await work.accounts.find(name)
        if account is not None and account.kind is not kind:
            account = None
        is_right = await self._hasher.matches(password, account.password_hash if account else None)
        now = self._clock.now()
        # Once more: of many guesses at the same time only the first ten are told whether they are right.
        self._failures.check(name_key(name), now)
        if account is None or not is_right:
            self._failures.note(name_key(name), now)
            raise DomainError(
                ErrorKind.UNAUTHENTICATED, "INVALID_CREDENTIALS", "the name and the password do not match"
            )
        return account, *self._signer.sign(account, now)

    async def page(self, role: Role | None, page: PageRequest) -> Page[Account]:
        """One page of accounts by name."""
        async with self._works() as work:
            return await work.accounts.page(role, page)

    async def create(self, name: str, kind: AccountKind, role: Role | None, driver_id: str, password: str) -> Account:
        """Raises: INVALID_FIELD, ACCOUNT_EXISTS, DRIVER_NOT_FOUND."""
        check_new(name, role, driver_id, password)
        if role is None:
            raise ValueError("check_new lets no account without a role pass")
        account = Account(
            name=name,
            kind=kind,
            role=role,
            driver_id=driver_id or None,
            password_hash=await self._hasher.hash(password),
            create_time=self._clock.now(),
        )
        async with self._works() as work:
            await work.accounts.add(account)
        return account

    async def delete(self, name: str) -> None:
        """Raises: ACCOUNT_NOT_FOUND."""
        async with self._works() as work:
            if not await work.accounts.remove(name):
                raise not_found("account", name)
