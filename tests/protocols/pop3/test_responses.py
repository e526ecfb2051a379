"""What is sent can be read back: dots are doubled and undone, wherever the octets are cut."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.pop3.responses import Begin, DotStuffer, Listing, Reply

MESSAGE = st.lists(
    st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"a", b"\r\n.\r\n", b"\n.\r\n"])
).map(b"".join)


def stuffed(message: bytes, cuts: list[int]) -> bytes:
    dots = DotStuffer()
    bounds = [0, *sorted(cuts), len(message)]
    pieces = [message[a:b] for a, b in itertools.pairwise(bounds)]
    return b"".join(map(dots.stuff, pieces)) + dots.end()


@given(MESSAGE, st.data())
def test_a_client_that_reads_lines_gets_the_message_back(
    message: bytes, data: st.DataObject
) -> None:
    """As poplib reads: a line ends with LF, a dot is taken off, a dot alone is the end."""
    cuts = data.draw(st.lists(st.integers(0, len(message)), max_size=5))
    lines = stuffed(message, cuts).split(b"\n")
    end = next(at for at, line in enumerate(lines) if line.removesuffix(b"\r") == b".")

    got = b"\n".join(line[1:] if line.startswith(b".") else line for line in lines[:end])
    assert lines[end:] == [b".\r", b""], "nothing in the message ended it early"
    assert got.removesuffix(b"\r") in {message.removesuffix(b"\r\n"), message}


@given(MESSAGE, st.data())
def test_cuts_do_not_matter(message: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(message)), max_size=5))

    assert stuffed(message, cuts) == stuffed(message, [])


def test_replies() -> None:
    assert Reply(True, "done").encode() == b"+OK done\r\n"
    assert Reply(False, "busy", "IN-USE").encode() == b"-ERR [IN-USE] busy\r\n"
    assert Begin("text").encode() == b"+OK text\r\n"


@pytest.mark.rfc("1939", "7")
def test_listings() -> None:
    rows = [(1, 120), (3, 4_294_967_295)]

    assert Listing(rows).encode() == b"1 120\r\n3 4294967295\r\n"
    assert Listing(rows, 17).encode() == b"1 17-120\r\n3 17-4294967295\r\n"
    assert Listing([]).encode() == b""
