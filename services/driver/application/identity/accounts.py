"""Accounts: who may call the API, and as what."""

from services.driver.domain.identity.account import Account, AccountKind, Role, check_new
from services.driver.ports.identity import PasswordHasher, UnitsOfWork
from services.kernel.clock import Clock
from services.kernel.errors import not_found
from services.kernel.pagination import Page, PageRequest

# New passwords are made by those who may hand out accounts, whom nobody has to be protected from.
_ADMINISTRATORS = "administrators"


class Accounts:
    """The use cases of accounts. Each method is one unit of work."""

    def __init__(self, units_of_work: UnitsOfWork, clock: Clock, hasher: PasswordHasher) -> None:
        self._units_of_work = units_of_work
        self._clock = clock
        self._hasher = hasher

    async def page(self, role: Role | None, page: PageRequest) -> Page[Account]:
        """One page of accounts by name."""
        async with self._units_of_work() as work:
            return await work.accounts.page(role, page)

    async def create(self, name: str, kind: AccountKind, role: Role | None, driver_id: str, password: str) -> Account:
        """Raises: INVALID_FIELD, ACCOUNT_EXISTS, DRIVER_NOT_FOUND, QUEUE_FULL."""
        check_new(name, role, driver_id, password)
        if role is None:
            raise ValueError("check_new lets no account without a role pass")
        account = Account(
            name=name,
            kind=kind,
            role=role,
            driver_id=driver_id or None,
            password_hash=await self._hasher.hash(password, _ADMINISTRATORS),
            create_time=self._clock.now(),
        )
        async with self._units_of_work() as work:
            await work.accounts.add(account)
        return account

    async def delete(self, name: str) -> None:
        """Raises: ACCOUNT_NOT_FOUND."""
        async with self._units_of_work() as work:
            if not await work.accounts.remove(name):
                raise not_found("account", name)
