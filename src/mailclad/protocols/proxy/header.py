"""The header before a proxied connection (HAProxy's PROXY protocol, versions 1 and 2).

https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt

In come the first octets of a connection from a proxy that is trusted to tell the truth; out
comes a ``Header``, None while it is not whole, or ``ProxyProblem``.  Versions need not be
agreed on: their beginnings differ.  Limits: 107 octets in version 1 (its own), ``MAX_OCTETS`` in
version 2; additional facts (TLVs) are passed over.
"""

import ipaddress
import re
from dataclasses import dataclass

V1_OCTETS = 107
"""§2.1: the longest line, CRLF included."""

MAX_OCTETS = 4 * 1024
"""Version 2 could have 64 KiB; with every TLV that is defined it stays below one."""

_V1 = b"PROXY "
_V2 = b"\r\n\r\n\0\r\nQUIT\n"
_V2_HEAD = len(_V2) + 4
_V1_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [ -~]*)?|TCP([46]) ([0-9A-Fa-f.:]{2,39}) ([0-9A-Fa-f.:]{2,39})"
    rb" ([0-9]{1,5}) ([0-9]{1,5}))"
)
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESS_OCTETS = {0x11: 4, 0x21: 16}
"""TCP over IPv4 and IPv6; of other families the address is not told."""


class ProxyProblem(Exception):
    """These octets are no such header; says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """``source`` is the client's IP address, "" where the proxy speaks for itself.

    ``octets`` is how many the header has; the client's own begin there.
    """

    source: str
    octets: int


def read_header(received: bytes) -> Header | None:
    """None: more octets are needed."""
    if received.startswith(_V2[: len(received)]):
        return _read_v2(received) if len(received) >= _V2_HEAD else None
    if received.startswith(_V1[: len(received)]):
        return _read_v1(received)
    raise ProxyProblem("the connection does not begin with a PROXY header")


def _read_v1(received: bytes) -> Header | None:
    end = received.find(b"\r\n", 0, V1_OCTETS)
    if end < 0:
        if len(received) >= V1_OCTETS:
            raise ProxyProblem("the line of the PROXY header has no end")
        return None
    found = _V1_LINE.fullmatch(received, 0, end)
    if found is None:
        raise ProxyProblem("the line of the PROXY header cannot be read")
    if found[1] is None:
        return Header("", end + 2)
    try:
        source = ipaddress.ip_address(found[2].decode())
    except ValueError:
        raise ProxyProblem("the PROXY header has no IP address in it") from None
    if source.version != int(found[1]):
        raise ProxyProblem("the PROXY header has an address of another kind than it says")
    return Header(str(source), end + 2)


def _read_v2(received: bytes) -> Header | None:
    command, family = received[len(_V2)], received[len(_V2) + 1]
    octets = _V2_HEAD + int.from_bytes(received[len(_V2) + 2 : _V2_HEAD], "big")
    if command not in (_LOCAL, _PROXY):
        raise ProxyProblem("the PROXY header is of a version or command that is not known")
    if octets > MAX_OCTETS:
        raise ProxyProblem(f"the PROXY header is longer than {MAX_OCTETS} octets")
    if len(received) < octets:
        return None
    size = _ADDRESS_OCTETS.get(family)
    if command == _LOCAL or size is None:
        return Header("", octets)
    if octets < _V2_HEAD + 2 * size + 4:
        raise ProxyProblem("the PROXY header is shorter than its addresses")
    return Header(str(ipaddress.ip_address(received[_V2_HEAD : _V2_HEAD + size])), octets)
