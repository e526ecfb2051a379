"""Replies of strangers, octet by octet: read rightly or refused, never anything else."""

import contextlib
import struct
from typing import Any

import dns.flags
import dns.message
import dns.rrset
import pytest
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import Mx
from mailclad.engines.dns.message import (
    MAX_ALIASES,
    MAX_RECORDS,
    UDP_OCTETS,
    Unusable,
    belongs,
    make_question,
    read_answer,
    read_name,
    read_reply,
    write_name,
)


def name_of(text: str) -> Any:
    name = read_name(text)
    assert name is not None
    return name


NAME = name_of("mail.example.test")
QUESTION = make_question(NAME, RdataType.MX)


def reply(*records: str, rcode: Rcode = Rcode.NOERROR, soa: str = "") -> dns.message.Message:
    made = dns.message.make_response(QUESTION)
    made.set_rcode(rcode)
    for record in records:
        name, ttl, rdclass, rdtype, text = record.split(maxsplit=4)
        made.answer.append(dns.rrset.from_text(name, int(ttl), rdclass, rdtype, text))
    if soa:
        made.authority = [dns.rrset.from_text(soa, 900, "IN", "SOA", ". . 1 2 3 4 500")]
    return read_reply(made.to_wire(), QUESTION)


WHOLE = reply(
    "mail.example.test. 300 IN CNAME Other.example.test.",
    "other.example.test. 200 IN MX 10 mx.example.test.",
    "other.example.test. 200 IN TXT text",
).to_wire()


def test_the_question_wants_dnssec_in_a_datagram_that_is_not_cut_up() -> None:
    assert QUESTION.flags & dns.flags.RD
    assert QUESTION.flags & dns.flags.AD
    assert not QUESTION.flags & dns.flags.CD
    assert QUESTION.ednsflags & dns.flags.DO
    assert QUESTION.payload == UDP_OCTETS
    assert make_question(NAME, RdataType.MX, checked=False).flags & dns.flags.CD
    numbers = {make_question(NAME, RdataType.MX).id for _ in range(50)}
    assert len(numbers) > 40


def test_a_chain_in_one_reply() -> None:
    reading = read_answer(read_reply(WHOLE, QUESTION), NAME, RdataType.MX, MAX_ALIASES)
    assert reading.records == (Mx(10, "mx.example.test"),)
    assert (write_name(reading.name), reading.ttl, reading.aliases) == (
        "other.example.test",
        200,
        1,
    )


def read(message: dns.message.Message) -> tuple[bool, int, bool]:
    reading = read_answer(message, NAME, RdataType.MX, MAX_ALIASES)
    assert reading.records == ()
    return reading.exists, reading.ttl, reading.unfinished


def test_nothing_there_in_all_its_shapes() -> None:
    """RFC 2308 §2.1, §2.2: with an SOA, without, behind a CNAME, of a zone not above."""
    alias = "mail.example.test. 300 IN CNAME other.example.org."
    assert read(reply(soa="test.")) == (True, 500, False)
    assert read(reply(soa="elsewhere.")) == (True, 0, False)
    assert read(reply()) == (True, 0, False)
    assert read(reply(rcode=Rcode.NXDOMAIN, soa=".")) == (False, 500, False)
    assert read(reply(alias, soa="example.org.")) == (True, 300, False)
    assert read(reply(alias, rcode=Rcode.NXDOMAIN)) == (False, 0, False)
    assert read(reply(alias)) == (True, 300, True)


def test_records_of_a_name_that_does_not_exist_are_refused() -> None:
    message = reply("mail.example.test. 300 IN MX 1 a.test.", rcode=Rcode.NXDOMAIN)
    with pytest.raises(Unusable, match="does not exist"):
        read_answer(message, NAME, RdataType.MX, MAX_ALIASES)


