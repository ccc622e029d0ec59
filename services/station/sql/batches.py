"""Batches of reports of the edge in PostgreSQL: two round trips each, whatever is in them."""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from operator import attrgetter
from typing import Any

from services.kernel.identity import is_identity
from services.messaging import outbox
from services.postgres.database import Database
from services.postgres.recordset import Recordset, array, names_of, text_array, texts
from services.postgres.roundtrip import RoundTrips, Statement
from services.postgres.writer_connection import WriterConnections
from services.station.domain.batch import Changes, Places, Points
from services.station.domain.charge_point import ChargePoint, ChargePointState
from services.station.domain.connection import Newest, Opened, Sighting
from services.station.domain.connector import (
    Availability,
    Connector,
    ConnectorKey,
    ConnectorStatus,
    ConnectorType,
    is_of_evse,
)
from services.station.domain.free_vending import FreeVending
from services.station.mapping.events import event_to_proto
from services.station.sql.passwords import candidate_texts, candidates_of
from services.station.tables import CHARGE_POINTS, CONNECTIONS, CONNECTORS, EDGE_NODES

_BEGIN: Statement = (b"BEGIN", ())
_COMMIT: Statement = (b"COMMIT", ())
# In the order of identity, so that two batches never wait for each other in a circle. Not FOR UPDATE, which would keep
# out those as well who only refer to a charge point.
_LOCKED = "FROM charge_points WHERE id = ANY (%s::text[]) ORDER BY id FOR NO KEY UPDATE"
# In the order of ChargePoint, which has what connections tell behind it.
_POINT_NAMES = [name for name in ChargePoint._fields if name in CHARGE_POINTS.c]
_LOCK_POINTS = f"SELECT {texts([CHARGE_POINTS.c[name] for name in _POINT_NAMES])} {_LOCKED}".encode()
_STATE, _VENDING, _PASSWORDS, _QUIRKS_ON, _QUIRKS_OFF = map(
    _POINT_NAMES.index, ("state", "free_vending", "next_passwords", "quirks_on", "quirks_off")
)
_STATES = {state.value: state for state in ChargePointState}
_NEVER_CONNECTED = (False, "", None)
_LOCK_PLACES = f"SELECT id, station_id::text, state, boot_time, tenant_id {_LOCKED}".encode()
# A statement of its own after the lock: it sees what those have committed whom the lock had to wait for.
_NEWEST = (
    b"SELECT charge_point_id, epoch, close_time IS NULL, protocol, last_seen_time FROM connections"
    b" WHERE charge_point_id = ANY (%s::text[])"
)
# Not locked: reports of a charge point come one batch after the other, and leave alone what the operator changes.
_CONNECTORS = f"""
SELECT {texts(CONNECTORS.columns, "c")} FROM unnest(%s::text[], %s::integer[], %s::integer[])
    AS requested (charge_point_id, evse_id, connector_id)
JOIN connectors AS c USING (charge_point_id, evse_id, connector_id)
""".encode()

_OF_EVSES = f"""
SELECT {texts(CONNECTORS.columns, "c")} FROM unnest(%s::text[], %s::integer[]) AS requested (charge_point_id, evse_id)
JOIN connectors AS c USING (charge_point_id, evse_id)
""".encode()

_UNKNOWN = Recordset(CHARGE_POINTS)
_UNKNOWN_ID = f"r.{_UNKNOWN.letter_of['id']}"
_ADD_UNKNOWN = f"""
INSERT INTO charge_points ({_UNKNOWN.columns}) SELECT {_UNKNOWN.values} FROM {_UNKNOWN.relation}
WHERE NOT EXISTS (SELECT FROM charge_points WHERE id = {_UNKNOWN_ID}) ORDER BY {_UNKNOWN_ID}
LIMIT (SELECT greatest(%s::bigint - count(*), 0) FROM charge_points WHERE is_stranger) ON CONFLICT DO NOTHING
""".encode()


def _replace(rows: Recordset) -> bytes:
    """The statement that stores some columns of charge points; the first of `rows` is the identity."""
    return (
        f"UPDATE charge_points SET ({rows.columns}) = ROW ({rows.values}) FROM {rows.relation}"
        f" WHERE charge_points.id = r.{rows.letter_of['id']}"
    ).encode()


_HARDWARE = (
    "id",
    "reported_vendor",
    "reported_model",
    "serial_number",
    "firmware_version",
    "boot_time",
    "firmware_change_time",
)
_BOOTED = Recordset(CHARGE_POINTS, columns=_HARDWARE)
_STORE_BOOTED = _replace(_BOOTED)
_CONFIRMED = Recordset(CHARGE_POINTS, columns=("id", "password_hash", "next_passwords"))
_STORE_CONFIRMED = _replace(_CONFIRMED)

