"""Names as the DNS sends them, in lower case and uncompressed, and as text (RFC 1035 §3.1, §5.1).

Octets that are not printable, and those that mean something in text, come escaped (``\\010``,
``\\.``), so no text of a stranger's name holds a control character, and each name has one text.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

MAX_NAME_OCTETS = 255
MAX_LABEL_OCTETS = 63
"""RFC 1035 §2.3.4, with each label's length and the root's."""

_MAX_TEXT = 4 * MAX_NAME_OCTETS
"""Characters of the longest name with every octet escaped."""

REMEMBERED = 4_096
"""Names whose reading is remembered, 5 MiB at most: mail asks for the same few again."""

_TOKEN = re.compile(rb"\\([01][0-9]{2}|2[0-4][0-9]|25[0-5])|\\([^0-9])|([^\\.]+)|\.", re.DOTALL)
_ESCAPED = re.compile(rb'["().;\\@$]|[^!-~]')


@lru_cache(REMEMBERED)
def read_name(text: str) -> bytes | None:
    """None where no name in the DNS can be meant, nor the root; with or without the last dot."""
    if len(text) > _MAX_TEXT or not text.isascii():
        return None
    octets = text.encode("ascii")
    labels = _unescape(octets) if b"\\" in octets else octets.split(b".")
    if labels and not labels[-1]:
        labels.pop()
    if not labels or not all(0 < len(label) <= MAX_LABEL_OCTETS for label in labels):
        return None
    name = b"".join([bytes([len(label)]) + label for label in labels]).lower() + b"\0"
    return name if len(name) <= MAX_NAME_OCTETS else None


def _unescape(text: bytes) -> list[bytes]:
    """No labels where an escape is wrong."""
    labels, at = [b""], 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return []
        number, escaped, plain = token.groups()
        if token[0] == b".":
            labels.append(b"")
        elif number is not None:
            labels[-1] += bytes([int(number)])
        else:
            labels[-1] += escaped or plain
        at = token.end()
    return labels


def write_name(name: bytes) -> str:
    """Without the last dot; the root is ""."""
    labels, at = [], 0
    while length := name[at]:
        labels.append(_ESCAPED.sub(_escape, name[at + 1 : at + 1 + length]))
        at += 1 + length
    return b".".join(labels).decode("ascii")


def _escape(octet: re.Match[bytes]) -> bytes:
    return b"\\" + octet[0] if b"!" <= octet[0] <= b"~" else b"\\%03d" % octet[0][0]


def is_within(name: bytes, zone: bytes) -> bool:
    """Whether the name is the zone or below it."""
    at = 0
    while len(name) - at > len(zone):
        at += 1 + name[at]
    return name[at:] == zone


def ancestors(name: bytes) -> Iterator[bytes]:
    """The name itself, what it stands in, and so on up to the root."""
    at = 0
    while name[at]:
        yield name[at:]
        at += 1 + name[at]
    yield b"\0"


def count_labels(name: bytes) -> int:
    """The root's empty one is none."""
    return sum(1 for _ in ancestors(name)) - 1


def canonical_order(name: bytes) -> tuple[bytes, ...]:
    """What names are sorted by: label after label from the right (RFC 4034 §6.1)."""
    return tuple([above[1 : 1 + above[0]] for above in ancestors(name)][-2::-1])
