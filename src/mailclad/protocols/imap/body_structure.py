"""BODY and BODYSTRUCTURE, rendered (RFC 9051 §7.5.2, RFC 2045, 2183, 3282, 2557, 1864).

In come the parts of a message, out go both lists, without and with extension data.  Types,
parameter names and encodings are lower case, parameter values as they were sent, in the
form that ``mail.parameters`` tells.  A text without character set is shown as us-ascii.
message/global is shown as message/rfc822 is, with envelope and structure, as IMAP4rev2
has it; IMAP4rev1 knew it not.  Octets above 127 go out in literals.
Limits: those of ``mail.mime``, and ``envelope.MAX_TEXT_OCTETS`` a string.
"""

import re

from mailclad.mail.parameters import Parameters, parse_disposition
from mailclad.mail.parts import Part
from mailclad.protocols.imap.envelope import MAX_TEXT_OCTETS, EnvelopeWriter, write_text

_LANGUAGE = re.compile(rb"[A-Za-z0-9*-]{1,100}")
MAX_LANGUAGES = 20
"""Of a part; RFC 3282 names one for each language of its text."""

_NO_EXTENSION = b" NIL NIL NIL"


def write_body(part: Part, envelopes: EnvelopeWriter) -> tuple[bytes, bytes]:
    """BODY and BODYSTRUCTURE of a message or part."""
    if part.is_multipart:
        return _multipart(part, envelopes)
    kind, _, subtype = part.media_type.partition("/")
    values = part.values
    basic = b'"%b" "%b" %b %b %b "%b" %d' % (  # tokens need no look at what they hold
        kind.encode(),
        subtype.encode(),
        _shown_parameters(part, kind),
        write_text(values.get(b"content-id")),
        write_text(values.get(b"content-description")),
        part.transfer_encoding.encode(),
        part.octets,
    )
    extension = b" %b%b" % (write_text(values.get(b"content-md5")), _extension(values))
    if part.is_message:
        inner = part.children[0]
        envelope = envelopes.write(inner.values)
        body, structure = write_body(inner, envelopes)
        return (
            b"(%b %b %b %d)" % (basic, envelope, body, part.lines),
            b"(%b %b %b %d%b)" % (basic, envelope, structure, part.lines, extension),
        )
    if kind == "text":
        basic = b"%b %d" % (basic, part.lines)
    return b"(%b)" % basic, b"(%b%b)" % (basic, extension)


def _multipart(part: Part, envelopes: EnvelopeWriter) -> tuple[bytes, bytes]:
    both = [write_body(child, envelopes) for child in part.children]
    subtype = b'"%b"' % part.media_type.partition("/")[2].encode()
    bodies = b"".join([body for body, _ in both])
    structures = b"".join([structure for _, structure in both])
    parameters = _parameters(part.parameters)
    extension = _extension(part.values)
    return (
        b"(%b %b)" % (bodies, subtype),
        b"(%b %b %b%b)" % (structures, subtype, parameters, extension),
    )


def _shown_parameters(part: Part, kind: str) -> bytes:
    if kind == "text" and not part.charset:
        return _parameters([*part.parameters, (b"charset", b"us-ascii")])
    return _parameters(part.parameters)


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return b"NIL"
    texts = [write_text(text) for pair in parameters for text in pair]
    return b"(%b)" % b" ".join(texts)


def _extension(values: dict[bytes, bytes]) -> bytes:
    """Disposition, language and location; MD5 stands before them, in single parts alone."""
    disposition = values.get(b"content-disposition")
    language = values.get(b"content-language")
    location = values.get(b"content-location")
    if disposition is language is location is None:
        return _NO_EXTENSION
    return b" %b %b %b" % (
        _disposition(disposition),
        _languages(language),
        write_text(None if location is None else b"".join(location[:MAX_TEXT_OCTETS].split())),
    )


def _disposition(value: bytes | None) -> bytes:
    found = parse_disposition(value) if value else None
    if found is None:
        return b"NIL"
    return b"(%b %b)" % (write_text(found[0]), _parameters(found[1]))


def _languages(value: bytes | None) -> bytes:
    tags = _LANGUAGE.findall(value[:2000])[:MAX_LANGUAGES] if value else []
    if not tags:
        return b"NIL"
    texts = b" ".join([write_text(tag) for tag in tags])
    return texts if len(tags) == 1 else b"(%b)" % texts
