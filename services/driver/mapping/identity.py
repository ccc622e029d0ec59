"""Between csms.identity.v1 and the domain."""

from csms.identity.v1 import account_pb2 as account_pb
from services.driver.domain.identity.account import Account, AccountKind, Role
from services.rpc.protobuf import enum_of, timestamp


def role(number: int) -> Role | None:
    """The role of a message; None for unspecified."""
    return enum_of(Role, account_pb.Account.Role, number)


def account_kind(number: int) -> AccountKind:
    """The kind of account of a message; USER for unspecified."""
    return enum_of(AccountKind, account_pb.Account.Kind, number) or AccountKind.USER


def account_to_proto(account: Account) -> account_pb.Account:
    """The resource as callers see it."""
    return account_pb.Account(
        name=account.name,
        kind=account_pb.Account.Kind.Value(account.kind),
        role=account_pb.Account.Role.Value(account.role),
        driver_id=account.driver_id or "",
        create_time=timestamp(account.create_time),
    )
