"""Replies of strangers on their way through the whole validation, octet by octet and at length."""

import asyncio
import contextlib
import struct
import time
from dataclasses import replace

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.resolver import DnsProblem
from mailclad.engines.dns.answer import MAX_ALIASES, Reading, read_answer
from mailclad.engines.dns.dnssec.records import read_dnskey
from mailclad.engines.dns.dnssec.validator import Validator
from mailclad.engines.dns.message import (
    MAX_RECORDS,
    Kind,
    Reply,
    Unusable,
    make_question,
    read_reply,
)
from tests.dns.signing import NOW, SignedDns, SignedZone
from tests.engines.dns.replies import name_of

ZONES = [
    SignedZone("", {}),
    SignedZone(
        "test",
        {
            "mx.test": {"MX": ["10 mx.test."]},
            "alias.test": {"CNAME": ["mx.test."]},
            "*.wild.test": {"MX": ["10 mx.test."]},
        },
    ),
]
SERVER = SignedDns(signed=ZONES)
KEYS = [
    (b"\0", Kind.DNSKEY),
    (b"\0", Kind.TLSA),
    (name_of("test"), Kind.DS),
    (name_of("test"), Kind.DNSKEY),
]
KNOWN: dict[tuple[bytes, Kind], tuple[bytes, bytes]] = {}


def exchange(name: bytes, kind: Kind) -> tuple[bytes, bytes]:
    """A question and the octets of its reply, which are made once."""
    if (name, kind) not in KNOWN:
        question = make_question(name, kind, checked=False)
        reply = SERVER.answer(dns.message.from_wire(question), udp=False)
        KNOWN[name, kind] = question, reply.to_wire()
    return KNOWN[name, kind]


async def ask(name: bytes, kind: Kind) -> Reply:
    question, octets = exchange(name, kind)
    return read_reply(octets, question)


def validator() -> Validator:
    return Validator(ask, ZONES[0].anchors, insist=True, clock=lambda: NOW, monotonic=lambda: NOW)


async def judge(
    judging: Validator, octets: bytes, question: bytes, name: bytes
) -> tuple[Reading, bool]:
    reply = read_reply(octets, question)
    reading = read_answer(reply, name, Kind.MX, MAX_ALIASES)
    secure, _ = await judging.judge(reply, Kind.MX, reading)
    return replace(reading, ttl=0), secure


@pytest.mark.slow
@pytest.mark.parametrize("text", ["mx.test", "alias.test", "a.wild.test", "nobody.test", "test"])
def test_no_octet_changes_what_is_secure(text: str) -> None:
    """Each octet of a reply spoiled in three ways: it is refused, or means the same.

    Or no more than that there is a CNAME: what it leads to is then asked for by itself.
    """
    name = name_of(text)
    question, octets = exchange(name, Kind.MX)

    async def run() -> None:
        judging = validator()
        right, secure = await judge(judging, octets, question, name)
        assert secure
        refused = 0
        for at in range(2, len(octets)):
            for flip in (0x01, 0x20, 0x80):
                spoiled = octets[:at] + bytes([octets[at] ^ flip]) + octets[at + 1 :]
                try:
                    found, secure = await judge(judging, spoiled, question, name)
                    assert secure
                    assert found == right or found.unfinished
                except (Unusable, DnsProblem):
                    refused += 1
        assert refused > len(octets)

    asyncio.run(run())


@pytest.mark.slow
@given(st.data())
def test_any_octets_in_place_of_any_reply(data: st.DataObject) -> None:
    """Also of those with keys: nothing but the two problems that are expected."""
    name = name_of("alias.test")
    question, octets = exchange(name, Kind.MX)
    victim = data.draw(st.sampled_from([(name, Kind.MX), *KEYS]))
    right = exchange(*victim)[1]
    start = data.draw(st.integers(12, len(right)))
    stop = data.draw(st.integers(start, len(right)))
    spoiled = right[:start] + data.draw(st.binary(max_size=60)) + right[stop:]

    async def ask_spoiled(name: bytes, kind: Kind) -> Reply:
        asked, octets = exchange(name, kind)
        return read_reply(spoiled if (name, kind) == victim else octets, asked)

    async def run() -> None:
        judging = Validator(
            ask_spoiled, ZONES[0].anchors, insist=True, clock=lambda: NOW, monotonic=lambda: NOW
        )
        here = spoiled if victim == (name, Kind.MX) else octets
        with contextlib.suppress(Unusable, DnsProblem):
            await judge(judging, here, question, name)

    asyncio.run(run())


def record(owner: bytes, kind: Kind, data: bytes) -> bytes:
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def rrsig(kind: Kind, key_tag: int, octets: int) -> bytes:
    times = struct.pack("!IIIH", 60, NOW + 99, NOW - 99, key_tag)
    return struct.pack("!HBB", kind, 15, 1) + times + name_of("test") + bytes(octets)


def costs(records: list[bytes]) -> float:
    """Seconds of computing for a reply with these in authority, which must be refused."""
    name = name_of("nobody.test")
    question = make_question(name, Kind.MX, checked=False)
    header = question[:2] + struct.pack("!5H", 0x8183, 1, 0, len(records), 0)
    octets = header + question[12:-11] + b"".join(records)
    assert len(octets) < 65536

    async def run() -> float:
        judging = validator()
        right = exchange(name_of("mx.test"), Kind.MX)
        await judge(judging, right[1], right[0], name_of("mx.test"))
        began = time.thread_time()
        with pytest.raises((DnsProblem, Unusable)):
            await judge(judging, octets, question, name)
        return time.thread_time() - began

    return asyncio.run(run())


def test_the_costliest_replies_are_cheap() -> None:
    """64 KB each; the limits themselves are tested where they stand, this is for the rest."""
    key = read_dnskey(ZONES[1].key.to_wire() or b"")
    assert key is not None
    owner = name_of("test")
    nsec = b"\0" + b"\0\x06\x40\x01\0\0\0\x03"
    signatures = [record(owner, Kind.RRSIG, rrsig(Kind.NSEC, key.key_tag, 64))] * 500
    maps = b"\0" + b"".join([bytes([window % 256, 32]) + bytes(32) for window in range(1800)])
    for records in (
        [record(owner, Kind.NSEC, nsec), *signatures],
        [record(owner, Kind.NSEC, maps), *signatures[:10]],
        [record(owner, Kind.RRSIG, rrsig(Kind.NSEC, n, 20)) for n in range(MAX_RECORDS - 1)],
    ):
        assert costs(records) < 0.2
