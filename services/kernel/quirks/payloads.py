"""What is forgiven in payloads that break their schema. The tables of properties are in ocpp_edge/leniency/rules.py."""

from services.kernel.quirks.quirk import Needed, Quirk

_SCHEMA = "the JSON schemas of OCPP 1.6 and of OCPP 2.x part 3"
_COERCED = "coerced:"

WRONG_TYPE = Quirk(
    id="wrong-type",
    forgives='A value of another type that means one of the right type, as `"3"`, `3.0` or `"true"`.',
    clause=f"{_SCHEMA}: type",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
REGISTER_AS_TEXT = Quirk(
    id="register-as-text",
    forgives='A meter register as a fraction or a text, with its unit behind it if need be (`"1.3 kWh"`).',
    clause="OCPP 1.6 StartTransaction.req and StopTransaction.req: meterStart and meterStop are integers of Wh",
    flag=_COERCED,
    versions=("1.6",),
    needed=Needed.DATA_LOST,
)
FINER_NUMBER = Quirk(
    id="finer-number",
    forgives="A number with more digits than the step that the schema allows.",
    clause=f"{_SCHEMA}: multipleOf",
    flag=_COERCED,
    needed=Needed.DATA_LOST,
)
NUMBER_OUT_OF_BOUNDS = Quirk(
    id="number-out-of-bounds",
    forgives="A number that nothing can have: it counts as not told.",
    clause="OCPP 2.0.1 part 2, primitive data types: integers have 32 bits (OCPP 1.6 sets no bound)",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
WORD_SPELLING = Quirk(
    id="word-spelling",
    forgives="A word of a list in other letters or with other signs between them.",
    clause=f"{_SCHEMA}: enum",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
FREE_WORD = Quirk(
    id="free-word",
    forgives="A word that is none of its list where a charge point says a fact: it is kept as it was said.",
    clause=f"{_SCHEMA}: enum",
    flag=_COERCED,
    needed=Needed.DATA_LOST,
)
LONG_TEXT = Quirk(
    id="long-text",
    forgives="A text that is too long: it is cut and kept beside; tokens, ids of transactions and proofs stay whole.",
    clause=f"{_SCHEMA}: maxLength",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
DONE_WITHOUT = Quirk(
    id="done-without",
    forgives="A required property that is missing and can be done without.",
    clause=f"{_SCHEMA}: required",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
NULL_FOR_NOTHING = Quirk(
    id="null-for-nothing",
    forgives="A null in the place of a property that is not told.",
    clause=f"{_SCHEMA}: type",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
TEXT_FOR_OBJECT = Quirk(
    id="text-for-object",
    forgives="A text in the place of an object whose main property it is (`idToken`, `unitOfMeasure`).",
    clause=f"{_SCHEMA}: type",
    flag=_COERCED,
    versions=("2.0.1", "2.1"),
    needed=Needed.SESSION_REFUSED,
)
LIST_OF_ONE = Quirk(
    id="list-of-one",
    forgives="One thing without the list around it, or a list of one around what is no list.",
    clause=f"{_SCHEMA}: type",
    flag=_COERCED,
    needed=Needed.SESSION_REFUSED,
)
UNEXPECTED_PROPERTY = Quirk(
    id="unexpected-property",
    forgives="A property that the schema does not have: it is kept beside the fact.",
    clause=f"{_SCHEMA}: additionalProperties",
    flag="unexpected_fields",
    needed=Needed.SESSION_REFUSED,
)
UNREADABLE_PART = Quirk(
    id="unreadable-part",
    forgives="A part that cannot be read: it counts as not told, is kept beside the fact, and the rest is taken.",
    clause=_SCHEMA,
    flag="dropped:",
    needed=Needed.SESSION_REFUSED,
)
