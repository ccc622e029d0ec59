"""csms.identity.v1: accounts, tokens, the keys that verify them, and tenants."""

from typing import Any
from urllib.parse import quote

import grpc.aio

from csms.identity.v1 import identity_service_pb2 as identity_pb
from csms.identity.v1 import identity_service_pb2_grpc as identity_grpc
from csms.identity.v1 import tenant_service_pb2 as tenant_pb
from csms.identity.v1 import tenant_service_pb2_grpc as tenant_grpc
from services.driver.application.identity.accounts import Accounts
from services.driver.application.identity.sign_ins import SignIns
from services.driver.application.identity.tenants import Tenants
from services.driver.domain.identity.account import AccountKind
from services.driver.mapping import identity as mapping
from services.driver.ports.identity import TokenSigner
from services.kernel.errors import invalid
from services.kernel.pagination import page_request
from services.rpc import http
from services.rpc.origin import TrustedProxy

Context = grpc.aio.ServicerContext[Any, Any]


class IdentityServicer(identity_grpc.IdentityServiceServicer):
    """csms.identity.v1.IdentityService."""

    def __init__(self, accounts: Accounts, sign_ins: SignIns, signer: TokenSigner, proxy: TrustedProxy) -> None:
        self._accounts = accounts
        self._sign_ins = sign_ins
        self._signer = signer
        self._proxy = proxy

    async def IssueToken(
        self, request: identity_pb.IssueTokenRequest, context: Context
    ) -> identity_pb.IssueTokenResponse:
        match request.grant_type:
            case "password":
                kind, name, secret = AccountKind.USER, request.username, request.password
            case "client_credentials":
                kind, name, secret = AccountKind.CLIENT, request.client_id, request.client_secret
            case _:
                raise invalid("grantType", "must be password or client_credentials")
        address = self._proxy.caller_address(context)
        account, token, seconds = await self._sign_ins.sign_in(kind, name, secret, address, request.former_token)
        return identity_pb.IssueTokenResponse(
            access_token=token, token_type="Bearer", expires_in=seconds, scope=account.role.lower()
        )

    async def GetJwks(self, request: identity_pb.GetJwksRequest, context: Context) -> identity_pb.GetJwksResponse:
        known = identity_pb.JsonWebKey.DESCRIPTOR.fields_by_name
        return identity_pb.GetJwksResponse(
            keys=[
                identity_pb.JsonWebKey(**{name: value for name, value in key.items() if name in known})
                for key in self._signer.public_keys()
            ]
        )

    async def ListAccounts(
        self, request: identity_pb.ListAccountsRequest, context: Context
    ) -> identity_pb.ListAccountsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._accounts.page(mapping.role(request.role), requested)
        return identity_pb.ListAccountsResponse(
            accounts=map(mapping.account_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def CreateAccount(
        self, request: identity_pb.CreateAccountRequest, context: Context
    ) -> identity_pb.CreateAccountResponse:
        asked = request.account
        account = await self._accounts.create(
            asked.name, mapping.account_kind(asked.kind), mapping.role(asked.role), asked.driver_id, asked.password
        )
        await http.created(context, f"/accounts/{quote(account.name)}")
        return identity_pb.CreateAccountResponse(account=mapping.account_to_proto(account))

    async def DeleteAccount(
        self, request: identity_pb.DeleteAccountRequest, context: Context
    ) -> identity_pb.DeleteAccountResponse:
        await self._accounts.delete(request.name)
        await http.no_content(context)
        return identity_pb.DeleteAccountResponse()


class TenantServicer(tenant_grpc.TenantServiceServicer):
    """csms.identity.v1.TenantService."""

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants

    async def ListTenants(
        self, request: tenant_pb.ListTenantsRequest, context: Context
    ) -> tenant_pb.ListTenantsResponse:
        requested = page_request(request.page_size, request.page_token)
        page = await self._tenants.page(mapping.tenant_state(request.state), requested)
        return tenant_pb.ListTenantsResponse(
            tenants=map(mapping.tenant_to_proto, page.items),
            next_page_token=page.next_token,
            total_size=page.total_size,
        )

    async def GetTenant(self, request: tenant_pb.GetTenantRequest, context: Context) -> tenant_pb.GetTenantResponse:
        tenant = await self._tenants.get(request.tenant_id)
        return tenant_pb.GetTenantResponse(tenant=mapping.tenant_to_proto(tenant))

    async def CreateTenant(
        self, request: tenant_pb.CreateTenantRequest, context: Context
    ) -> tenant_pb.CreateTenantResponse:
        tenant = await self._tenants.create(mapping.tenant_fields(request.tenant))
        await http.created(context, f"/tenants/{tenant.id}")
        return tenant_pb.CreateTenantResponse(tenant=mapping.tenant_to_proto(tenant))

    async def UpdateTenant(
        self, request: tenant_pb.UpdateTenantRequest, context: Context
    ) -> tenant_pb.UpdateTenantResponse:
        tenant = await self._tenants.update(request.tenant_id, mapping.tenant_changes(request), request.tenant.etag)
        return tenant_pb.UpdateTenantResponse(tenant=mapping.tenant_to_proto(tenant))
