"""The device model of a 2.0.1 charging station: components and variables (OCPP 2.0.1 part 2, chapter 3).

Settings live in the store like the keys of 1.6. What follows from the hardware's state is in `variables`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from simulator.configuration import MEASURANDS, ConfigurationStore, Kind, Role, Setting
from simulator.profile import StationProfile
from simulator.v201.standard_variables import STANDARD

ITEMS_PER_REPORT = 50
_ENERGY = "Energy.Active.Import.Register"


@dataclass(frozen=True)
class Key:
    """Where a variable stands: names compare without regard to case, as the standard says."""

    component: str
    variable: str
    instance: str | None = None
    evse_id: int | None = None
    connector_id: int | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self._folded() == other._folded()

    def __hash__(self) -> int:
        return hash(self._folded())

    def component_json(self) -> dict[str, Any]:
        """The component as it stands in a message."""
        evse = None if self.evse_id is None else {"id": self.evse_id, "connector_id": self.connector_id}
        return {"name": self.component, "evse": evse}

    def variable_json(self) -> dict[str, Any]:
        """The variable as it stands in a message."""
        return {"name": self.variable, "instance": self.instance}

    def _folded(self) -> tuple[str, str, str | None, int | None, int | None]:
        instance = None if self.instance is None else self.instance.lower()
        return self.component.lower(), self.variable.lower(), instance, self.evse_id, self.connector_id


_ROLES = {
    Role.HEARTBEAT_INTERVAL: Key("OCPPCommCtrlr", "HeartbeatInterval"),
    Role.SAMPLE_INTERVAL: Key("SampledDataCtrlr", "TxUpdatedInterval"),
    Role.SAMPLED_MEASURANDS: Key("SampledDataCtrlr", "TxUpdatedMeasurands"),
    Role.MESSAGE_ATTEMPTS: Key("OCPPCommCtrlr", "MessageAttempts", "TransactionEvent"),
    Role.MESSAGE_RETRY_INTERVAL: Key("OCPPCommCtrlr", "MessageAttemptInterval", "TransactionEvent"),
    Role.AUTHORIZE_REMOTE_START: Key("AuthCtrlr", "AuthorizeRemoteStart"),
    Role.STOP_ON_INVALID_ID: Key("TxCtrlr", "StopTxOnInvalidId"),
    Role.OFFLINE_AUTHORIZATION: Key("AuthCtrlr", "LocalAuthorizeOffline"),
    Role.OFFLINE_UNKNOWN: Key("AuthCtrlr", "OfflineTxForUnknownIdEnabled"),
    Role.LOCAL_LIST: Key("LocalAuthListCtrlr", "Enabled"),
    Role.AUTHORIZATION_CACHE: Key("AuthCacheCtrlr", "Enabled"),
    Role.PASSWORD: Key("SecurityCtrlr", "BasicAuthPassword"),
    Role.PING_INTERVAL: Key("OCPPCommCtrlr", "WebSocketPingInterval"),
}


def _number(value: int, *, minimum: int = 0, unit: str | None = None, writable: bool = True) -> Setting:
    return Setting(str(value), Kind.INTEGER, minimum=minimum, unit=unit, writable=writable)


def _switch(value: bool, *, writable: bool = True) -> Setting:
    return Setting(str(value).lower(), Kind.BOOLEAN, writable=writable)


def _fixed(value: str, kind: Kind = Kind.TEXT, choices: tuple[str, ...] = (), unit: str | None = None) -> Setting:
    return Setting(value, kind, writable=False, choices=choices, unit=unit)


def _measurands(value: str) -> Setting:
    return Setting(value, Kind.MEMBERS, choices=MEASURANDS)


def device_model(profile: StationProfile) -> ConfigurationStore[Key]:
    """A fresh device model for this hardware."""
    return ConfigurationStore(dict([*_standard(profile), *_controllers(profile), *_hardware(profile)]), _ROLES)


def _standard(profile: StationProfile) -> Iterator[tuple[Key, Setting]]:
    """What is there to be read and written, and steers nothing."""
    for one in STANDARD:
        if not one.place:
            yield Key(one.component, one.name, one.instance), one.setting()
            continue
        for evse_id in range(1, profile.connectors + 1):
            connector_id = 1 if one.place == "Connector" else None
            yield Key(one.component, one.name, one.instance, evse_id, connector_id), one.setting()


def _controllers(profile: StationProfile) -> Iterator[tuple[Key, Setting]]:
    points = ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer")
    yield _ROLES[Role.HEARTBEAT_INTERVAL], _number(300, unit="s")
    yield _ROLES[Role.PING_INTERVAL], _number(0, unit="s")
    yield _ROLES[Role.MESSAGE_ATTEMPTS], _number(10, minimum=1)
    yield _ROLES[Role.MESSAGE_RETRY_INTERVAL], _number(2, unit="s")
    yield Key("OCPPCommCtrlr", "NetworkConfigurationPriority"), Setting("1", maximum=100)
    yield Key("OCPPCommCtrlr", "OfflineThreshold"), _number(60, unit="s")
    yield Key("OCPPCommCtrlr", "FileTransferProtocols"), _fixed("HTTPS", Kind.MEMBERS, ("HTTPS",))
    yield _ROLES[Role.AUTHORIZE_REMOTE_START], _switch(True)
    yield _ROLES[Role.OFFLINE_AUTHORIZATION], _switch(True)
    yield _ROLES[Role.AUTHORIZATION_CACHE], _switch(True)
    yield _ROLES[Role.STOP_ON_INVALID_ID], _switch(True)
    yield Key("TxCtrlr", "TxStartPoint"), _fixed("Authorized", Kind.MEMBERS, points)
    yield Key("TxCtrlr", "TxStopPoint"), _fixed("Authorized", Kind.MEMBERS, points)
    yield _ROLES[Role.SAMPLE_INTERVAL], _number(60, unit="s")
    yield _ROLES[Role.SAMPLED_MEASURANDS], _measurands(",".join(MEASURANDS))
    yield Key("SampledDataCtrlr", "TxStartedMeasurands"), _fixed(_ENERGY, Kind.MEMBERS, MEASURANDS)
    yield Key("SampledDataCtrlr", "TxEndedMeasurands"), _fixed(_ENERGY, Kind.MEMBERS, MEASURANDS)
    yield Key("DeviceDataCtrlr", "ItemsPerMessage", "GetReport"), _number(ITEMS_PER_REPORT, writable=False)
    yield Key("DeviceDataCtrlr", "ItemsPerMessage", "GetVariables"), _number(50, writable=False)
    yield Key("DeviceDataCtrlr", "ItemsPerMessage", "SetVariables"), _number(50, writable=False)
    yield _ROLES[Role.PASSWORD], Setting("", readable=False, minimum=16, maximum=40)
    yield Key("SecurityCtrlr", "OrganizationName"), Setting(profile.vendor, maximum=64)
    yield Key("SecurityCtrlr", "SecurityProfile"), _number(1, writable=False)
    yield Key("SecurityCtrlr", "CertificateEntries"), _number(2, writable=False)
    yield Key("ClockCtrlr", "TimeSource"), _fixed("Heartbeat", Kind.MEMBERS, ("Heartbeat", "RealTimeClock"))
    yield Key("ClockCtrlr", "TimeZone"), Setting("Europe/Amsterdam", maximum=40)
    yield from _limits(profile)


def _limits(profile: StationProfile) -> Iterator[tuple[Key, Setting]]:
    """What it can do and how much of it: mostly to be read."""
    yield Key("OCPPCommCtrlr", "DefaultMessageTimeout", "Default"), _number(30, minimum=1, unit="s", writable=False)
    yield Key("OCPPCommCtrlr", "ResetRetries"), _number(2)
    yield Key("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"), _switch(True)
    yield Key("OCPPCommCtrlr", "RetryBackOffRepeatTimes"), _number(3)
    yield Key("OCPPCommCtrlr", "RetryBackOffWaitMinimum"), _number(1, minimum=1, unit="s")
    yield Key("DeviceDataCtrlr", "BytesPerMessage", "GetReport"), _number(65_536, writable=False)
    yield Key("DeviceDataCtrlr", "BytesPerMessage", "GetVariables"), _number(65_536, writable=False)
    yield Key("DeviceDataCtrlr", "BytesPerMessage", "SetVariables"), _number(65_536, writable=False)
    yield Key("AuthCtrlr", "Enabled"), _switch(True)
    yield _ROLES[Role.OFFLINE_UNKNOWN], _switch(True)
    yield Key("AuthCacheCtrlr", "LifeTime"), _number(86_400, unit="s")
    yield Key("TxCtrlr", "EVConnectionTimeOut"), _number(60, minimum=1, unit="s")
    yield Key("TxCtrlr", "StopTxOnEVSideDisconnect"), _switch(True, writable=False)
    yield Key("TxCtrlr", "MaxEnergyOnInvalidId"), _number(0, unit="Wh")
    yield Key("SampledDataCtrlr", "Enabled"), _switch(True)
    yield Key("AlignedDataCtrlr", "Interval"), _number(0, unit="s")
    yield Key("AlignedDataCtrlr", "Measurands"), _measurands(_ENERGY)
    yield Key("ReservationCtrlr", "Available"), _switch(True, writable=False)
    yield Key("LocalAuthListCtrlr", "Available"), _switch(True, writable=False)
    yield _ROLES[Role.LOCAL_LIST], _switch(True)
    yield Key("LocalAuthListCtrlr", "ItemsPerMessage"), _number(profile.list_entries_at_once, writable=False)
    yield Key("LocalAuthListCtrlr", "BytesPerMessage"), _number(65_536, writable=False)
    yield Key("SmartChargingCtrlr", "Available"), _switch(True, writable=False)
    yield Key("MonitoringCtrlr", "Available"), _switch(True, writable=False)
    yield Key("MonitoringCtrlr", "ItemsPerMessage", "SetVariableMonitoring"), _number(10, writable=False)
    yield Key("MonitoringCtrlr", "ItemsPerMessage", "ClearVariableMonitoring"), _number(10, writable=False)


def _hardware(profile: StationProfile) -> Iterator[tuple[Key, Setting]]:
    yield Key("ChargingStation", "VendorName"), _fixed(profile.vendor)
    yield Key("ChargingStation", "Model"), _fixed(profile.model)
    yield Key("ChargingStation", "SerialNumber"), _fixed(profile.serial_number)
    yield Key("ChargingStation", "SupplyPhases"), _number(profile.phases, writable=False)
    for evse_id in range(1, profile.connectors + 1):
        yield Key("EVSE", "Power", evse_id=evse_id), _fixed(str(profile.power_w), Kind.INTEGER, unit="W")
        yield Key("EVSE", "AllowReset", evse_id=evse_id), _switch(False, writable=False)
        yield Key("EVSE", "SupplyPhases", evse_id=evse_id), _number(profile.phases, writable=False)
        yield Key("Connector", "ConnectorType", evse_id=evse_id, connector_id=1), _fixed("cType2")
        phases = _number(profile.phases, writable=False)
        yield Key("Connector", "SupplyPhases", evse_id=evse_id, connector_id=1), phases


def report_entry(key: Key, setting: Setting) -> dict[str, Any]:
    """One entry of a NotifyReport; a secret is named but not told."""
    attribute: dict[str, Any] = {"mutability": "WriteOnly"}
    if setting.readable:
        attribute = {"value": setting.value, "mutability": "ReadWrite" if setting.writable else "ReadOnly"}
    # Left out, the first is true and the second false.
    attribute |= {} if setting.is_persistent else {"persistent": False}
    attribute |= {"constant": True} if setting.is_constant else {}
    return {
        "component": key.component_json(),
        "variable": key.variable_json(),
        "variable_attribute": [attribute],
        "variable_characteristics": {
            "data_type": setting.kind,
            "supports_monitoring": setting.readable,
            "unit": setting.unit,
            "min_limit": setting.minimum,
            "max_limit": setting.maximum,
            "values_list": ",".join(setting.choices) or None,
        },
    }