_OPENED = Recordset(CONNECTIONS)
_STORE_OPENED = f"""
INSERT INTO connections ({_OPENED.columns}) SELECT {_OPENED.values} FROM {_OPENED.relation}
ON CONFLICT (charge_point_id) DO UPDATE SET ({_OPENED.columns}) = ROW ({_OPENED.excluded})
""".encode()
_CLOSE = b"UPDATE connections SET close_time = %s WHERE charge_point_id = ANY (%s::text[])"

_CHANGING = Recordset(CONNECTORS, columns=("status", "reported_status", "error_code", "status_time"))
_PLUGS = Recordset(CONNECTORS)
_STORE_CONNECTORS = f"""
INSERT INTO connectors ({_PLUGS.columns}) SELECT {_PLUGS.values} FROM {_PLUGS.relation}
ON CONFLICT ON CONSTRAINT connectors_place_key DO UPDATE SET ({_CHANGING.columns}) = ROW ({_CHANGING.excluded})
""".encode()

_NODES = Recordset(EDGE_NODES)
_NODE = _NODES.letter_of
_RENEWED = """
ON CONFLICT (node) DO UPDATE SET node_address = excluded.node_address,
    lease_end_time = greatest(excluded.lease_end_time, edge_nodes.lease_end_time)
"""
_FROM_NODES = f"INSERT INTO edge_nodes ({_NODES.columns}) SELECT {_NODES.values} FROM {_NODES.relation}"
_RENEW_LEASE = (_FROM_NODES + _RENEWED).encode()
# Batches of one node would wait for each other at its row: it is left alone while it will live long enough.
_ENSURE_LEASES = f"""
{_FROM_NODES} WHERE NOT EXISTS (
    SELECT FROM edge_nodes AS known WHERE known.node = r.{_NODE["node"]}
    AND known.node_address = r.{_NODE["node_address"]} AND known.lease_end_time > %s
) {_RENEWED}
""".encode()
_SEEN = b"""
WITH free AS (
    SELECT connections.charge_point_id, reported.time FROM connections
    JOIN unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS reported (charge_point_id, epoch, time)
        USING (charge_point_id, epoch)
    WHERE close_time IS NULL
    -- Whoever changes a connection has news of it as well: nobody waits for anybody here.
    FOR UPDATE OF connections SKIP LOCKED
)
UPDATE connections SET last_seen_time = greatest(last_seen_time, free.time)
FROM free WHERE connections.charge_point_id = free.charge_point_id
"""

# As many batches at once as a process holds connections for them.
_CONNECTIONS = 4

_PLUG_NAMES = names_of(CONNECTORS.columns)
_values_of = attrgetter(*names_of(CHARGE_POINTS.columns))
_hardware = attrgetter(*_HARDWARE)
_plug = attrgetter(*_PLUG_NAMES)


class SqlBatches:
    """Satisfies ports.ReportBatches. The relay is woken after a commit with events."""

    def __init__(self, database: Database, relay: outbox.OutboxRelay) -> None:
        self._connections = WriterConnections(database, "reports", _CONNECTIONS)
        self._relay = relay

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator["SqlBatch"]:
        async with self._connections.round_trips() as trips:
            batch = SqlBatch(trips)
            yield batch
        if batch.has_events:
            self._relay.wake()

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()


class SqlBatch:
    """Satisfies ports.BatchWork."""

    def __init__(self, trips: RoundTrips) -> None:
        self._trips = trips
        self.has_events = False

    async def points(
        self, charge_point_ids: Collection[str], unknown: Sequence[ChargePoint] = (), most_unknown: int = 0
    ) -> Points:
        names = (_names(charge_point_ids),)
        statements = [_BEGIN]
        if unknown:
            # Before anything is locked; others may be adding the same.
            rows = _UNKNOWN.dump(map(_values_of, unknown))
            statements.append((_ADD_UNKNOWN, (rows, str(most_unknown))))
        *_, locked, connections = await self._trips.run(*statements, (_LOCK_POINTS, names), (_NEWEST, names))
        latest = {row[0]: row[2:] for row in connections}
        points = [_charge_point(row, latest.get(row[0], _NEVER_CONNECTED)) for row in locked]
        return Points({point.id: point for point in points}, _newest(connections))

    async def places(self, charge_point_ids: Collection[str], connectors: Collection[ConnectorKey] = ()) -> Places:
        names = (_names(charge_point_ids),)
        statements = [_BEGIN, (_LOCK_PLACES, names), (_NEWEST, names)]
        if keys := [key for key in connectors if is_identity(key[0])]:
            statements.append((_CONNECTORS, _arrays(keys)))
        if evses := [key for key in keys if is_of_evse(key)]:
            statements.append((_OF_EVSES, _arrays(evses)[:2]))
        _, locked, connections, *found = await self._trips.run(*statements)
        stations: dict[str, str | None] = {row[0]: row[1] for row in locked}
        states = {row[0]: ChargePointState(row[2]) for row in locked}
        boot_times: dict[str, datetime | None] = {row[0]: row[3] for row in locked}
        tenants = {row[0]: row[4] for row in locked}
        plugs = [_connector(row, stations) for rows in found for row in rows]
        known = {(plug.charge_point_id, plug.evse_id, plug.connector_id): plug for plug in plugs}
        return Places(stations, states, boot_times, tenants, _newest(connections), known)

    async def commit(self, changes: Changes) -> None:
        statements = list(_statements(changes))
        if changes.events:
            self.has_events = True
            statements.append(outbox.appending(event_to_proto(event, changes.time) for event in changes.events))
        await self._trips.run(*statements, _COMMIT)

    async def live(
        self, node: str, node_address: str, until: datetime, sightings: Sequence[Sighting]
    ) -> Mapping[str, Newest]:
        names = text_array(seen.charge_point_id for seen in sightings)
        epochs = array(seen.epoch for seen in sightings)
        times = array(seen.last_seen_time.isoformat() for seen in sightings)
        _, _, connections = await self._trips.run(
            (_RENEW_LEASE, (_NODES.dump([(node, node_address, until)]),)),
            (_SEEN, (names, epochs, times)),
            (_NEWEST, (names,)),
        )
        return _newest(connections)