def test_a_time_beyond_31_bits_is_none() -> None:
    """RFC 2181 §8."""
    octets = reply("mail.example.test. 300 IN MX 1 a.test.").to_wire()
    octets = octets.replace(struct.pack("!HHI", 15, 1, 300), struct.pack("!HHI", 15, 1, 1 << 31))
    reading = read_answer(read_reply(octets, QUESTION), NAME, RdataType.MX, MAX_ALIASES)
    assert reading.ttl == 0


def test_what_belongs_to_a_question() -> None:
    question = QUESTION.to_wire()
    assert belongs(WHOLE, question)
    assert belongs(WHOLE.replace(b"example", b"EXAMPLE"), question)
    assert not belongs(question, question)
    assert not belongs(WHOLE[:11], question)
    assert not belongs(b"", question)
    assert not belongs(bytes([WHOLE[0] ^ 1]) + WHOLE[1:], question)
    for other in (
        make_question(NAME, RdataType.TXT),
        make_question(name_of("x.test"), RdataType.MX),
    ):
        other.id = QUESTION.id
        assert not belongs(dns.message.make_response(other).to_wire(), question)


def test_a_nul_in_a_name_does_not_end_the_question() -> None:
    ask, other = (make_question(name_of(f"a\\000{x}.test"), RdataType.MX) for x in "bc")
    other.id = ask.id
    assert belongs(dns.message.make_response(ask).to_wire(), ask.to_wire())
    assert not belongs(dns.message.make_response(other).to_wire(), ask.to_wire())


def test_a_refusal_without_the_question_belongs() -> None:
    bare = dns.message.make_response(QUESTION)
    bare.question = []
    bare.set_rcode(Rcode.REFUSED)
    assert belongs(bare.to_wire(), QUESTION.to_wire())
    assert read_reply(bare.to_wire(), QUESTION).rcode() == Rcode.REFUSED
    bare.set_rcode(Rcode.NOERROR)
    with pytest.raises(Unusable, match="another question"):
        read_reply(bare.to_wire(), QUESTION)


def test_a_chain_of_pointers_is_refused() -> None:
    """Thousands of pointers, and each record's name walks through all of them."""
    octets = bytearray(QUESTION.to_wire()[:12] + b"\4mail\7example\4test\0\0\x0f\0\1")
    pointers, before, first = bytearray(), 12, len(octets) + 12
    while first + len(pointers) < 0x3F00:
        before, here = first + len(pointers), before
        pointers += struct.pack("!H", 0xC000 | here)
    octets += b"\xc0\x0c" + struct.pack("!HHIH", 65280, 1, 1, len(pointers)) + pointers
    record = struct.pack("!HHHIH", 0xC000 | before, 65280, 1, 1, 0)
    octets += record * (MAX_RECORDS - 1)
    octets[2:12] = struct.pack("!5H", 0x8180, 1, MAX_RECORDS - 1, 0, 0)
    with pytest.raises(Unusable):
        read_reply(bytes(octets), QUESTION)


def try_to_read(octets: bytes) -> None:
    """Nothing but Unusable may come out."""
    with contextlib.suppress(Unusable):
        read_answer(read_reply(octets, QUESTION), NAME, RdataType.MX, MAX_ALIASES)


@pytest.mark.parametrize("octet", [0, 1, 0x3F, 0x40, 0x80, 0xC0, 0xC1, 0xFF])
def test_each_octet_spoiled(octet: int) -> None:
    for at in range(len(WHOLE)):
        try_to_read(WHOLE[:at] + bytes([octet]) + WHOLE[at + 1 :])
        try_to_read(WHOLE[:at])


@given(st.binary(max_size=200), st.lists(st.integers(0, 400), min_size=4, max_size=4))
def test_garbage_behind_any_header(garbage: bytes, counts: list[int]) -> None:
    header = struct.pack("!6H", QUESTION.id, 0x8180, *counts)
    try_to_read(header + garbage)
    try_to_read(WHOLE[:35] + garbage)


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_none(text: str) -> None:
    name = read_name(text)
    if name is not None:
        written = write_name(name)
        assert written.isascii()
        assert written.isprintable()
        assert read_name(written) == name
