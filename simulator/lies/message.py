"""A call as a lying charge point is about to tell it, and where things stand in it. Pure."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.connector import Transaction

Json = dict[str, Any]

ENERGY = "Energy.Active.Import.Register"
BEGIN, END = "Transaction.Begin", "Transaction.End"


@dataclass
class Message:
    """The call of an action, with the session that it is about, if any. Lies change `payload` in place.

    `rng` draws the same each time that the same message is told: what is repeated is repeated word by word. `unsaid`
    gathers the places, like `meterStop` or `meterValue.0`, of which the message says nothing any more that is sure.
    """

    action: str
    payload: Json
    transaction: Transaction | None
    rng: random.Random
    unsaid: list[str] = field(default_factory=list)

    @property
    def is_start(self) -> bool:
        """Whether it begins a session."""
        return self.action == "StartTransaction" or self.payload.get("eventType") == "Started"

    @property
    def is_stop(self) -> bool:
        """Whether it ends a session."""
        return self.action == "StopTransaction" or self.payload.get("eventType") == "Ended"

    @property
    def is_of_session(self) -> bool:
        """Whether it is one of those that make a session."""
        return self.action in ("StartTransaction", "StopTransaction", "MeterValues", "TransactionEvent")

    def energies(self) -> Iterator[tuple[str, Json]]:
        """The samples of the energy register, with the places of their entries."""
        for number, entry in enumerate(self.payload.get("meterValue", ())):
            for sample in entry["sampledValue"]:
                if sample.get("measurand") == ENERGY:
                    yield f"meterValue.{number}", sample


# Tells something else than what is true; returns whether it did.
Change = Callable[[Message], bool]


def set_wh(sample: Json, wh: int) -> None:
    """Have a sample tell another number, as its version writes numbers."""
    sample["value"] = str(wh) if isinstance(sample["value"], str) else wh


def objects(value: Any) -> Iterator[Json]:
    """Every object within a value, itself included."""
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from objects(child)
