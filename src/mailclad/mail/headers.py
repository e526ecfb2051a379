"""Header fields: where a header ends, and its fields as they stand (RFC 5322 §2.2, §3.6.8).

In come octets with CRLF or bare LF line ends; out go slices of them.  Nothing is decoded or
checked here.  A field begins on a line of its own with a name of visible ASCII and a colon
(blanks between them are tolerated, RFC 5322 §4.5); lines that begin with a blank continue
it.  Other lines among the fields are skipped.  Never raises; every expression is
possessive or bounded by lines, so the work is linear in the octets.
Limits: ``MAX_HEADER_OCTETS`` and ``MAX_FIELDS``; what lies beyond them is not looked at.
"""

import re
from collections.abc import Collection, Iterable
from itertools import islice

from mailclad.base.octets import Octets

MAX_HEADER_OCTETS = 1 << 20
"""All headers of a message together; large real ones (long ARC chains, thousands of
recipients) stay under 256 KiB."""

MAX_FIELDS = 10_000
"""Real messages have under 200; mailing-list loops have made 2,000."""

LISTED = frozenset(
    b"date subject from sender reply-to to cc bcc message-id in-reply-to references content-type"
    b" priority x-priority importance newsgroups list-id list-unsubscribe list-post"
    b" authentication-results dkim-signature bimi-indicator bimi-location x-bimi-indicator-hash"
    b" x-uniform-type-identifier x-universally-unique-identifier".split()
)
"""What Thunderbird, Apple Mail and others ask of every message of a list, in lower case."""

Field = tuple[bytes, bytes, bytes]
"""The whole field with its line end, its name as written, its value with all its lines."""

_FIELD = re.compile(rb"^(([!-9;-~]++)[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+\n?))", re.MULTILINE)
_FIRST_LINE = re.compile(rb"(?!--)[!-9;-~]++[ \t]*+:|>?From ")
_BLANK_LINE = re.compile(rb"\n\r?\n")
_SMALLEST_FIELD = 3  # "a:\n"
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def split_fields(header: bytes, most: int = MAX_FIELDS) -> list[Field]:
    """The fields of a header, in order; the blank line may be there or not."""
    if len(header) <= _SMALLEST_FIELD * most:
        return _FIELD.findall(header)
    found = _FIELD.finditer(header, 0, MAX_HEADER_OCTETS)
    return [(match[1], match[2], match[3]) for match in islice(found, most)]


def has_bare_cr(header: bytes) -> bool:
    """A CR alone ends a line for some programs, and for others, such as this server, does not."""
    return header.count(b"\r") != header.count(b"\r\n")


def first_values(fields: list[Field]) -> dict[bytes, bytes]:
    """Lower-case name → value of the first field of that name."""
    return {name.lower(): value for _, name, value in reversed(fields)}


def begins_with_field(octets: Octets, start: int = 0) -> bool:
    """Whether a header can begin here; an mbox separator (``From ``) may come first.

    Where it is false, the body begins at once: a blank line, or text without any header.
    """
    return _FIRST_LINE.match(octets, start) is not None


def find_body(octets: Octets) -> int:
    """Where a message's body begins: after the blank line, or at its end if there is none."""
    first = octets[:2]
    if first[:1] == b"\n":
        return 1
    if first == b"\r\n":
        return 2
    if not begins_with_field(octets):
        return 0
    blank = _BLANK_LINE.search(octets)
    return blank.end() if blank else len(octets)


def unfold(value: bytes) -> bytes:
    """A value on one line, without the blanks around it (RFC 5322 §2.2.3)."""
    value = value.strip()
    return _FOLD.sub(b"", value) if b"\n" in value else value


def select_fields(header: bytes, names: Collection[bytes], invert: bool = False) -> bytes:
    """The fields with (or, inverted, without) one of these lower-case names, as they stand.

    Without the blank line; IMAP's HEADER.FIELDS wants one behind them.
    """
    return b"".join(
        [field for field, name, _ in split_fields(header) if (name.lower() in names) != invert]
    )


def join_listed(fields: Iterable[Field]) -> bytes:
    """The fields that programs list, as they stand."""
    return b"".join([field for field, name, _ in fields if name.lower() in LISTED])
