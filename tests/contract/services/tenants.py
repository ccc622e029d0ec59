"""Two tenants at one service: whatever one of them asks, it is as if the things of the other did not exist.

A test names a request for every RPC that people may call, about things of the tenant `south`. The same request is made
by an admin of `north`, who must get nothing and change nothing, and then by one of `south`, who must get what is his:
so that no request can pass because it is wrong.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib import import_module
from pkgutil import ModuleInfo, iter_modules
from typing import Any

import grpc
import grpc.aio
import psycopg
from google.api.httpbody_pb2 import HttpBody
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from services.rpc.access import access_rule
from tests.fixtures.services import RunningService

OWNER, OTHER = "south", "north"
_NOT_COMPARED = ("alembic_version", "outbox", "idempotency_keys", "consumed_events", "parked_events")
_TABLES = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
AND NOT relispartition AND relname <> ALL(%s)
"""


class Answer(Enum):
    """What a stranger gets."""

    NOTHING = "a list without the things of the owner"
    NOT_FOUND = grpc.StatusCode.NOT_FOUND
    TAKEN = grpc.StatusCode.ALREADY_EXISTS
    OWN = "a thing of its own"


@dataclass(frozen=True)
class Attempt:
    """A request about things of the owner, and what a stranger gets for it."""

    request: Message
    answer: Answer = Answer.NOT_FOUND


def methods_for_people(*services: str) -> Iterator[MethodDescriptor]:
    """Every RPC of these services that a person with a token may call."""
    for name in services:
        for method in descriptor_pool.Default().FindServiceByName(name).methods:
            rule = access_rule(path_of(method))
            if not rule.public and not rule.internal:
                yield method


def services_for_people(*packages: str) -> tuple[str, ...]:
    """The services of these packages, whose generated modules are imported, that have an RPC for people: a new one is
    among them by itself."""
    modules = (import_module(module.name) for package in packages for module in _modules(package))
    names = [
        service.full_name
        for module in modules
        for service in module.DESCRIPTOR.services_by_name.values()
        if any(methods_for_people(service.full_name))
    ]
    assert names
    return tuple(sorted(names))


def _modules(package: str) -> Iterator[ModuleInfo]:
    folder = import_module(package).__path__
    return (module for module in iter_modules(folder, f"{package}.") if module.name.endswith("_service_pb2"))


def path_of(method: MethodDescriptor) -> str:
    """How gRPC calls it."""
    return f"/{method.containing_service.full_name}/{method.name}"


class Tenants:
    """Makes the attempts of both tenants at a service; `traces` are texts that only things of the owner hold."""

    def __init__(self, service: RunningService, attempts: Mapping[str, Attempt], traces: Iterable[str]) -> None:
        self._service = service
        self._attempts = attempts
        self._traces = list(traces)

    def check_none_is_forgotten(self, *services: str) -> None:
        """Every RPC has its attempt."""
        expected = {f"{method.containing_service.name}.{method.name}" for method in methods_for_people(*services)}
        assert expected - set(self._attempts) == set(), "a new RPC needs an attempt of a stranger"
        assert set(self._attempts) - expected == set()

    async def check_a_stranger_gets_nothing(self, *services: str) -> None:
        """The other tenant neither reads nor changes anything, by any RPC."""
        channel = await self._service.channel("admin", tenant=OTHER)
        before = self._rows()
        assert before
        for method in methods_for_people(*services):
            attempt = self._attempts[f"{method.containing_service.name}.{method.name}"]
            answer = await self._ask(channel, method, attempt.request)
            if isinstance(answer, grpc.StatusCode):
                assert answer is attempt.answer.value, (method.name, answer)
            else:
                assert attempt.answer in (Answer.NOTHING, Answer.OWN), (method.name, answer)
                assert not self._reported(answer), (method.name, answer)
            assert self._rows() == before, f"{method.name} changed what is not its own"

    async def check_the_owner_gets_it(self, *services: str) -> None:
        """The same requests are right: their owner is answered."""
        channel = await self._service.channel("admin", tenant=OWNER)
        methods = {f"{one.containing_service.name}.{one.name}": one for one in methods_for_people(*services)}
        names = list(self._attempts)
        # What deletes comes last, and of these what was named last comes first: things before their owners.
        names = [name for name in names if not _deletes(name)] + [name for name in reversed(names) if _deletes(name)]
        for name in names:
            method, attempt = methods[name], self._attempts[name]
            answer = await self._ask(channel, method, attempt.request)
            if attempt.answer is Answer.TAKEN:
                assert answer is grpc.StatusCode.ALREADY_EXISTS, (method.name, answer)
                continue
            assert not isinstance(answer, grpc.StatusCode), (method.name, answer)
            if attempt.answer is Answer.NOTHING:
                assert self._reported(answer), f"{method.name} tells its owner nothing: its test proves nothing"

    async def _ask(self, channel: grpc.aio.Channel, method: MethodDescriptor, request: Message) -> str | Any:
        call: Any = (channel.unary_stream if method.server_streaming else channel.unary_unary)(
            path_of(method),
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        try:
            if method.server_streaming:
                answers = [answer async for answer in _all(call(request))]
            else:
                answers = [await call(request)]
        except grpc.aio.AioRpcError as error:
            return error.code()
        return "\n".join(_text(answer) for answer in answers)

    def _reported(self, answer: str) -> bool:
        return any(trace in answer for trace in self._traces)

    def _rows(self) -> set[str]:
        """Every row that holds a trace of the owner, as text."""
        found: set[str] = set()
        url = str(self._service.settings.database_url)
        with psycopg.connect(url) as connection:
            for (table,) in connection.execute(_TABLES, [list(_NOT_COMPARED)]).fetchall():
                query = f"SELECT t::text FROM {table} AS t WHERE t::text LIKE ANY (%s)"
                traces = [f"%{trace}%" for trace in self._traces]
                rows = connection.execute(query.encode(), [traces]).fetchall()
                found |= {f"{table}: {text}" for (text,) in rows}
        return found


async def _all(call: Any) -> AsyncIterator[Any]:
    async for answer in call:
        yield answer


def _deletes(name: str) -> bool:
    return ".Delete" in name


def _text(answer: Message) -> str:
    """All that an answer tells, of a file its bytes."""
    return answer.data.decode(errors="replace") if isinstance(answer, HttpBody) else json_format.MessageToJson(answer)
