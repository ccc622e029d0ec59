"""What is forgiven in sampled values. Whatever is not read from a value, it is kept as it was sent."""

from services.kernel.quirks.quirk import Needed, Quirk

_VALUE = "OCPP 1.6 section 7.43, OCPP 2.0.1 part 2 SampledValueType: a value is a decimal number"
_UNIT = "OCPP 1.6 section 7.45, OCPP 2.0.1 part 2 UnitOfMeasureType and the appendices: names of units"
_UNREAD = "the value counts as unreadable, and is kept as it was sent"

DECIMAL_COMMA = Quirk(
    id="decimal-comma",
    forgives="A comma where a value has its decimal point.",
    clause=_VALUE,
    otherwise=_UNREAD,
)
VALUE_WITH_UNIT = Quirk(
    id="value-with-unit",
    forgives='A value with its unit behind it (`"2.5 kWh"`).',
    clause=_VALUE,
    flag="unit_respelled",
    otherwise=_UNREAD,
)
UNIT_SPELLING = Quirk(
    id="unit-spelling",
    forgives="A unit in other letters or words (`KWH`, `Amps`).",
    clause=_UNIT,
    flag="unit_respelled",
    otherwise="the unit counts as unknown, and the value is kept as it was sent",
)
UNKNOWN_UNIT = Quirk(
    id="unknown-unit",
    forgives="A unit that the measurand does not have: the value is kept as it was sent.",
    clause=_UNIT,
    flag="unknown_unit",
    needed=Needed.DATA_LOST,
)
UNREADABLE_VALUE = Quirk(
    id="unreadable-value",
    forgives="A value that is no number: it is kept as it was sent.",
    clause=_VALUE,
    flag="unreadable_value",
    needed=Needed.DATA_LOST,
)
IMPLAUSIBLE_VALUE = Quirk(
    id="implausible-value",
    forgives="A value that nothing can have: it is kept as it was sent.",
    clause=_VALUE,
    flag="implausible_value",
    needed=Needed.DATA_LOST,
)
REGISTERS_TOGETHER = Quirk(
    id="registers-together",
    forgives="Two values of one measurand and phase in one sample: the greater is the register of the meter's life.",
    clause="OCPP 1.6 section 7.33, OCPP 2.0.1 part 2 MeterValueType: values of one sample differ in what they measure",
    needed=Needed.DATA_LOST,
)
