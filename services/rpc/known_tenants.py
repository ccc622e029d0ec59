"""Whether a tenant is there and not disabled, asked of who keeps the tenants and remembered for seconds.

So a tenant that is disabled is refused everywhere within these seconds, and calls of its people cost a question each
few seconds, not each time. Of the default tenant nobody asks.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from csms.identity.v1.tenant_pb2 import Tenant
from csms.identity.v1.tenant_service_pb2 import GetTenantRequest
from csms.identity.v1.tenant_service_pb2_grpc import TenantServiceStub
from services.kernel.errors import DomainError
from services.kernel.tenancy import TenantState, as_platform, tenant_disabled
from services.process.settings import ServiceSettings
from services.rpc import channels
from services.rpc.service_identity import ServiceIdentity
from services.rpc.tenants import no_such_tenant

Ask = Callable[[str], Awaitable[TenantState | None]]
"""The state of a tenant; None when there is none of this id. Raises DomainError when that cannot be told."""

REMEMBERED_SECONDS = 5.0
# A tenant that was not there may have been made, and one may be asked for that cannot be told of.
_ASK_AGAIN_SECONDS = 1.0
_ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Known:
    """What was told last, and until when it counts, by the monotonic clock."""

    state: TenantState | None
    until: float


class KnownTenants:
    """Satisfies rpc.tenants.Tenants. While nobody answers, what was told before counts."""

    def __init__(
        self,
        ask: Ask,
        close: Callable[[], Awaitable[object]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._close = close
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[TenantState | None]] = {}

    async def check(self, tenant_id: str) -> None:
        known = self._known.get(tenant_id)
        state = known.state if known is not None and self._clock() < known.until else await self._asked(tenant_id)
        if state is None:
            raise no_such_tenant()
        if state is not TenantState.ACTIVE:
            raise tenant_disabled(tenant_id)

    async def close(self) -> None:
        """Let go of the way to who is asked."""
        if self._close is not None:
            await self._close()

    async def _asked(self, tenant_id: str) -> TenantState | None:
        # Many calls that come at once ask one question; one that is given up does not take it from the others.
        asking = self._asking.get(tenant_id)
        if asking is None:
            asking = self._asking[tenant_id] = asyncio.create_task(self._learn(tenant_id))
            asking.add_done_callback(lambda asked: self._end(tenant_id, asked))
        return await asyncio.shield(asking)

    def _end(self, tenant_id: str, asked: asyncio.Task[TenantState | None]) -> None:
        del self._asking[tenant_id]
        if not asked.cancelled():
            # Everybody may have left before it failed.
            asked.exception()

    async def _learn(self, tenant_id: str) -> TenantState | None:
        before = self._known.get(tenant_id)
        try:
            # Which tenants there are is none's own business.
            with as_platform():
                state = await self._ask(tenant_id)
        except DomainError:
            if before is None:
                raise
            state, seconds = before.state, _ASK_AGAIN_SECONDS
        else:
            seconds = _ASK_AGAIN_SECONDS if state is None else REMEMBERED_SECONDS
        self._known[tenant_id] = _Known(state, self._clock() + seconds)
        return state


def asked_of_identity(service: str, settings: ServiceSettings) -> KnownTenants:
    """The tenants as the identity service tells the service `service`. Raises ServerFailed when that has no key."""
    channel = channels.channel(settings.driver_service_url, "driver", ServiceIdentity(service, settings))
    tenants = TenantServiceStub(channel)

    async def ask(tenant_id: str) -> TenantState | None:
        try:
            answer = await tenants.GetTenant(GetTenantRequest(tenant_id=tenant_id), timeout=_ANSWER_SECONDS)
        except DomainError as error:
            if error.reason == "TENANT_NOT_FOUND":
                return None
            raise
        # A state that only a newer release knows lets nobody in.
        return TenantState.ACTIVE if answer.tenant.state == Tenant.ACTIVE else TenantState.DISABLED

    return KnownTenants(ask, channel.close)
