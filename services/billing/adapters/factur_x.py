"""What makes a PDF document a Factur-X or ZUGFeRD invoice: the file in it, and what its metadata says of it.

PDF/A-3 takes properties of others in its metadata only with a description of them (ISO 19005-3, 6.6.2.3).
"""

from datetime import datetime
from xml.sax.saxutils import escape

FILE_NAME = "factur-x.xml"
FILE_DESCRIPTION = "Electronic invoice by EN 16931"
RELATIONSHIP = "Alternative"

_NAMESPACE = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"
_PROPERTIES = {
    "DocumentFileName": (FILE_NAME, "Name of the embedded file"),
    "DocumentType": ("INVOICE", "Kind of the document"),
    "Version": ("1.0", "Version of the format"),
    "ConformanceLevel": ("EN 16931", "Profile of the format"),
}


def metadata(title: str, author: str, producer: str, time: datetime, *, is_electronic: bool) -> str:
    """The XMP packet of a PDF/A-3B document with an electronic invoice in it, or without; always the same for one."""
    stamp = f"{time:%Y-%m-%dT%H:%M:%S+00:00}"
    parts = [
        f"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>"
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>',
        f"<dc:creator><rdf:Seq><rdf:li>{escape(author)}</rdf:li></rdf:Seq></dc:creator>" if author else "",
        f"<xmp:CreateDate>{stamp}</xmp:CreateDate><xmp:ModifyDate>{stamp}</xmp:ModifyDate>"
        f"<pdf:Producer>{escape(producer)}</pdf:Producer>",
    ]
    if is_electronic:
        parts += [f"<fx:{name}>{value}</fx:{name}>" for name, (value, _) in _PROPERTIES.items()]
        parts.append(_description())
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _PREFIXES.items())
    described = f'<rdf:Description rdf:about="">{"".join(parts)}</rdf:Description>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {names}>{described}</rdf:RDF></x:xmpmeta>'


def _description() -> str:
    resource = '<rdf:li rdf:parseType="Resource">'
    properties = "".join(
        f"{resource}<pdfaProperty:name>{name}</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType>"
        f"<pdfaProperty:category>external</pdfaProperty:category>"
        f"<pdfaProperty:description>{text}</pdfaProperty:description></rdf:li>"
        for name, (_, text) in _PROPERTIES.items()
    )
    schema = (
        f"<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>"
        f"<pdfaSchema:namespaceURI>{_NAMESPACE}</pdfaSchema:namespaceURI><pdfaSchema:prefix>fx</pdfaSchema:prefix>"
        f"<pdfaSchema:property><rdf:Seq>{properties}</rdf:Seq></pdfaSchema:property>"
    )
    bag = f"<rdf:Bag>{resource}{schema}</rdf:li></rdf:Bag>"
    return f"<pdfaExtension:schemas>{bag}</pdfaExtension:schemas>"


_PREFIXES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "pdfaid": "http://www.aiim.org/pdfa/ns/id/",
    "pdfaExtension": "http://www.aiim.org/pdfa/ns/extension/",
    "pdfaSchema": "http://www.aiim.org/pdfa/ns/schema#",
    "pdfaProperty": "http://www.aiim.org/pdfa/ns/property#",
    "fx": _NAMESPACE,
}
