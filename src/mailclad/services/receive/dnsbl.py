"""DNS block lists: whether an address is listed, read rightly (RFC 5782).

Comes in: the client's IP address, the lists an administrator chose, a resolver.  Goes out: a
value for each list, and the sum of the weights of those that list it.  Never raises.  Only an
answer within 127.0.0.0/8 is a listing; 127.255.255.0/24 says that our use of the list is wrong
(a public resolver, too many questions), 127.0.0.1 that questions are refused (a list never has
an entry for it, §5), and anything else that the list's domain is somebody else's now.  The
reason in TXT is a stranger's text: it comes in printable ASCII, cut.
"""

import asyncio
import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.resolver import DnsProblem, Resolver
from mailclad.services.receive.iprev import plain_address

MAX_REASON = 300
"""Characters of a list's reason: a sentence and a link; a line of an SMTP reply holds 512."""

_CODES = ipaddress.ip_network("127.0.0.0/8")
_ERRORS = ipaddress.ip_network("127.255.255.0/24")
_REFUSED = ipaddress.ip_address("127.0.0.1")
_UNPRINTABLE = re.compile(r"[^ -~]")


@dataclass(frozen=True, slots=True)
class DnsList:
    """``zone`` as the list's publisher names it, such as bl.example.org."""

    zone: str
    weight: int = 1


class ListState(StrEnum):
    """``WRONG``: the list cannot be used like this, and says so; ``UNKNOWN``: no answer now."""

    LISTED = "listed"
    NOT_LISTED = "not listed"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ListAnswer:
    """``codes`` are the list's addresses in 127.0.0.0/8; ``reason`` is for people."""

    dns_list: DnsList
    state: ListState
    codes: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Listings:
    """One answer for each list, in their order."""

    answers: tuple[ListAnswer, ...]

    @property
    def listed(self) -> tuple[ListAnswer, ...]:
        return tuple([answer for answer in self.answers if answer.state is ListState.LISTED])

    @property
    def weight(self) -> int:
        return sum(answer.dns_list.weight for answer in self.listed)


async def check_lists(resolver: Resolver, address: str, lists: Sequence[DnsList]) -> Listings:
    """Ask all lists at the same time; ``address`` is an IP address as text."""
    asked = list_name(address)
    answers = await asyncio.gather(*[_ask(resolver, asked, one) for one in lists])
    return Listings(tuple(answers))


def list_name(address: str) -> str:
    """The octets or nibbles, reversed, that stand before a list's zone (RFC 5782 §2.1, §2.4)."""
    reverse, _, _ = plain_address(address).reverse_pointer.rpartition(".")  # arpa
    name, _, _ = reverse.rpartition(".")  # in-addr, ip6
    return name


async def _ask(resolver: Resolver, asked: str, dns_list: DnsList) -> ListAnswer:
    name = f"{asked}.{dns_list.zone}"
    try:
        answer = await resolver.addresses(name, 4)
    except DnsProblem as problem:
        return ListAnswer(dns_list, ListState.UNKNOWN, reason=str(problem))
    codes = tuple([record for record in answer.records if _is_code(record)])
    if codes:
        reason = await _reason(resolver, name)
        return ListAnswer(dns_list, ListState.LISTED, codes, reason)
    if answer.records:
        return ListAnswer(dns_list, ListState.WRONG, reason=_wrong(dns_list, answer.records[0]))
    return ListAnswer(dns_list, ListState.NOT_LISTED)


def _is_code(record: str) -> bool:
    ip = ipaddress.ip_address(record)
    return ip in _CODES and ip not in _ERRORS and ip != _REFUSED


def _wrong(dns_list: DnsList, record: str) -> str:
    if ipaddress.ip_address(record) in _CODES:
        return (
            f"{dns_list.zone} refuses our questions (it answers {record}): ask it through your "
            "own resolver, not a public one, and see the list's terms of use"
        )
    return (
        f"{dns_list.zone} answers {record}, which no block list does: its domain may have gone "
        "to somebody else; remove it from the configuration"
    )


async def _reason(resolver: Resolver, name: str) -> str:
    """The list's own words; "" where it has none or they cannot be had now."""
    try:
        texts = (await resolver.txt(name)).records
    except DnsProblem:
        return ""  # a listing is one without its reason too
    return _UNPRINTABLE.sub("?", texts[0][:MAX_REASON].decode("latin-1")) if texts else ""
