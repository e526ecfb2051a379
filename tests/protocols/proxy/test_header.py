"""The PROXY protocol's two headers, whole, cut and wrong."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.proxy.header import (
    MAX_OCTETS,
    V1_OCTETS,
    Header,
    ProxyProblem,
    read_header,
)

V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v1(source: str, to: str = "198.51.100.1", family: str = "TCP4") -> bytes:
    return f"PROXY {family} {source} {to} 4321 25\r\n".encode()


def v2(command: int, family: int, facts: bytes) -> bytes:
    return V2 + bytes([command, family]) + len(facts).to_bytes(2, "big") + facts


FOUR = ipaddress.ip_address("192.0.2.1").packed + b"\xc6\x33\x64\x01\x10\xe1\0\x19"
SIX = ipaddress.ip_address("2001:db8::1").packed * 2 + b"\x10\xe1\0\x19"


@pytest.mark.parametrize(
    ("octets", "source"),
    [
        (v1("192.0.2.1"), "192.0.2.1"),
        (v1("2001:db8::1", "2001:db8::2", "TCP6"), "2001:db8::1"),
        (b"PROXY UNKNOWN\r\n", ""),
        (b"PROXY UNKNOWN ffff::f ffff::f 65535 65535\r\n", ""),
        (v2(0x21, 0x11, FOUR), "192.0.2.1"),
        (v2(0x21, 0x21, SIX), "2001:db8::1"),
        (v2(0x21, 0x11, FOUR + b"\x03\0\x04abcd" * 100), "192.0.2.1"),
        (v2(0x20, 0x11, FOUR), ""),
        (v2(0x20, 0x00, b""), ""),
        (v2(0x21, 0x31, b"x" * 216), ""),
    ],
)
def test_headers_whole_and_at_every_cut(octets: bytes, source: str) -> None:
    behind = b"\x16\x03\x01EHLO x\r\n"
    assert read_header(octets + behind) == Header(source, len(octets))
    assert [read_header(octets[:cut]) for cut in range(len(octets))] == [None] * len(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO x\r\n",
        b"PROXX",
        b"\r\n\r\n\0\r\nQUIX",
        b"PROXY TCP4 192.0.2.1\r\n",
        b"PROXY TCP4 192.0.2.999 192.0.2.1 1 2\r\n",
        v1("2001:db8::1"),
        b"PROXY TCP4 " + b"1" * V1_OCTETS,
        b"PROXY UNKNOWN " + b"x" * V1_OCTETS + b"\r\n",
        v2(0x31, 0x11, FOUR),
        v2(0x22, 0x11, FOUR),
        v2(0x21, 0x21, FOUR),
        V2 + b"\x21\x11" + (MAX_OCTETS - 15).to_bytes(2, "big"),
    ],
)
def test_what_is_no_header_is_a_problem(octets: bytes) -> None:
    with pytest.raises(ProxyProblem):
        read_header(octets)


@given(st.sampled_from([b"", b"PROXY ", V2, V2 + b"\x21\x11\0\x0c"]), st.binary(max_size=200))
def test_any_octets_are_a_header_a_problem_or_too_few(start: bytes, octets: bytes) -> None:
    try:
        header = read_header(start + octets)
    except ProxyProblem:
        return
    if header is not None:
        assert header.octets <= len(start + octets)
        assert header.source == "" or str(ipaddress.ip_address(header.source))
