"""Replies of strangers, octet by octet: where their records stand, or refused."""

import contextlib
import struct

import dns.flags
import dns.message
import dns.rrset
import pytest
from dns.rcode import Rcode
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.dns.message import (
    MAX_POINTERS,
    MAX_RECORDS,
    UDP_OCTETS,
    Kind,
    Unusable,
    belongs,
    is_truncated,
    make_question,
    read_reply,
    read_wire_name,
)
from tests.engines.dns.replies import NAME, QUESTION, THEIRS, name_of, reply_octets

WHOLE = reply_octets(
    "mail.example.test. 300 IN CNAME Other.example.test.",
    "other.example.test. 200 IN MX 10 mx.example.test.",
    "other.example.test. 200 IN TXT text",
)


def test_the_question_wants_dnssec_in_a_datagram_that_is_not_cut_up() -> None:
    assert THEIRS.question[0].to_text() == "mail.example.test. IN MX"
    assert THEIRS.flags == dns.flags.RD | dns.flags.AD
    assert THEIRS.ednsflags == dns.flags.DO
    assert THEIRS.payload == UDP_OCTETS
    unchecked = dns.message.from_wire(make_question(NAME, Kind.MX, checked=False))
    assert unchecked.flags == dns.flags.RD | dns.flags.AD | dns.flags.CD
    numbers = {make_question(NAME, Kind.MX)[:2] for _ in range(50)}
    assert len(numbers) > 40


def test_records_are_found_where_they_stand() -> None:
    reply = read_reply(WHOLE, QUESTION)
    found = reply.answers[name_of("other.example.test"), Kind.TXT]
    assert [(one.ttl, WHOLE[one.start : one.end]) for one in found] == [(200, b"\4text")]
    assert (reply.rcode, reply.authentic, len(reply.answers)) == (0, False, 3)


def test_an_extended_rcode() -> None:
    """RFC 6891 §6.1.3: BADVERS is 16, in two pieces."""
    theirs = dns.message.make_response(THEIRS)
    theirs.set_rcode(Rcode.BADVERS)
    assert read_reply(theirs.to_wire(), QUESTION).rcode == 16


def test_a_time_beyond_31_bits_is_none() -> None:
    """RFC 2181 §8."""
    octets = WHOLE.replace(struct.pack("!HHI", 16, 1, 200), struct.pack("!HHI", 16, 1, 1 << 31))
    reply = read_reply(octets, QUESTION)
    assert reply.answers[name_of("other.example.test"), Kind.TXT][0].ttl == 0


def test_what_belongs_to_a_question() -> None:
    assert belongs(WHOLE, QUESTION)
    assert belongs(WHOLE.replace(b"example", b"EXAMPLE"), QUESTION)
    assert not belongs(QUESTION, QUESTION)
    assert not belongs(WHOLE[:11], QUESTION)
    assert not belongs(WHOLE[:20], QUESTION)
    assert not belongs(b"", QUESTION)
    assert not belongs(bytes([WHOLE[0] ^ 1]) + WHOLE[1:], QUESTION)
    assert not belongs(WHOLE[:2] + bytes([WHOLE[2] | 0x10]) + WHOLE[3:], QUESTION)
    assert not belongs(WHOLE[:5] + b"\2" + WHOLE[6:], QUESTION)
    for other in (make_question(NAME, Kind.TXT), make_question(name_of("x.test"), Kind.MX)):
        theirs = dns.message.make_response(dns.message.from_wire(QUESTION[:2] + other[2:]))
        assert not belongs(theirs.to_wire(), QUESTION)


def test_a_nul_in_a_name_does_not_end_the_question() -> None:
    ask, other = (make_question(name_of(f"a\\000{x}.test"), Kind.MX) for x in "bc")
    assert belongs(dns.message.make_response(dns.message.from_wire(ask)).to_wire(), ask)
    wrong = dns.message.make_response(dns.message.from_wire(ask[:2] + other[2:]))
    assert not belongs(wrong.to_wire(), ask)


