"""The tables of the naive server, mapped to classes."""

from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, create_engine, make_url
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

_TIME = DateTime(timezone=True)


class Base(DeclarativeBase):
    """The root of the mapping."""


class ChargePoint(Base):
    __tablename__ = "charge_points"

    id: Mapped[str] = mapped_column(primary_key=True)
    vendor: Mapped[str | None]
    model: Mapped[str | None]
    last_seen: Mapped[datetime | None] = mapped_column(_TIME)


class StatusNotification(Base):
    __tablename__ = "status_notifications"
    __table_args__ = (Index("status_notifications_place_idx", "charge_point_id", "connector_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    charge_point_id: Mapped[str]
    connector_id: Mapped[int]
    status: Mapped[str]
    error_code: Mapped[str]
    timestamp: Mapped[datetime | None] = mapped_column(_TIME)


class IdTag(Base):
    __tablename__ = "id_tags"

    id_tag: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]


class Transaction(Base):
    __tablename__ = "transactions"
    __table_args__ = (Index("transactions_charge_point_idx", "charge_point_id", "start_time"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    charge_point_id: Mapped[str]
    connector_id: Mapped[int]
    id_tag: Mapped[str]
    meter_start: Mapped[int]
    start_time: Mapped[datetime] = mapped_column(_TIME)
    meter_stop: Mapped[int | None]
    stop_time: Mapped[datetime | None] = mapped_column(_TIME)
    reason: Mapped[str | None]


class MeterValue(Base):
    __tablename__ = "meter_values"
    __table_args__ = (Index("meter_values_transaction_idx", "transaction_id", "timestamp"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_id: Mapped[int | None] = mapped_column(ForeignKey("transactions.id"))
    charge_point_id: Mapped[str]
    connector_id: Mapped[int]
    timestamp: Mapped[datetime] = mapped_column(_TIME)
    sampled_value: Mapped[list[Any]] = mapped_column(JSONB)


class OutboxEvent(Base):
    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)


def create(url: str, id_tags: list[str]) -> None:
    """Make the tables in an empty database, with cards that may charge."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all([IdTag(id_tag=tag, status="Accepted") for tag in id_tags])
    engine.dispose()
