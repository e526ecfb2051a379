"""Mail in the name of a domain of ours, that an alias would send on (RFC 7489 §3.1.2).

What we forward leaves from our address under a reverse path of ours: for the next server, SPF
passes for our domain, and with it DMARC for a From of our domain, whoever wrote it.  So what may
be forged in our name is not forwarded.  In come a message and our domains; out comes whether its
From is of one of them, of one above or below, or of nobody that can be told.
"""

from collections.abc import Collection

from mailclad.base.octets import Octets
from mailclad.mail.dmarc.author import find_author
from mailclad.mail.headers import MAX_FIELDS, MAX_HEADER_OCTETS, find_body, split_fields


def is_in_our_name(octets: Octets, start: int, domains: Collection[str]) -> bool:
    """``start`` is where the sender's header begins."""
    header = octets[start : start + MAX_HEADER_OCTETS]
    author = find_author(split_fields(header[: find_body(header)], MAX_FIELDS))
    if author.fault is not None:
        return True
    return any(
        f".{one}".endswith(f".{ours}") or f".{ours}".endswith(f".{one}")
        for one in author.domains
        for ours in domains
    )
