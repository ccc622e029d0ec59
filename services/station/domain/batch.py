"""What a batch of reports of the edge has to do with: what is known when it comes, and what it changes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.station.domain.charge_point import ChargePoint, ChargePointState
from services.station.domain.connection import USUAL_LEASE, Newest, Opened
from services.station.domain.connector import Connector, ConnectorKey
from services.station.domain.events import DomainEvent


@dataclass(frozen=True, slots=True)
class Points:
    """The charge points of a batch and the newest connections of those that ever had one, by identity."""

    charge_points: Mapping[str, ChargePoint]
    newest: Mapping[str, Newest]


@dataclass(frozen=True, slots=True)
class Places:
    """The stations that the charge points of a batch stand at (None for none), their states, when they booted last, and
    their tenants, by identity; their newest connections, and the connectors that were asked for: of an EVSE all."""

    station_ids: Mapping[str, str | None]
    states: Mapping[str, ChargePointState]
    boot_times: Mapping[str, datetime | None]
    tenant_ids: Mapping[str, str]
    newest: Mapping[str, Newest]
    connectors: Mapping[ConnectorKey, Connector]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a batch changes, and the events that tell of it.

    `confirmed` are charge points whose new password was used, `booted` those that told of their hardware; `nodes`, name
    to address, live on for at least half a `lease`.
    """

    time: datetime
    confirmed: Collection[ChargePoint] = ()
    opened: Collection[Opened] = ()
    nodes: Mapping[str, str] = field(default_factory=dict)
    lease: timedelta = USUAL_LEASE
    closed: Collection[str] = ()
    booted: Collection[ChargePoint] = ()
    connectors: Collection[Connector] = ()
    events: Sequence[DomainEvent] = ()
