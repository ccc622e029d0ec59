"""What is forgiven in frames, before anybody knows what they say."""

from services.kernel.quirks.quirk import Needed, Quirk

_SYNTAX = "OCPP-J 1.6 section 4.2, OCPP 2.0.1 part 4 section 4.2: messages are JSON in UTF-8"
_CALL = "OCPP-J 1.6 section 4.2.1, OCPP 2.0.1 part 4 section 4.2.1: the id is a string of up to 36 characters"
_ERROR = "OCPP-J 1.6 section 4.2.3, OCPP 2.0.1 part 4 section 4.2.3: an error has five elements and the id of its call"
_ONE_CALL = "OCPP-J 1.6 section 4.1.1, OCPP 2.0.1 part 4 section 4.1.1: one call at a time"

BAD_CHARACTERS = Quirk(
    id="bad-characters",
    forgives="Characters that JSON, UTF-8 or the database forbid: they are left out, or replaced by U+FFFD.",
    clause=_SYNTAX,
    flag="bad_characters",
    needed=Needed.SESSION_REFUSED,
)
NESTED_TOO_DEEP = Quirk(
    id="nested-too-deep",
    forgives="Objects in each other more than 32 times: what is deeper is kept as a text.",
    clause=_SYNTAX,
    flag="nested_too_deep",
    needed=Needed.DATA_LOST,
)
NUMBER_AS_ID = Quirk(
    id="number-as-id",
    forgives="A number as the id of a message: it is answered with the number.",
    clause=_CALL,
    needed=Needed.SESSION_REFUSED,
)
LONG_ID = Quirk(
    id="long-id",
    forgives="Ids of messages with up to 255 characters.",
    clause=_CALL,
    needed=Needed.SESSION_REFUSED,
    counted=False,
)
CALLS_AT_A_TIME = Quirk(
    id="calls-at-a-time",
    forgives="Up to 256 calls before the first is answered.",
    clause=_ONE_CALL,
    needed=Needed.SESSION_REFUSED,
    counted=False,
)
REPEATED_CALL = Quirk(
    id="repeated-call",
    forgives="The same call with the same id before its answer: it is handled once.",
    clause=_ONE_CALL,
    needed=Needed.SESSION_REFUSED,
)
SHORT_ERROR = Quirk(
    id="short-error",
    forgives="An error without its last elements, or with something else in their place: the code counts.",
    clause=_ERROR,
    otherwise="the call fails, since its answer is no message of OCPP",
)
ERROR_WITHOUT_ID = Quirk(
    id="error-without-id",
    forgives="An error with the id `-1`: it is about the one call of ours that waits for its answer.",
    clause=_ERROR,
    otherwise="the error answers nothing, and the call waits for its time-out",
)