def _statements(changes: Changes) -> Iterator[Statement]:
    """What stores the changes: one statement for all of a kind."""
    if changes.confirmed:
        yield _STORE_CONFIRMED, (_CONFIRMED.dump(map(_password_row, changes.confirmed)),)
    if changes.nodes:
        nodes = [(node, address, changes.time + changes.lease) for node, address in sorted(changes.nodes.items())]
        yield _ENSURE_LEASES, (_NODES.dump(nodes), (changes.time + changes.lease / 2).isoformat())
    if changes.opened:
        yield _STORE_OPENED, (_OPENED.dump(_connection_row(opened, changes.time) for opened in changes.opened),)
    if changes.closed:
        yield _CLOSE, (changes.time.isoformat(), text_array(changes.closed))
    if changes.booted:
        yield _STORE_BOOTED, (_BOOTED.dump(map(_hardware, changes.booted)),)
    if changes.connectors:
        yield _STORE_CONNECTORS, (_PLUGS.dump(map(_plug, changes.connectors)),)


def _names(charge_point_ids: Collection[str]) -> str:
    """Those that can be identities, as an array; nothing else is looked for."""
    return text_array(filter(is_identity, charge_point_ids))


def _arrays(keys: Sequence[ConnectorKey]) -> tuple[str, str, str]:
    charge_point_ids, evse_ids, connector_ids = zip(*keys, strict=True)
    return text_array(charge_point_ids), array(evse_ids), array(connector_ids)


def _newest(rows: Iterable[Sequence[Any]]) -> dict[str, Newest]:
    return {row[0]: Newest(row[1], row[2]) for row in rows}


def _charge_point(row: Sequence[Any], connection: Sequence[Any]) -> ChargePoint:
    """The charge point of a row with what its connection tells: whether it is open, protocol and last sign of life."""
    values = list(row)
    values[_STATE] = _STATES[values[_STATE]]
    values[_VENDING] = FreeVending(values[_VENDING]) if values[_VENDING] else None
    values[_PASSWORDS] = candidates_of(values[_PASSWORDS])
    values[_QUIRKS_ON], values[_QUIRKS_OFF] = tuple(values[_QUIRKS_ON]), tuple(values[_QUIRKS_OFF])
    return ChargePoint(*values, *connection)


def _connector(row: Sequence[Any], stations: Mapping[str, str | None]) -> Connector:
    fields = dict(zip(_PLUG_NAMES, row, strict=True))
    fields["type"] = ConnectorType(fields["type"]) if fields["type"] else None
    fields["status"] = ConnectorStatus(fields["status"]) if fields["status"] else None
    fields["availability"] = Availability(fields["availability"])
    fields["free_vending"] = FreeVending(fields["free_vending"]) if fields["free_vending"] else None
    return Connector(**fields, station_id=stations.get(fields["charge_point_id"]))


def _connection_row(opened: Opened, now: datetime) -> tuple[Any, ...]:
    attempt = opened.attempt
    return (
        attempt.charge_point_id,
        opened.epoch,
        attempt.protocol,
        attempt.node,
        attempt.remote_address,
        now,
        now,
        None,
    )


def _password_row(charge_point: ChargePoint) -> tuple[Any, ...]:
    return charge_point.id, _hex(charge_point.password_hash), candidate_texts(charge_point.next_passwords)


def _hex(value: bytes | None) -> str | None:
    """Bytes as PostgreSQL reads them in a text."""
    return None if value is None else f"\\x{value.hex()}"
