"""Variables that a 2.x station has and that steer nothing of this simulator: standard names, types and rights.

OCPP 2.0.1 part 2, chapter 2 and appendix 3. One a line: the component (of the station, of each `EVSE:`, of each
`Connector:`), its variable, an instance after a slash, type, rights, value, and unit, limits `a..b` and
choices `x|y`. Rights are ro, rw, wo; with `!` the value is lost in a restart, with `*` a new one counts from the next
restart on, with `=` it never changes. `-` is empty, `_` a space.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from simulator.configuration import MEASURANDS, Kind, Setting

_TABLE = """
AlignedDataCtrlr.Available boolean ro true
AlignedDataCtrlr.Enabled boolean rw true
AlignedDataCtrlr.SendDuringIdle boolean rw false
AlignedDataCtrlr.SignReadings boolean rw false
AlignedDataCtrlr.TxEndedInterval integer rw 0 s 0..86400
AlignedDataCtrlr.TxEndedMeasurands MemberList rw Energy.Active.Import.Register measurands
AuthCacheCtrlr.Available boolean ro true
AuthCacheCtrlr.DisablePostAuthorize boolean rw false
AuthCacheCtrlr.Policy OptionList rw LRU LRU|LFU|FIFO|CUSTOM
AuthCacheCtrlr.Storage integer ro 4096 B 0..65536
AuthCtrlr.AdditionalInfoItemsPerMessage integer ro 0
AuthCtrlr.DisableRemoteAuthorization boolean rw false
AuthCtrlr.LocalPreAuthorize boolean rw false
AuthCtrlr.MasterPassGroupId string rw - 0..36
ClockCtrlr.NextTimeOffsetTransitionDateTime dateTime rw 2027-03-28T01:00:00Z
ClockCtrlr.NtpServerUri/1 string rw ntp.example.org 0..512
ClockCtrlr.NtpServerUri/2 string rw - 0..512
ClockCtrlr.NtpSource OptionList rw DHCP DHCP|manual
ClockCtrlr.TimeAdjustmentReportingThreshold integer rw 20 s 0..3600
ClockCtrlr.TimeOffset string rw +01:00 0..6
ClockCtrlr.TimeOffset/NextTransition string rw +02:00 0..6
CustomizationCtrlr.CustomImplementationEnabled/csms.simulator boolean rw false
DeviceDataCtrlr.ConfigurationValueSize integer ro= 1000 0..1000
DeviceDataCtrlr.ReportingValueSize integer ro= 2500 0..2500
DeviceDataCtrlr.ValueSize integer ro= 2500 0..2500
DisplayMessageCtrlr.Available boolean ro true
DisplayMessageCtrlr.DisplayMessages integer ro 0 0..20
DisplayMessageCtrlr.Enabled boolean rw true
DisplayMessageCtrlr.PersonalMessageSize integer ro= 512
DisplayMessageCtrlr.SupportedFormats MemberList ro ASCII,UTF8 ASCII|HTML|URI|UTF8
DisplayMessageCtrlr.SupportedPriorities MemberList ro AlwaysFront,InFront,NormalCycle AlwaysFront|InFront|NormalCycle
ISO15118Ctrlr.Available boolean ro false
ISO15118Ctrlr.CentralContractValidationAllowed boolean rw false
ISO15118Ctrlr.ContractCertificateInstallationEnabled boolean rw false
ISO15118Ctrlr.ContractValidationOffline boolean rw false
ISO15118Ctrlr.CountryName string rw NL 0..2
ISO15118Ctrlr.Enabled boolean rw false
ISO15118Ctrlr.MaxScheduleEntries integer ro 12
ISO15118Ctrlr.OrganizationName string rw CSMS 0..64
ISO15118Ctrlr.PnCEnabled boolean rw false
ISO15118Ctrlr.RequestMeteringReceipt boolean rw false
ISO15118Ctrlr.SeccId string rw CSMS-SIM-1 0..255
ISO15118Ctrlr.V2GCertificateInstallationEnabled boolean rw false
LocalAuthListCtrlr.DisablePostAuthorize boolean rw false
LocalAuthListCtrlr.Storage integer ro 65536 B
MonitoringCtrlr.ActiveMonitoringBase OptionList ro All All|FactoryDefault|HardWiredOnly
MonitoringCtrlr.BytesPerMessage/ClearVariableMonitoring integer ro= 65536
MonitoringCtrlr.BytesPerMessage/SetVariableMonitoring integer ro= 65536
MonitoringCtrlr.Enabled boolean rw true
MonitoringCtrlr.OfflineQueuingSeverity integer rw 3 0..9
OCPPCommCtrlr.ActiveNetworkProfile integer ro 1
OCPPCommCtrlr.FieldLength/Get15118EVCertificateResponse.exiResponse integer ro= 7500
OCPPCommCtrlr.MessageTimeout/Default integer rw* 30 s 1..600
OCPPCommCtrlr.NetworkProfileConnectionAttempts integer rw 3 1..100
OCPPCommCtrlr.PublicKeyWithSignedMeterValue OptionList rw Never Never|OncePerTransaction|EveryMeterValue
OCPPCommCtrlr.QueueAllMessages boolean rw* false
OCPPCommCtrlr.RetryBackOffRandomRange integer rw 5 s 0..3600
ReservationCtrlr.Enabled boolean rw true
ReservationCtrlr.NonEvseSpecific boolean ro true
SampledDataCtrlr.Available boolean ro true
SampledDataCtrlr.RegisterValuesWithoutPhases boolean rw true
SampledDataCtrlr.SignReadings boolean rw false
SampledDataCtrlr.TxEndedInterval integer rw 0 s 0..86400
SecurityCtrlr.AdditionalRootCertificateCheck boolean ro false
SecurityCtrlr.CertSigningRepeatTimes integer rw 3 0..100
SecurityCtrlr.CertSigningWaitMinimum integer rw 30 s 1..3600
SecurityCtrlr.MaxCertificateChainSize integer ro= 10000 B 0..10000
SmartChargingCtrlr.ACPhaseSwitchingSupported boolean ro false
SmartChargingCtrlr.Enabled boolean rw true
SmartChargingCtrlr.ExternalControlSignalsEnabled boolean rw false
SmartChargingCtrlr.LimitChangeSignificance decimal rw 1.0 Percent 0..100
SmartChargingCtrlr.NotifyChargingLimitWithSchedules boolean rw false
SmartChargingCtrlr.PeriodsPerSchedule integer ro= 100
SmartChargingCtrlr.Phases3to1 boolean ro false
SmartChargingCtrlr.ProfileStackLevel integer ro= 100
SmartChargingCtrlr.RateUnit MemberList ro A,W A|W
TariffCostCtrlr.Available/Cost boolean ro true
TariffCostCtrlr.Available/Tariff boolean ro true
TariffCostCtrlr.Currency string rw EUR 0..3
TariffCostCtrlr.Enabled/Cost boolean rw true
TariffCostCtrlr.Enabled/Tariff boolean rw true
TariffCostCtrlr.TariffFallbackMessage string rw Ask_the_operator 0..255
TariffCostCtrlr.TotalCostFallbackMessage string rw See_your_bill 0..255
TxCtrlr.ChargingBeforeAcceptedEnabled boolean rw false
TxCtrlr.ChargingTime integer ro! 0 s
TxCtrlr.TxBeforeAcceptedEnabled boolean rw false
ChargingStation.AllowNewSessionsPendingFirmwareUpdate boolean rw false
ChargingStation.Available boolean ro true
ChargingStation.Problem boolean ro false
CaseAccessSensor.Enabled boolean rw true
CaseAccessSensor.Problem boolean ro false
ChargingStatusIndicator.Active boolean ro! true
Controller.Problem boolean ro false
Controller.Temperature integer ro! 35 Celsius -40..125
DataLink.Active boolean ro! true
DataLink.SignalStrength decimal ro! -65.5 dBm -120..0
Display.Available boolean ro true
Display.Enabled boolean rw true
Display.Language OptionList rw en en|de|fr|nl
ElectricalFeed.ACVoltage decimal ro= 230 V
ElectricalFeed.DCVoltage decimal ro 0 V
ElectricalFeed.Power decimal ro 44000 W
ElectricalFeed.SupplyPhases integer ro= 3
EmergencyStopSensor.Enabled boolean ro= true
EmergencyStopSensor.Tripped boolean ro false
EnvironmentalLighting.Enabled boolean rw! true
FiscalMetering.Manufacturer string ro= CSMS
FiscalMetering.Optimized boolean ro false
RealTimeClock.Problem boolean ro false
ShockSensor.Enabled boolean rw true
ShockSensor.Tripped boolean ro false
TemperatureSensor.Temperature/Enclosure integer ro! 28 Celsius -40..125
TiltSensor.Angle decimal ro! 0.4 Deg -180..180
TiltSensor.Enabled boolean rw true
TokenReader.Available boolean ro true
TokenReader.Enabled boolean rw true
TokenReader.TokenType MemberList rw ISO14443,ISO15693 ISO14443|ISO15693
EVSE:EVSE.Available boolean ro true
EVSE:EVSE.EvseId string ro= NL*CSM*E0001
EVSE:EVSE.Problem boolean ro false
EVSE:CPPWMController.State OptionList ro! A A|B|C|D|E|F
EVSE:GroundIsolationProtection.Tripped boolean ro false
EVSE:OverCurrentProtection.Operated boolean ro false
EVSE:PowerContactor.Tripped boolean ro false
EVSE:RCD.Tripped boolean ro false
EVSE:TemperatureSensor.Temperature integer ro! 31 Celsius -40..125
Connector:Connector.Available boolean ro true
Connector:Connector.ChargeProtocol OptionList ro= CPPWM Unknown|CPPWM|ISO15118|CHAdeMO
Connector:Connector.Problem boolean ro false
Connector:ConnectorPlugRetentionLock.Enabled boolean rw true
Connector:ConnectorPlugRetentionLock.Tries integer ro 1 0..10
"""


@dataclass(frozen=True)
class Variable:
    """One of them. `place` is EVSE or Connector for what each of these has, empty for the station's own."""

    place: str
    component: str
    name: str
    instance: str | None
    words: tuple[str, ...]

    def setting(self) -> Setting:
        """A fresh setting, with the value that it leaves the factory with."""
        kind, rights, value, *more = self.words
        limits = next((word.split("..") for word in more if ".." in word), None)
        choices = next((tuple(word.split("|")) for word in more if "|" in word), ())
        units = [word for word in more if ".." not in word and "|" not in word and word != "measurands"]
        return Setting(
            "" if value == "-" else value.replace("_", " "),
            Kind(kind),
            readable=rights[:1] != "w",
            writable="w" in rights,
            minimum=int(limits[0]) if limits else None,
            maximum=int(limits[1]) if limits else None,
            choices=MEASURANDS if "measurands" in more else choices,
            unit=units[0] if units else None,
            needs_reboot="*" in rights,
            is_persistent="!" not in rights,
            is_constant="=" in rights,
        )


def _read() -> Iterator[Variable]:
    for line in _TABLE.strip().splitlines():
        full, *words = line.split()
        place, _, name = full.rpartition(":")
        component, _, rest = name.partition(".")
        variable, _, instance = rest.partition("/")
        yield Variable(place, component, variable, instance or None, tuple(words))


STANDARD = tuple(_read())
