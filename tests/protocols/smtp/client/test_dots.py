"""Nothing that goes out can end a message early: T-SM2 of the list of attacks."""

import itertools
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.smtp.client.dots import DotStuffer, NulOctet
from mailclad.protocols.smtp.data import DataReceiver
from tests.protocols.smtp.client.fake_server import HeldSpool

HURTFUL = st.lists(
    st.sampled_from(
        [b"\r\n", b"\r", b"\n", b".", b"\r\n.", b"\r\n.\r\n", b"\n.\n", b"ab", b"\xff"]
    )
).map(b"".join)


def stuffed(*pieces: bytes) -> bytes:
    stuffer = DotStuffer()
    return b"".join([stuffer.feed(piece) for piece in pieces]) + stuffer.finish()


def normal(message: bytes) -> bytes:
    """What the other side should get, the slow way."""
    lines = re.split(rb"\r\n|\r|\n", message)
    return b"\r\n".join(lines) + (b"\r\n" if lines[-1] else b"")


@pytest.mark.rfc("5321", "4.5.2")
@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b".", b"..\r\n.\r\n"),
        (b"..\r\n.a\r\n", b"...\r\n..a\r\n.\r\n"),
        (b"\r\n.\r\n", b"\r\n..\r\n.\r\n"),
        (b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"a\r\r\n.\r\r\n", b"a\r\n\r\n..\r\n\r\n.\r\n"),
        (b"a\r", b"a\r\n.\r\n"),
    ],
)
def test_dots_and_line_ends(message: bytes, sent: bytes) -> None:
    assert stuffed(message) == sent
    assert stuffed(*(bytes((octet,)) for octet in message)) == sent


@pytest.mark.parametrize(
    "end",
    [
        b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r.\n", b"\n.\r", b"\r\n.\n", b"\r\n.\r",
        b"\r\n.\r\r\n", b"\r\r\n.\r\r\n", b"\r\n.\r\n",
    ],
)  # fmt: skip
def test_every_way_to_smuggle(end: bytes) -> None:
    message = b"Subject: x\r\n\r\nbody" + end + b"MAIL FROM:<smuggled@x>\r\nDATA\r\n"
    for cut in range(len(message) + 1):
        sent = stuffed(message[:cut], message[cut:])
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", sent)
        assert sent.find(b"\r\n.\r\n") == len(sent) - 5


@given(HURTFUL, st.lists(st.integers(0, 60), max_size=5))
def test_the_receiver_gets_the_message_back_whatever_the_pieces(
    message: bytes, cuts: list[int]
) -> None:
    borders = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    sent = stuffed(*(message[a:b] for a, b in itertools.pairwise(borders)))
    assert sent == stuffed(message)
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(sent) - 3
    spool = HeldSpool()
    receiver = DataReceiver(spool, 10_000)
    assert receiver.feed(sent) == b""
    assert receiver.problem is None
    assert spool.held == (normal(message) if message else b"")


@pytest.mark.parametrize("place", [b"\0", b"a\0b", b"\r\n\0.\r\n"])
def test_octets_of_value_0_are_not_sent(place: bytes) -> None:
    with pytest.raises(NulOctet):
        stuffed(b"a", place)


def test_bare_line_ends_cost_no_more_than_linear_time() -> None:
    started = time.process_time()
    stuffed(*([b"\r\n." * 20_000] * 20), *([b"\n." * 20_000] * 20))
    assert time.process_time() - started < 2
