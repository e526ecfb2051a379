"""Section specifications: ``[1.2.HEADER.FIELDS (To Cc)]<0.2048>`` (RFC 9051 §9 "section",
"section-binary", "partial"; RFC 3516).

In: a reader that stands on the ``[``; out: a ``Section`` or ``BinarySize``.
"""

import re

from mailclad.protocols.imap.grammar import NUMBER64, Reader, SyntaxProblem
from mailclad.protocols.imap.sections import BinarySize, Section, What
from mailclad.protocols.imap.write import write_astring

SECTION_DEPTH = 50
"""Numbers in a part's address; the scanner of messages goes no deeper."""

HEADER_FIELDS = 200
"""Names in one HEADER.FIELDS; programs ask for 5 to 30."""

_PART = re.compile(rb"[1-9][0-9]{0,8}(?:\.[1-9][0-9]{0,8})*")
_WHAT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_FIELD_NAME = re.compile(rb"[\x21-\x39\x3b-\x7e]+")  # RFC 5322 §2.2: printable, no colon


def parse_body(read: Reader, *, peek: bool) -> Section:
    """``BODY[section]<partial>``, the reader behind BODY or BODY.PEEK."""
    read.expect(b"[")
    numbers = _numbers(read)
    what = None
    fields: tuple[bytes, ...] = ()
    if (not numbers and read.peek() != b"]") or (numbers and read.take(b".")):
        what = What(read.match(_WHAT, "a section").group().upper())
    if what is What.MIME and not numbers:
        raise SyntaxProblem("MIME needs a part number")
    if what in {What.HEADER_FIELDS, What.HEADER_FIELDS_NOT}:
        fields = _fields(read)
    read.expect(b"]")
    partial = _partial(read)
    label = b"BODY[%b]%b" % (_spec(numbers, what, fields), _origin(partial))
    lower = tuple(dict.fromkeys(name.lower() for name in fields))
    return Section(label, numbers, what, lower, partial, peek)


def parse_binary(read: Reader, *, peek: bool) -> Section:
    """``BINARY[part]<partial>``, the reader behind BINARY or BINARY.PEEK."""
    numbers = _binary_part(read)
    partial = _partial(read)
    label = b"BINARY[%b]%b" % (_dotted(numbers), _origin(partial))
    return Section(label, numbers, partial=partial, peek=peek, binary=True)


def parse_binary_size(read: Reader) -> BinarySize:
    numbers = _binary_part(read)
    return BinarySize(b"BINARY.SIZE[%b]" % _dotted(numbers), numbers)


def _binary_part(read: Reader) -> tuple[int, ...]:
    read.expect(b"[")
    numbers = _numbers(read)
    read.expect(b"]")
    return numbers


def _numbers(read: Reader) -> tuple[int, ...]:
    if not read.peek().isdigit():
        return ()
    numbers = read.match(_PART, "a part number").group().split(b".")
    if len(numbers) > SECTION_DEPTH:
        raise SyntaxProblem("the part number is too deep", code="LIMIT")
    return tuple(map(int, numbers))


def _fields(read: Reader) -> tuple[bytes, ...]:
    """``SP (name ...)``, as the client spells them."""
    read.space()
    read.expect(b"(")
    names = [_field(read)]
    while not read.take(b")"):
        read.space()
        names.append(_field(read))
        if len(names) > HEADER_FIELDS:
            raise SyntaxProblem("too many header fields", code="LIMIT")
    return tuple(names)


def _field(read: Reader) -> bytes:
    name = read.astring()
    if not _FIELD_NAME.fullmatch(name):
        raise SyntaxProblem("expected the name of a header field")
    return name


def _partial(read: Reader) -> tuple[int, int] | None:
    if not read.take(b"<"):
        return None
    start = read.number(NUMBER64)
    read.expect(b".")
    octets = read.number(NUMBER64, least=1)
    read.expect(b">")
    return start, octets


def _spec(numbers: tuple[int, ...], what: What | None, fields: tuple[bytes, ...]) -> bytes:
    words = [_dotted(numbers)] if numbers else []
    if what is not None:
        words.append(what.value)
    spec = b".".join(words)
    return b"%b (%b)" % (spec, b" ".join(map(write_astring, fields))) if fields else spec


def _dotted(numbers: tuple[int, ...]) -> bytes:
    return b".".join(b"%d" % number for number in numbers)


def _origin(partial: tuple[int, int] | None) -> bytes:
    return b"" if partial is None else b"<%d>" % partial[0]
