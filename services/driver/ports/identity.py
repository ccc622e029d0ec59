"""What the use cases of csms.identity.v1 need: repositories within one unit of work, and credentials."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.driver.domain.identity.account import Account, Role
from services.driver.domain.identity.sign_in import Tries
from services.driver.domain.identity.tenant import Tenant
from services.kernel import unit_of_work
from services.kernel.pagination import Page, PageRequest
from services.kernel.tenancy import TenantState


class AccountRepository(Protocol):
    """The stored accounts."""

    async def page(self, role: Role | None, page: PageRequest) -> Page[Account]:
        """One page by name."""
        ...

    async def find(self, name: str) -> Account | None:
        """The account of that name, whatever its case."""
        ...

    async def add(self, account: Account) -> None:
        """Store a new account. Raises: ACCOUNT_EXISTS, DRIVER_NOT_FOUND."""
        ...

    async def remove(self, name: str) -> bool:
        """Delete the account of that name; whether there was one."""
        ...


class SignInRepository(Protocol):
    """What is remembered of tries to sign in, by the keys of `Tries`."""

    async def read(self, tries: Sequence[Tries]) -> Sequence[Tries]:
        """What is remembered of each, in their order; those that nothing is remembered of as they are."""
        ...

    async def lock(self, tries: Sequence[Tries]) -> Sequence[Tries]:
        """The same, locked until the unit of work ends, once in it."""
        ...

    async def store(self, tries: Sequence[Tries]) -> None:
        """Store locked ones."""
        ...

    async def forget(self, failed_before: datetime, right_before: datetime, limit: int) -> int:
        """Forget those that were last wrong and last right before these times, up to `limit`; how many."""
        ...


class TenantRepository(Protocol):
    """The stored tenants. Only work of the platform reaches them."""

    async def page(self, state: TenantState | None, page: PageRequest) -> Page[Tenant]:
        """One page by id."""
        ...

    async def find(self, tenant_id: str, *, for_update: bool = False) -> Tenant | None:
        """The tenant, locked until the unit of work ends when `for_update`."""
        ...

    async def add(self, tenant: Tenant) -> None:
        """Store a new tenant. Raises: TENANT_EXISTS."""
        ...

    async def replace(self, tenant: Tenant) -> None:
        """Store all fields of a tenant."""
        ...


class UnitOfWork(Protocol):
    """One unit of work: what is done through it is committed together, or not at all."""

    @property
    def accounts(self) -> AccountRepository: ...

    @property
    def sign_ins(self) -> SignInRepository: ...

    @property
    def tenants(self) -> TenantRepository: ...


UnitsOfWork = unit_of_work.UnitsOfWork[UnitOfWork]


class PasswordHasher(Protocol):
    """Makes and checks password hashes; slow on purpose, so it works beside the event loop.

    Few wait for it at a time, and of one `network` (where the call comes from) not all of them. Both methods raise
    QUEUE_FULL.
    """

    async def hash(self, password: str, network: str) -> str:
        """The hash to store."""
        ...

    async def matches(self, password: str, password_hash: str | None, network: str) -> bool:
        """Whether the password made the hash. None takes as long as a wrong password and is False."""
        ...


class TokenSigner(Protocol):
    """Makes access tokens."""

    def sign(self, account: Account, now: datetime) -> tuple[str, int]:
        """A token for the account, and the seconds until it expires."""
        ...

    def token_id(self, token: str, name: str, now: datetime) -> str:
        """The id of an access token that was made for the account `name` within 30 days, and may have expired; empty
        for anything else."""
        ...

    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """The public keys that verify the tokens, as JSON Web Keys."""
        ...
