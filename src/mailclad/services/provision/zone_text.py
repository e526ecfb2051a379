"""Records as a zone file has them (RFC 1035 §5.1, §3.3.14).

Comes in: records of ours.  Goes out: text that name servers load and providers' forms take.
"""

import re
from collections.abc import Iterable

from mailclad.services.provision.dns_records import TTL, DnsRecord

STRING_OCTETS = 255
"""RFC 1035 §3.3: one character-string; longer texts are several."""

_SPECIAL = re.compile(rb'["\\]|[^ -~]')


def zone_text(records: Iterable[DnsRecord]) -> str:
    """Each record below a comment that says what it is for; names are whole, with the last dot."""
    lines = []
    for record in records:
        lines.append(f"; {record.purpose}")
        value = written(record.kind, record.value)
        lines.append(f"{record.name}. {TTL} IN {record.kind} {value}")
    return "".join(f"{line}\n" for line in lines)


def written(kind: str, value: str) -> str:
    """The value as it stands in a zone file."""
    return quoted(value) if kind == "TXT" else value


def quoted(text: str) -> str:
    """A text as character-strings."""
    octets = text.encode()
    pieces = [octets[at : at + STRING_OCTETS] for at in range(0, len(octets), STRING_OCTETS)]
    return " ".join(f'"{_SPECIAL.sub(_escape, piece).decode()}"' for piece in pieces or [b""])


def _escape(octet: re.Match[bytes]) -> bytes:
    return b"\\" + octet[0] if octet[0] in b'"\\' else b"\\%03d" % octet[0][0]
