"""The configuration keys of a 1.6 charge point (OCPP 1.6 section 9), with the values it leaves the factory with."""

from simulator.configuration import MEASURANDS, ConfigurationStore, Kind, Role, Setting
from simulator.profile import StationProfile

_ROLES = {
    Role.HEARTBEAT_INTERVAL: "HeartbeatInterval",
    Role.SAMPLE_INTERVAL: "MeterValueSampleInterval",
    Role.SAMPLED_MEASURANDS: "MeterValuesSampledData",
    Role.MESSAGE_ATTEMPTS: "TransactionMessageAttempts",
    Role.MESSAGE_RETRY_INTERVAL: "TransactionMessageRetryInterval",
    Role.AUTHORIZE_REMOTE_START: "AuthorizeRemoteTxRequests",
    Role.STOP_ON_INVALID_ID: "StopTransactionOnInvalidId",
    Role.OFFLINE_AUTHORIZATION: "LocalAuthorizeOffline",
    Role.OFFLINE_UNKNOWN: "AllowOfflineTxForUnknownId",
    Role.LOCAL_LIST: "LocalAuthListEnabled",
    Role.AUTHORIZATION_CACHE: "AuthorizationCacheEnabled",
    Role.PASSWORD: "AuthorizationKey",
    Role.PING_INTERVAL: "WebSocketPingInterval",
}

_PROFILES = "Core,LocalAuthListManagement,RemoteTrigger,Reservation,SmartCharging"


def _number(value: int, *, minimum: int = 0, writable: bool = True) -> Setting:
    return Setting(str(value), Kind.INTEGER, writable=writable, minimum=minimum)


def _switch(value: bool) -> Setting:
    return Setting(str(value).lower(), Kind.BOOLEAN)


def configuration(profile: StationProfile) -> ConfigurationStore[str]:
    """A fresh set of keys for this hardware."""
    return ConfigurationStore(
        {
            "AllowOfflineTxForUnknownId": _switch(True),
            "AuthorizationCacheEnabled": _switch(True),
            "AuthorizationKey": Setting("", readable=False, minimum=32, maximum=40),
            "AuthorizeRemoteTxRequests": _switch(True),
            "ChargeProfileMaxStackLevel": _number(100, writable=False),
            "ChargingScheduleAllowedChargingRateUnit": Setting("Current,Power", writable=False),
            "ChargingScheduleMaxPeriods": _number(100, writable=False),
            "GetConfigurationMaxKeys": _number(50, writable=False),
            "HeartbeatInterval": _number(300),
            "MaxChargingProfilesInstalled": _number(100, writable=False),
            "LocalAuthListEnabled": _switch(True),
            "LocalAuthListMaxLength": _number(profile.list_entries, writable=False),
            "LocalAuthorizeOffline": _switch(True),
            "MeterValueSampleInterval": _number(60),
            "MeterValuesSampledData": Setting(",".join(MEASURANDS), Kind.MEMBERS, choices=MEASURANDS),
            "NumberOfConnectors": _number(profile.connectors, writable=False),
            "SendLocalListMaxLength": _number(profile.list_entries_at_once, writable=False),
            "StopTransactionOnInvalidId": _switch(True),
            "SupportedFeatureProfiles": Setting(_PROFILES, writable=False),
            "TransactionMessageAttempts": _number(10, minimum=1),
            "TransactionMessageRetryInterval": _number(2),
            "WebSocketPingInterval": _number(0),
        },
        _ROLES,
    )
