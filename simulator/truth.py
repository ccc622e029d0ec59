"""What really happened in a session about which a charge point lies: the other kind of line in a ledger.

The platform never sees it. A line about a session takes the place of earlier ones about the same.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from simulator.transport import compact

_MARK = "truth"


class Ending(StrEnum):
    """How a session ended, as its charge point knows it."""

    RUNS = ""
    # It ended in order; whether that was heard is for the acknowledgements to say.
    REPORTED = "told"
    # Power failed, and what was known of it is gone.
    FORGOTTEN = "forgotten"
    # The charge point is gone.
    SILENT = "silent"


@dataclass(frozen=True)
class Truth:
    """A session as it was: by right clocks, and by the register of the meter's life.

    `session` is the station's own name for it, `transaction_id` what the platform calls it, empty as long as the
    station was not told; `lies` names what it lied about in this session, `last_sent_wh` is the highest register among
    its messages that were sent at least once, whether or not that was heard.
    """

    charge_point_id: str
    protocol: str
    session: str
    connector_id: int
    id_tag: str
    start_time: datetime
    meter_start_wh: int
    lies: tuple[str, ...] = ()
    transaction_id: str = ""
    ending: Ending = Ending.RUNS
    end_time: datetime | None = None
    meter_end_wh: int | None = None
    last_sent_wh: int | None = None

    def to_json(self) -> str:
        """The line that stands in the file."""
        record: dict[str, Any] = {
            _MARK: self.session,
            "chargePointId": self.charge_point_id,
            "protocol": self.protocol,
            "connectorId": self.connector_id,
            "idTag": self.id_tag,
            "startTime": self.start_time.isoformat(),
            "meterStartWh": self.meter_start_wh,
            "lies": self.lies,
            "transactionId": self.transaction_id,
            "ending": self.ending,
            "endTime": None if self.end_time is None else self.end_time.isoformat(),
            "meterEndWh": self.meter_end_wh,
            "lastSentWh": self.last_sent_wh,
        }
        return compact(record)


def is_truth(line: str) -> bool:
    """Whether a line of a ledger is one of these."""
    return line.startswith(f'{{"{_MARK}":')


def truth_from_json(line: str) -> Truth:
    """Read a line back. Raises ValueError when it is none of ours."""
    try:
        record = json.loads(line)
        end_time = record["endTime"]
        return Truth(
            charge_point_id=record["chargePointId"],
            protocol=record["protocol"],
            session=record[_MARK],
            connector_id=record["connectorId"],
            id_tag=record["idTag"],
            start_time=datetime.fromisoformat(record["startTime"]),
            meter_start_wh=record["meterStartWh"],
            lies=tuple(record["lies"]),
            transaction_id=record["transactionId"],
            ending=Ending(record["ending"]),
            end_time=None if end_time is None else datetime.fromisoformat(end_time),
            meter_end_wh=record["meterEndWh"],
            last_sent_wh=record["lastSentWh"],
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no truth: {error}") from error
