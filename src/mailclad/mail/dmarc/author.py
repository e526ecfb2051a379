"""The author's domain: whom the reader sees (RFC 9989 §5.3.1, §11.5; RFC 7489 §6.6.1).

In come the fields of a header; out come the domains of From, in A-labels, to be judged one by
one (``evaluate.worst``), or a fault.  RFC 9989 leaves it to us what becomes of a message
without exactly one author domain.  Decided:
- Two From fields, none, or one that mail programs read differently (an address inside another,
  a route, a domain that is none, more than is looked at) is a fault with no domains: what is
  judged would not be what is shown.  Such mail is for the caller to refuse.
- Several addresses are lawful: each domain is judged, up to ``MAX_AUTHOR_DOMAINS``.
- A group, a display name alone or an IP address names nobody's domain: ``NO_DOMAIN``.
Encoded words are not decoded: an address inside one is not an address.  Never raises.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailclad.mail.address import AddressProblem, check_domain, normalise_domain
from mailclad.mail.address_list import (
    MAX_ADDRESSES,
    MAX_FIELD_OCTETS,
    ListedAddress,
    parse_address_list,
)
from mailclad.mail.headers import MAX_FIELDS, Field

MAX_AUTHOR_DOMAINS = 4
"""Each costs up to eight queries; two authors are rare, of more than two domains rarer."""


class AuthorFault(StrEnum):
    """Why no domain can be judged; the values are for people."""

    NO_FROM = "the message has no From field"
    SEVERAL_FROM = "the message has more than one From field"
    NO_DOMAIN = "the From field names no address with a domain"
    AMBIGUOUS = "the From field is written so that mail programs would show different addresses"
    TOO_MUCH = "the From field, or the header, is longer than what is looked at"


@dataclass(frozen=True, slots=True)
class Author:
    """``domains`` is empty exactly where there is a fault."""

    domains: tuple[str, ...]
    fault: AuthorFault | None = None


def find_author(fields: Sequence[Field]) -> Author:
    """``fields`` are those of ``headers.split_fields``."""
    values = [value for _, name, value in fields if name.lower() == b"from"]
    if len(values) > 1:
        return Author((), AuthorFault.SEVERAL_FROM)
    if len(fields) >= MAX_FIELDS:
        return Author((), AuthorFault.TOO_MUCH)
    if not values:
        return Author((), AuthorFault.NO_FROM)
    addresses = parse_address_list(values[0])
    if len(values[0]) > MAX_FIELD_OCTETS or len(addresses) >= MAX_ADDRESSES:
        return Author((), AuthorFault.TOO_MUCH)
    try:
        found = dict.fromkeys(filter(None, map(_domain, addresses)))
    except AddressProblem:
        return Author((), AuthorFault.AMBIGUOUS)
    if not found:
        return Author((), AuthorFault.NO_DOMAIN)
    if len(found) > MAX_AUTHOR_DOMAINS:
        return Author((), AuthorFault.TOO_MUCH)
    return Author(tuple(found))


def _domain(address: ListedAddress) -> str:
    """In A-labels; empty where there is none; raises AddressProblem where it is in doubt."""
    if not address.domain:
        return ""
    if address.route or b"@" in (address.local_part or b""):
        raise AddressProblem("an address stands inside another")
    try:
        domain = address.domain.decode("utf-8")
    except UnicodeDecodeError:
        raise AddressProblem("the domain is not UTF-8") from None
    check_domain(domain)
    return "" if domain.startswith("[") else normalise_domain(domain)
