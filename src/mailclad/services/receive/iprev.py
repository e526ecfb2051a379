"""iprev: whether an address and the names it claims agree (RFC 8601 §2.7.3, §3).

Comes in: the client's IP address and a resolver.  Goes out: a value for Authentication-Results
and Received.  Never raises.  A name that did not pass is a stranger's claim, to be shown, not
believed.  At most so many names are looked at.
"""

import asyncio
import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from mailclad.base.resolver import DnsProblem, Resolver

MAX_NAMES = 10
"""RFC 8601 §3 asks for a limit and names that of SPF (RFC 7208 §4.6.4)."""


class IprevResult(StrEnum):
    """The words of RFC 8601 §2.7.3."""

    PASS = "pass"  # noqa: S105 - a result, not a password
    FAIL = "fail"
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


@dataclass(frozen=True, slots=True)
class Iprev:
    """``name`` has proven itself if the result is ``pass``; else it is the first one claimed.

    ``reason`` is for people.
    """

    result: IprevResult
    name: str
    reason: str


async def check_iprev(resolver: Resolver, address: str) -> Iprev:
    """``address`` is an IP address as text; an IPv4 one in IPv6 clothes is the IPv4 address."""
    ip = plain_address(address)
    try:
        names = (await resolver.ptr(str(ip))).records[:MAX_NAMES]
    except DnsProblem as problem:
        return Iprev(IprevResult.TEMPERROR, "", str(problem))
    if not names:
        return Iprev(IprevResult.PERMERROR, "", f"{ip} has no name in the DNS")
    found = await asyncio.gather(*[_leads_back(resolver, name, ip) for name in names])
    if True in found:
        name = names[found.index(True)]
        return Iprev(IprevResult.PASS, name, f"{ip} is {name}")
    problems = [one for one in found if isinstance(one, DnsProblem)]
    if problems:
        return Iprev(IprevResult.TEMPERROR, names[0], str(problems[0]))
    return Iprev(IprevResult.FAIL, names[0], f"{ip} calls itself {names[0]}, which is elsewhere")


def plain_address(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Without a zone, and IPv4 where it came in IPv6 clothes (RFC 4291 §2.5.5.2)."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


async def _leads_back(
    resolver: Resolver, name: str, ip: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> bool | DnsProblem:
    try:
        answer = await resolver.addresses(name, ip.version)
    except DnsProblem as problem:
        return problem
    return any(ipaddress.ip_address(record) == ip for record in answer.records)