def test_only_a_refusal_may_leave_the_question_out() -> None:
    bare = dns.message.make_response(THEIRS)
    bare.question = []
    for rcode in (Rcode.REFUSED, Rcode.SERVFAIL, Rcode.FORMERR):
        bare.set_rcode(rcode)
        assert belongs(bare.to_wire(), QUESTION)
        assert read_reply(bare.to_wire(), QUESTION).rcode == rcode
    for rcode in (Rcode.NOERROR, Rcode.NXDOMAIN):
        bare.set_rcode(rcode)
        assert not belongs(bare.to_wire(), QUESTION)


def test_a_cut_reply_says_so() -> None:
    assert not is_truncated(WHOLE)
    assert is_truncated(WHOLE[:2] + bytes([WHOLE[2] | 2]) + WHOLE[3:])


# --- hostile


def test_records_are_counted_before_they_are_read() -> None:
    with pytest.raises(Unusable, match="more than 1000"):
        read_reply(WHOLE[:6] + struct.pack("!3H", 1, 0, MAX_RECORDS) + WHOLE[12:], QUESTION)


def test_a_record_that_breaks_off_at_the_end() -> None:
    octets = reply_octets("mail.example.test. 60 IN TXT abcdefgh")[:-11]  # without OPT
    octets = octets[:10] + b"\0\0" + octets[12:]
    assert read_reply(octets, QUESTION).answers
    for at in range(35, len(octets)):
        with pytest.raises(Unusable, match="breaks off"):
            read_reply(octets[:at], QUESTION)


def chain(pointers: int) -> bytes:
    """A name of so many pointers, each to the one before it."""
    return b"\0" + b"".join(struct.pack("!H", 0xC000 | max(0, 2 * n - 1)) for n in range(pointers))


def test_pointers_in_a_row_have_a_limit() -> None:
    octets = chain(MAX_POINTERS)
    assert read_wire_name(octets, len(octets) - 2) == (b"\0", len(octets))
    octets = chain(MAX_POINTERS + 1)
    with pytest.raises(Unusable, match="compressed"):
        read_wire_name(octets, len(octets) - 2)


@pytest.mark.parametrize(
    ("octets", "at"),
    [
        (b"\xc0\x00", 0),  # to itself
        (b"\1a\xc0\x00", 0),  # into itself
        (b"\xc0\x02\0", 0),  # forward
        (b"\xc0\x02\xc0\x00", 2),  # to and fro
        (b"\1a\1b\xc0\x00", 2),  # back over itself
        (b"\xc0\x02\0\xc0\x00", 3),  # back, then forward again
    ],
)
def test_pointers_only_lead_back(octets: bytes, at: int) -> None:
    with pytest.raises(Unusable, match="compressed"):
        read_wire_name(octets, at)


def test_names_have_a_limit() -> None:
    longest = b"\1x" * 127 + b"\0"
    assert read_wire_name(longest, 0) == (longest, 255)
    for octets in (b"\1x" * 128 + b"\0", b"\x3f" + b"y" * 63 + b"\1x" * 127 + b"\0"):
        with pytest.raises(Unusable, match="too long"):
            read_wire_name(octets, 0)
    for kind in (0x40, 0x80):
        with pytest.raises(Unusable, match="unknown type"):
            read_wire_name(bytes([kind]) + b"x" * 200, 0)


def try_to_read(octets: bytes) -> None:
    """Nothing but Unusable may come out."""
    if belongs(octets, QUESTION):
        with contextlib.suppress(Unusable):
            read_reply(octets, QUESTION)


@pytest.mark.parametrize("octet", [0, 1, 0x3F, 0x40, 0x80, 0xC0, 0xC1, 0xFF])
def test_no_spoiled_octet_makes_it_raise(octet: int) -> None:
    for at in range(len(WHOLE)):
        try_to_read(WHOLE[:at] + bytes([octet]) + WHOLE[at + 1 :])
        try_to_read(WHOLE[:at])


@given(st.binary(max_size=200), st.lists(st.integers(0, 400), min_size=3, max_size=3))
def test_no_garbage_behind_any_counts_makes_it_raise(garbage: bytes, counts: list[int]) -> None:
    try_to_read(WHOLE[:6] + struct.pack("!3H", *counts) + WHOLE[12:35] + garbage)
    try_to_read(WHOLE[:60] + garbage)
