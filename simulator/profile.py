"""What a simulated station is made of: identity of the hardware, connectors, electrical limits."""

from dataclasses import dataclass

from simulator.clock import DeviceClock
from simulator.meter import Meter, Reading


@dataclass(frozen=True)
class StationProfile:
    """The hardware. Voltage is phase to neutral; power is per connector."""

    vendor: str = "CSMS"
    model: str = "Simulator"
    serial_number: str = "SIM-0001"
    firmware_version: str = "1.0.0"
    connectors: int = 2
    power_w: int = 11_000
    phases: int = 3
    voltage_v: int = 230
    battery_wh: int = 60_000
    initial_soc_percent: int = 20
    list_entries: int = 1_000
    list_entries_at_once: int = 100

    def limit_as(self, unit: str, limit_w: int | None) -> float:
        """A limit in W or, a phase, in A; where there is none what the hardware can give."""
        watts = self.power_w if limit_w is None else limit_w
        return watts if unit == "W" else round(watts / (self.voltage_v * self.phases), 1)

    def read(self, meter: Meter, clock: DeviceClock, meter_start_wh: int | None = None) -> Reading:
        """Read a meter now. State of charge is known only within a transaction."""
        energy_wh, power_w = meter.energy_wh, meter.power_w
        soc = None
        if meter_start_wh is not None:
            gained = 100 * (energy_wh - meter_start_wh) // self.battery_wh
            soc = min(100, self.initial_soc_percent + gained)
        return Reading(
            time=clock.now(),
            energy_wh=energy_wh,
            power_w=power_w,
            current_ma=1_000 * power_w // (self.phases * self.voltage_v),
            voltage_mv=1_000 * self.voltage_v,
            soc_percent=soc,
        )
