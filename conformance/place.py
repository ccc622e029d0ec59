"""Where cases run: the addresses of a CSMS, its operator, and what the run has made there and takes away at the end."""

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from conformance.rest import Operator
from conformance.verdicts import NotApplicable

# What a test tool does not want of a CSMS, see docs/quirks.md.
TEST_TOOL_QUIRKS = ("nothing-unasked", "many-at-once")
_RUNNING = "TRANSACTION_RUNNING"


@dataclass(frozen=True, slots=True)
class Tls:
    """What is needed to try TLS: the authority of the CSMS's certificate, and that of the certificates that it accepts
    of charge points, with its key (files in PEM)."""

    url: str = ""
    authority: Path | None = None
    client_authority: Path | None = None
    client_authority_key: Path | None = None


@dataclass
class Place:
    """A CSMS as cases know it. `run` is in every name that is made."""

    ocpp_url: str
    operator: Operator
    tls: Tls = field(default_factory=Tls)
    run: str = field(default_factory=lambda: secrets.token_hex(3).upper())
    _driver: str = ""
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _made: list[str] = field(default_factory=list)
    _priced: list[tuple[str, str]] = field(default_factory=list)

    @property
    def tls_url(self) -> str:
        """Where charge points connect by TLS. Raises NotApplicable when there is no such address."""
        if not self.tls.url:
            raise NotApplicable("the run was given no address with TLS (--tls-url)")
        return self.tls.url.rstrip("/")

    async def prepare(self) -> None:
        """Make the driver whom all cards of this run belong to. Raises Failed when the CSMS does not."""
        made = await self.operator.post(
            "/drivers", {"name": f"Conformance {self.run}", "email": f"conformance-{self.run.lower()}@example.com"}
        )
        self._driver = made["id"]

    async def tidy(self) -> None:
        """Take away what was made and can be: the cards are nobody's without their driver."""
        await asyncio.gather(*map(self._remove, self._made))
        for station, tariff in self._priced:
            await self.operator.call("PATCH", f"/pricing/tariffs/{tariff}", {"retired": True})
            await self.operator.call("DELETE", f"/stations/{station}")
        if self._driver:
            await self.operator.call("DELETE", f"/drivers/{self._driver}")

    async def _remove(self, identity: str) -> None:
        """Also one that has left a transaction running."""
        path = f"/charge-points/{identity}"
        if (await self.operator.call("DELETE", path)).reason != _RUNNING:
            return
        for one in await self.operator.get(f"/transactions?chargePointId={identity}&state=ACTIVE"):
            await self.operator.call("POST", f"/transactions/{one['id']}/end", {"reason": "the case is over"})
        await self.operator.call("DELETE", path)

    async def register(self, identity: str, **fields: Any) -> None:
        """Make a charge point that is known and expected: accepted, unless `fields` say otherwise."""
        await self.operator.post("/charge-points", {"id": identity, **fields})
        self._made.append(identity)
        switches = [{"id": name, "forgiven": True} for name in TEST_TOOL_QUIRKS]
        await self.operator.call("PUT", f"/charge-points/{identity}/quirks", {"switches": switches})

    async def priced(self, identity: str) -> None:
        """Put a charge point to a new station where a kilowatt-hour costs 0.40 EUR and nothing else does."""
        name = {"name": f"Conformance {identity}"}
        station = (await self.operator.post("/stations", name))["id"]
        price = {"currencyCode": "EUR", "units": "0", "nanos": 400_000_000}
        components = [{"kind": "ENERGY", "price": price}]
        body = {**name, "currencyCode": "EUR", "components": components, "stationIds": [station]}
        self._priced.append((station, (await self.operator.post("/pricing/tariffs", body))["id"]))
        _ = (await self.operator.call("PATCH", f"/charge-points/{identity}", {"stationId": station})).data

    async def card(self, *, group: str = "", status: str = "ACTIVE", expired: bool = False) -> str:
        """The value of a new card."""
        tag = self.unknown_tag()
        body: dict[str, Any] = {"idTag": tag, "driverId": self._driver, "groupId": group, "status": status}
        if expired:
            body["expiryTime"] = iso(datetime.now(UTC) - timedelta(days=1))
        await self.operator.post("/rfid-cards", body)
        return tag

    def unknown_tag(self) -> str:
        """The value of a card that nobody has."""
        return f"CT{self.run}{next(self._numbers):06d}"


def iso(moment: datetime) -> str:
    """A moment as OCPP and REST write it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
