"""Replies from octets: RFC 5321 §4.2, and servers that keep to nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.smtp.client.server_reply import (
    LINE_OCTETS,
    REPLY_LINES,
    TEXT_CHARACTERS,
    ReplyProblem,
    ReplyReader,
    ServerReply,
)


def read(*pieces: bytes) -> list[ServerReply]:
    reader = ReplyReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while (reply := reader.next_reply()) is not None:
            found.append(reply)
    return found


@pytest.mark.rfc("5321", "4.2.1")
def test_several_lines_and_several_replies() -> None:
    octets = b"250-First line\r\n250-Second\r\n250-234 Text beginning with numbers\r\n250 Last\r\n"
    one, two = read(octets + b"354 go\r\n")
    assert one.code == 250
    assert one.lines[2] == "234 Text beginning with numbers"
    assert two == ServerReply(354, ("go",))
    assert read(*(bytes((o,)) for o in octets)) == [one]


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"250\r\n", ServerReply(250, ("",))),
        (b"250 ok\n", ServerReply(250, ("ok",))),
        (b"250 \r\n", ServerReply(250, ("",))),
        (b"550 gr\xfc\xdfe\r\n", ServerReply(550, ("gr��e",))),
        (b"550 \x1b[31mred\x07\r\n", ServerReply(550, (" [31mred",))),
        (b"550 a\rb\r\n", ServerReply(550, ("a b",))),
    ],
)
def test_what_is_unusual_and_clear(line: bytes, reply: ServerReply) -> None:
    assert read(line) == [reply]


@pytest.mark.parametrize(
    "line",
    [
        b"250ok\r\n", b"hello\r\n", b"\r\n", b"25 ok\r\n", b"150 ok\r\n", b"650 ok\r\n",
        b"299 ok\r\n", b"\xff\xfe\r\n", b"HTTP/1.1 200 OK\r\n", b"250\tok\r\n", b" 250 ok\r\n",
        b"250-a\r\n251 b\r\n", b"250-a\r\nb\r\n",
    ],
)  # fmt: skip
def test_what_is_no_reply(line: bytes) -> None:
    with pytest.raises(ReplyProblem):
        read(line)


def test_a_line_without_end() -> None:
    with pytest.raises(ReplyProblem, match="line that does not end"):
        read(b"220 " + b"x" * LINE_OCTETS)
    with pytest.raises(ReplyProblem, match="line that does not end"):
        read(b"220 " + b"x" * LINE_OCTETS + b"\r\n")


def test_a_reply_without_end() -> None:
    with pytest.raises(ReplyProblem, match="reply does not end"):
        read(b"250-x\r\n" * (REPLY_LINES + 1))
    with pytest.raises(ReplyProblem, match="reply does not end"):
        read((b"250-" + b"x" * 4_000 + b"\r\n") * 20)


@pytest.mark.rfc("2034", "4")
@pytest.mark.parametrize(
    ("line", "status", "text"),
    [
        (b"550 5.1.1 nobody\r\n", "5.1.1", "nobody"),
        (b"550 5.1.1\r\n", "5.1.1", ""),
        (b"550 2.1.1 nobody\r\n", "", "2.1.1 nobody"),
        (b"550 5.1.1nobody\r\n", "", "5.1.1nobody"),
        (b"550-5.1.1 no\r\n550 5.1.1 body\r\n", "5.1.1", "no\nbody"),
        (b"450 4.7.1000 x\r\n", "", "4.7.1000 x"),
    ],
)
def test_enhanced_status_codes(line: bytes, status: str, text: str) -> None:
    (reply,) = read(line)
    assert (reply.status, reply.text) == (status, text)


def test_a_long_text_is_cut() -> None:
    (reply,) = read((b"550-" + b"x" * 1_000 + b"\r\n") * 9 + b"550 x\r\n")
    assert len(reply.text) == TEXT_CHARACTERS


@given(st.lists(st.binary(max_size=40)))
def test_any_octets_at_all(pieces: list[bytes]) -> None:
    reader = ReplyReader()
    try:
        for piece in pieces:
            reader.feed(piece)
            while (reply := reader.next_reply()) is not None:
                assert 200 <= reply.code < 560
                assert all(line.isprintable() for line in reply.lines)
    except ReplyProblem:
        pass
