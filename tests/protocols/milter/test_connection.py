"""The milter engine reads the same whatever way its octets are cut, and refuses all else."""

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.milter.agreement import OFFERED_ACTIONS, OFFERED_STEPS
from mailclad.protocols.milter.answer import (
    AddField,
    AddRecipient,
    Answer,
    ChangeField,
    ChangeSender,
    DeleteRecipient,
    InsertField,
    Progress,
    Quarantine,
    ReplaceBody,
    Verdict,
    read_answer,
)
from mailclad.protocols.milter.connection import Ask, MilterConnection, connection_facts
from mailclad.protocols.milter.packet import (
    PACKET_OCTETS,
    Nonsense,
    Packet,
    PacketReader,
    split_strings,
    strings,
)
from mailclad.protocols.smtp.reply import Reply
from tests.filters.scripted import choice, packet

LETTERS = st.sampled_from([bytes([n]) for n in range(256)])
PACKETS = st.lists(st.builds(Packet, LETTERS, st.binary(max_size=40)), max_size=8)

SAID: list[tuple[bytes, Answer]] = [
    (packet(b"p"), Progress.PROGRESS),
    (packet(b"h", b"A\0b\0"), AddField(b"A", b"b")),
    (packet(b"h", b"A\0\0"), AddField(b"A", b"")),
    (packet(b"h", b"A\0"), AddField(b"A", b"")),
    (packet(b"i", b"\0\0\1\0A\0b"), InsertField(256, b"A", b"b")),
    (packet(b"m", b"\0\0\0\2A\0\0"), ChangeField(2, b"A", b"")),
    (packet(b"b", b"x\0y"), ReplaceBody(b"x\0y")),
    (packet(b"+", b"<a@b>\0"), AddRecipient(b"<a@b>")),
    (packet(b"2", b"<a@b>\0X=1\0"), AddRecipient(b"<a@b>")),
    (packet(b"-", b"<a@b>\0"), DeleteRecipient(b"<a@b>")),
    (packet(b"e", b"<>\0SIZE=1\0"), ChangeSender(b"<>")),
    (packet(b"q", b"why\0"), Quarantine(b"why")),
    (packet(b"y", b"451 4.2.0 Later\0"), Reply(451, "4.2.0", "Later")),
    (packet(b"y", b"554 no\0"), Reply(554, "5.7.1", "no")),
    (packet(b"y", b"554 4.1.1 two minds\0"), Reply(554, "5.7.1", "two minds")),
    (packet(b"y", b"550\0"), Reply(550, "5.7.1", "Refused by a filter")),
    (packet(b"c"), Verdict.CONTINUE),
]


def agreed(offer: bytes = choice(steps=0x400)) -> MilterConnection:
    connection = MilterConnection()
    connection.receive_data(offer)
    assert connection.agreed()
    return connection


def at_the_end() -> MilterConnection:
    connection = agreed()
    connection.ask(Ask.END_OF_MESSAGE)
    return connection


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(octets), *(place % (len(octets) + 1) for place in places)})
    return [octets[a:b] for a, b in itertools.pairwise(edges)]


def test_the_offer() -> None:
    assert MilterConnection().start() == choice(6, OFFERED_ACTIONS, OFFERED_STEPS)
    assert (OFFERED_ACTIONS, OFFERED_STEPS) == (0xFF, 0x1FF7FF)


@given(PACKETS, st.lists(st.integers(0, 400)))
def test_packets_survive_any_cut(packets: list[Packet], places: list[int]) -> None:
    reader = PacketReader()
    read: list[Packet] = []
    for piece in cut(b"".join(each.encode() for each in packets), places):
        reader.receive_data(piece)
        while (found := reader.next_packet()) is not None:
            read.append(found)
    assert read == packets


@pytest.mark.parametrize(("octets", "answer"), SAID)
def test_answers(octets: bytes, answer: Answer) -> None:
    connection = at_the_end()
    connection.receive_data(octets)
    assert connection.next_answer() == answer
    assert connection.next_answer() is None


@given(st.lists(st.integers(0, 400)))
def test_answers_survive_any_cut(places: list[int]) -> None:
    connection = at_the_end()
    read: list[Answer] = []
    for piece in cut(b"".join(octets for octets, _ in SAID), places):
        connection.receive_data(piece)
        while (found := connection.next_answer()) is not None:
            read.append(found)
    assert read == [answer for _, answer in SAID]


@given(st.binary(max_size=60), st.sampled_from(Ask))
def test_whatever_comes_is_an_answer_or_nonsense(octets: bytes, ask: Ask) -> None:
    connection = agreed()
    connection.ask(ask)
    connection.receive_data(octets)
    with contextlib.suppress(Nonsense):
        while connection.next_answer() is not None:
            pass


@given(LETTERS, st.binary(max_size=60))
def test_every_packet_is_an_answer_or_nonsense(letter: bytes, rest: bytes) -> None:
    with contextlib.suppress(Nonsense):
        answer = read_answer(Packet(letter, rest))
        if isinstance(answer, Reply):
            assert 400 <= answer.code < 600
            for line in answer.encode().split(b"\r\n")[:-1]:
                assert line.isascii()
                assert len(line) <= 510
                assert not any(octet < 32 for octet in line)


@pytest.mark.parametrize("length", [0, PACKET_OCTETS + 1, 2**32 - 1])
def test_a_length_that_no_packet_has_is_refused_before_it_is_read(length: int) -> None:
    reader = PacketReader()
    reader.receive_data(length.to_bytes(4, "big"))
    with pytest.raises(Nonsense, match=f"a packet of {length} octets"):
        reader.next_packet()


def test_a_reply_has_a_limited_number_of_lines() -> None:
    answer = read_answer(Packet(b"y", b"550-5.7.1 x\r\n" * 100))
    assert isinstance(answer, Reply)
    assert answer.text.count("\n") == 31


@given(st.lists(st.binary(max_size=9).map(lambda octets: octets.replace(b"\0", b""))))
def test_strings(values: list[bytes]) -> None:
    assert split_strings(strings(values)) == values


def test_an_octet_of_0_cannot_end_a_string_early() -> None:
    assert strings([b"a\0b"]) == b"ab\0"


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ("192.0.2.7", b"x\x004\0\x00192.0.2.7\0"),
        ("2001:db8::1", b"x\x006\0\x002001:db8::1\0"),
        ("", b"x\0U"),
    ],
)
def test_who_connects(peer: str, expected: bytes) -> None:
    assert connection_facts("x", peer) == expected


def test_macros_come_before_their_question() -> None:
    macros = {"j": "mx", "long_name": "x\0y", "empty": ""}
    question = agreed().ask(Ask.HELLO, b"name\0", macros)
    assert question.answered
    assert question.octets == packet(b"D", b"Hj\0mx\0{long_name}\0xy\0") + packet(b"H", b"name\0")


def test_skip_belongs_to_the_body() -> None:
    connection = agreed()
    connection.ask(Ask.BODY)
    connection.receive_data(packet(b"s"))
    assert connection.next_answer() is Verdict.SKIP
    connection.ask(Ask.FIELD)
    connection.receive_data(packet(b"s"))
    with pytest.raises(Nonsense):
        connection.next_answer()
