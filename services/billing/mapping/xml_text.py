"""XML of elements with prefixed names, in the order in which they are added. Knows no vocabulary."""

import re
from collections.abc import Mapping
from decimal import Decimal
from xml.etree.ElementTree import Element, SubElement, tostring

# XML 1.0, 2.2: what no document may hold, not even escaped.
_NO_CHARACTERS = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def root(name: str, namespaces: Mapping[str, str]) -> Element:
    """A document's element; `namespaces` by prefix, empty for the default one."""
    return Element(name, {f"xmlns:{prefix}" if prefix else "xmlns": uri for prefix, uri in namespaces.items()})


def group(parent: Element, *names: str) -> Element:
    """The last of elements, each in the one before."""
    for name in names:
        parent = SubElement(parent, name)
    return parent


def put(parent: Element, name: str, text: str, **attributes: str) -> None:
    """Add an element with a text; none when that is empty."""
    if text:
        SubElement(parent, name, attributes).text = _NO_CHARACTERS.sub(_UNKNOWN, text)


def number(value: Decimal) -> str:
    """A number without exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def written(document: Element) -> bytes:
    """The file."""
    return bytes(tostring(document, encoding="UTF-8", xml_declaration=True))
