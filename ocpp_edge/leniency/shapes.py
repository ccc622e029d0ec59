"""What a payload shall look like, for payloads that do not: each shape makes the best of a value.

A shape goes over a value once, whatever is wrong with it, and returns what is good of it, or DROPPED when that is
nothing. Which shape a schema asks for is said by repair.py.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from ocpp_edge.leniency import conversions
from ocpp_edge.leniency.rules import FEW_BROKEN, LONGEST_KEPT, MOST_BROKEN
from services.kernel.quirks import Quirk, payloads

Location = tuple[str | int, ...]
Fault = tuple[Location, str, str]

DROPPED: Any = object()
UNEXPECTED_FIELDS = payloads.UNEXPECTED_PROPERTY.flag
_TOO_MUCH = "holds too much that is wrong"
_NOT_PLAIN: tuple[Collection[type], Collection[str] | None] = (), None
# What JSON parsers give as a whole number; what the platform can hold of that is said by payloads.py.
_WHOLE = range(-(2**63), 2**64)


class UnitOfWork:
    """What is done to one payload.

    `path` is where the work is, `originals` the values that are lost from the payload as they came, and `fault` is why
    the last part was dropped: where, the keyword of the schema, what is wrong.
    """

    __slots__ = ("coerced", "dropped", "fault", "forgiven", "originals", "path", "room")

    def __init__(self) -> None:
        self.path: list[str | int] = []
        # Flags, in order.
        self.dropped: dict[str, None] = {}
        self.coerced: dict[str, None] = {}
        self.originals: list[tuple[Location, Any]] = []
        self.fault: Fault = ((), "", "")
        self.forgiven: dict[Quirk, None] = {}
        self.room = MOST_BROKEN

    def coerce(self, quirk: Quirk) -> None:
        """Note that the value here was put right, or is done without."""
        self.coerced[f"{quirk.flag}{self._name()}"] = None
        self.forgiven[quirk] = None
        self.room -= 1

    def alter(self, value: Any, quirk: Quirk) -> None:
        """Note that `value` was put right, but something of it is lost."""
        self.coerce(quirk)
        self.originals.append((tuple(self.path), value))

    def drop(self, value: Any) -> None:
        """Note that the value here is not taken."""
        self._lose(f"{payloads.UNREADABLE_PART.flag}{self._name()}", value, payloads.UNREADABLE_PART)

    def drop_unexpected(self, value: Any) -> None:
        """Note that the property here is not one of its object."""
        self._lose(UNEXPECTED_FIELDS, value, payloads.UNEXPECTED_PROPERTY)

    def refuse(self, keyword: str, what: str, *name: str) -> Any:
        """Say why the value here, or its property `name`, cannot be taken. Returns DROPPED."""
        self.fault = (*self.path, *name), keyword, what
        return DROPPED

    def _lose(self, flag: str, value: Any, quirk: Quirk) -> None:
        self.dropped[flag] = None
        self.forgiven[quirk] = None
        self.originals.append((tuple(self.path), value))
        self.room -= 1

    def _name(self) -> str:
        return ".".join([step for step in self.path if type(step) is str])


class Shape(Protocol):
    """What one value shall look like."""

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        """What is good of `value`, or DROPPED with the reason in `work.fault`."""
        ...


class Anything:
    """A value of any kind, null included."""

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        return value


class Number:
    """A value of one of `kinds` between two bounds, or what `convert` makes of it.

    With `whole_floats` the schema itself takes 3.0 for a whole number (JSON Schema since draft 6): nothing is wrong
    with that, but whoever reads the payload wants a 3.
    """

    def __init__(
        self,
        kinds: Collection[type],
        convert: Callable[[Any], Any],
        *,
        least: float | None = None,
        greatest: float | None = None,
        step: float | None = None,
        whole_floats: bool = False,
        quirk: Quirk = payloads.WRONG_TYPE,
    ) -> None:
        self.kinds = kinds
        self.is_bounded = least is not None or greatest is not None or step is not None
        self._step = None if step is None else Decimal(str(step))
        self._convert = convert
        self._least = least
        self._greatest = greatest
        self._whole_floats = whole_floats
        self._quirk = quirk

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        number = value
        if type(value) not in self.kinds:
            number = self._convert(value)
            if number is None:
                return work.refuse("type", "is of the wrong type")
            self._note(value, number, work)
        if type(number) is int and number not in _WHOLE:
            return work.refuse("maximum", "is beyond 64 bits")
        if self._least is not None and number < self._least:
            return work.refuse("minimum", f"is less than {self._least:g}")
        if self._greatest is not None and number > self._greatest:
            return work.refuse("maximum", f"is greater than {self._greatest:g}")
        if self._step is not None and Decimal(str(number)) % self._step:
            # Finer than the specification has it, and none the worse for that.
            work.coerce(payloads.FINER_NUMBER)
        return number

    def _note(self, value: Any, number: Any, work: UnitOfWork) -> None:
        if type(value) is float and value == number:
            if not self._whole_floats:
                work.coerce(self._quirk)
        elif conversions.number_of(value) == number or type(number) is bool:
            work.coerce(self._quirk)
        else:
            work.alter(value, self._quirk)


class Text:
    """A text no longer than `longest`; `shorten` says what becomes of a longer one, None when it cannot be taken."""

    def __init__(
        self,
        longest: int | None = None,
        shorten: Callable[[str, int], str | None] = lambda text, longest: text[:longest],
        convert: Callable[[Any], str | None] = conversions.text_of,
    ) -> None:
        self.longest = longest
        self._shorten = shorten
        self._convert = convert

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        text = value if type(value) is str else self._convert(value)
        if text is None:
            return work.refuse("type", "is of the wrong type")
        if self.longest is not None and len(text) > self.longest:
            shorter = self._shorten(text, self.longest)
            if shorter is None:
                return work.refuse("maxLength", f"is longer than {self.longest} characters")
            if shorter != text:
                work.alter(value, payloads.LONG_TEXT)
            else:
                work.coerce(payloads.LONG_TEXT)
            return shorter
        if text is not value:
            work.coerce(payloads.WRONG_TYPE)
        return text


class Word:
    """One of `words`; any other that is not very long as well where they are `free`."""

    def __init__(self, words: Sequence[Any], *, is_free: bool) -> None:
        self.words = frozenset(words)
        self._by_letters = conversions.by_letters(words)
        self._is_free = is_free

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        if type(value) is str and value in self.words:
            return value
        text = value if type(value) is str else conversions.text_of(value)
        if text is None:
            return work.refuse("type", "is of the wrong type")
        word, quirk = conversions.word_like(text, self._by_letters), payloads.WORD_SPELLING
        if word is None and self._is_free and len(text) <= LONGEST_KEPT:
            word, quirk = text, payloads.FREE_WORD
        if word is None:
            return work.refuse("enum", "is none of the values allowed")
        work.coerce(quirk)
        return word


class Items:
    """A list; one item by itself is understood as a list of one."""

    def __init__(self, item: Shape) -> None:
        self._item = item

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        if type(value) is not list:
            return self._alone(value, work)
        result, path, originals, item = [], work.path, work.originals, self._item
        for position, part in enumerate(value):
            mark = len(originals)
            path.append(position)
            mended = item.mended(part, work)
            if mended is not DROPPED:
                result.append(mended)
            else:
                del originals[mark:]
                work.drop(part)
            path.pop()
            if work.room < 0:
                return work.refuse("maxItems", _TOO_MUCH)
        return result

    def _alone(self, value: Any, work: UnitOfWork) -> Any:
        mended = self._item.mended(value, work) if type(value) in (dict, str) else DROPPED
        if mended is DROPPED:
            return work.refuse("type", "is not a list")
        work.coerce(payloads.LIST_OF_ONE)
        return [mended]


class Properties:
    """An object. Nothing is left of one that lacks what is `needed`; what is `dispensable` is required as well.

    With `is_open` it may hold properties that are not among its `shapes`. A text in its place is the property that
    `given_alone` names, if it is one of the words there.
    """

    def __init__(self, *, is_open: bool, given_alone: tuple[str, Collection[str] | None] | None = None) -> None:
        self.is_open = is_open
        self._given_alone = given_alone
        self.shapes: Mapping[str, Shape] = {}
        self.needed: Sequence[str] = ()
        self.dispensable: Sequence[str] = ()
        # By property, the types and words that need no second look; None for any word. Most values are of these.
        self._plain: Mapping[str, tuple[Collection[type], Collection[str] | None]] = {}

    def fill(self, shapes: Mapping[str, Shape]) -> None:
        """Say what the properties are: apart, because a shape may hold itself."""
        self.shapes = shapes
        plain: dict[str, tuple[Collection[type], Collection[str] | None]] = {}
        for name, shape in shapes.items():
            if isinstance(shape, Word):
                plain[name] = (str,), shape.words
            elif isinstance(shape, Text) and shape.longest is None:
                plain[name] = (str,), None
            elif isinstance(shape, Number) and not shape.is_bounded:
                plain[name] = shape.kinds, None
        self._plain = plain

    def mended(self, value: Any, work: UnitOfWork) -> Any:
        if type(value) is list and len(value) == 1 and type(value[0]) is dict:
            value = value[0]
            work.coerce(payloads.LIST_OF_ONE)
        elif self._given_alone is not None and type(value) is str:
            name, words = self._given_alone
            if value and (words is None or value in words):
                value = {name: value}
                work.coerce(payloads.TEXT_FOR_OBJECT)
        if type(value) is not dict:
            return work.refuse("type", "is not an object")
        if not self.is_open and len(value) > len(self.shapes) + MOST_BROKEN:
            return work.refuse("additionalProperties", "has too many properties that are not expected")
        result: dict[str, Any] = {}
        plain = self._plain
        for name, part in value.items():
            kinds, words = plain.get(name, _NOT_PLAIN)
            if type(part) in kinds and (words is None or part in words):
                result[name] = part
            elif not self._take(name, part, result, work):
                return DROPPED
        return self._whole(value, result, work)

    def _take(self, name: str, part: Any, result: dict[str, Any], work: UnitOfWork) -> bool:
        """Put what is good of one property into `result`; whether anything can be made of the object still."""
        shape, mark = self.shapes.get(name), len(work.originals)
        if shape is None and self.is_open:
            result[name] = part
            return True
        work.path.append(name)
        mended = DROPPED if shape is None else shape.mended(part, work)
        if mended is not DROPPED:
            result[name] = mended
        elif shape is None:
            work.drop_unexpected(part)
        elif part is None and name not in self.needed and name not in self.dispensable:
            # Nothing is lost: a null says no more than nothing does.
            work.coerce(payloads.NULL_FOR_NOTHING)
        elif name not in self.needed:
            del work.originals[mark:]
            work.drop(part)
        work.path.pop()
        if work.room < 0:
            if work.path:
                work.refuse("maxProperties", _TOO_MUCH)
                return False
            work.room = FEW_BROKEN
        return mended is not DROPPED or name not in self.needed

    def _whole(self, value: Mapping[str, Any], result: dict[str, Any], work: UnitOfWork) -> Any:
        for name in self.needed:
            if name not in result:
                return work.refuse("required", "is missing", name)
        for name in self.dispensable:
            if name not in value:
                work.path.append(name)
                work.coerce(payloads.DONE_WITHOUT)
                work.path.pop()
        return result
