"""Where a message ends, against a slow and simple model of RFC 5321 §4.5.2."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailclad.engines.spool.spool import FileSpool
from mailclad.protocols.smtp.command import DataProblem
from mailclad.protocols.smtp.data import ChunkDiscarder, ChunkReceiver, DataReceiver

OCTETS = st.sampled_from([b"\r\n", b".", b"\r\n.", b"\r\n..", b"a", b"bc", b"x" * 5_000])
HURTFUL = OCTETS | st.sampled_from([b"\r", b"\n", b"\0", b"\r\n.\r", b"\n.\n"])


def spool() -> FileSpool:
    return FileSpool(Path("/nowhere"))


def pieces(sent: bytes, cuts: list[int]) -> list[bytes]:
    borders = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
    return [sent[a:b] for a, b in itertools.pairwise(borders)]


def model(sent: bytes) -> tuple[bytes, bytes] | None:
    """The message and what stands behind it, line by line; None while it has no end."""
    kept, rest = b"", sent
    while b"\r\n" in rest:
        line, _, rest = rest.partition(b"\r\n")
        if line == b".":
            return kept, rest
        kept += line.removeprefix(b".") + b"\r\n"
    return None


def is_clean(octets: bytes) -> bool:
    bare = octets.replace(b"\r\n", b"")
    return not set(bare) & set(b"\r\n\0")


def receive(sent: bytes, cuts: list[int]) -> tuple[FileSpool, DataReceiver, bytes | None]:
    kept = spool()
    receiver = DataReceiver(kept, 1_000_000)
    rest: bytes | None = None
    for piece in pieces(sent, cuts):
        if rest is not None:
            rest += piece
        else:
            rest = receiver.feed(piece)
    return kept, receiver, rest


@pytest.mark.slow
@settings(max_examples=500)
@given(st.lists(HURTFUL, max_size=12).map(b"".join), st.lists(st.integers(0, 60), max_size=12))
def test_the_machine_agrees_with_the_model(sent: bytes, cuts: list[int]) -> None:
    expected = model(sent)
    kept, receiver, rest = receive(sent, cuts)

    if expected is None:
        assert rest is None
        return
    message, behind = expected
    assert rest == behind
    if is_clean(sent[: len(sent) - len(behind)]):
        assert receiver.problem is None
        assert kept.view() == message
    else:
        assert receiver.problem in (DataProblem.BARE_NEWLINE, DataProblem.NUL)


@pytest.mark.slow
def test_every_short_message_cut_at_every_two_places() -> None:
    """All of four octets out of CR, LF, dot and a letter; none is too rare to be tried."""
    for letters in itertools.product(b"\r\n.a", repeat=4):
        sent = bytes(letters) + b"\r\n.\r\n"
        expected = model(sent)
        assert expected is not None
        message, behind = expected
        clean = is_clean(sent[: len(sent) - len(behind)])
        for cuts in itertools.combinations(range(1, len(sent)), 2):
            kept, receiver, rest = receive(sent, list(cuts))
            assert rest == behind, (sent, cuts)
            assert (receiver.problem is None) is clean, (sent, cuts)
            assert not clean or kept.view() == message, (sent, cuts)


@given(st.lists(OCTETS, max_size=10).map(b"".join), st.lists(st.integers(0, 99), max_size=9))
def test_what_a_client_stuffs_comes_out_as_it_was(message: bytes, cuts: list[int]) -> None:
    message += b"\r\n"
    stuffed = message.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    kept, receiver, rest = receive(stuffed + b".\r\nNOOP\r\n", cuts)

    assert (kept.view(), receiver.problem, rest) == (message, None, b"NOOP\r\n")


def test_no_more_than_a_line_end_is_held_back() -> None:
    """Everything else is in the spool at once, or gathered up to a fixed size."""
    kept = spool()
    receiver = DataReceiver(kept, 1_000_000)
    for held in (b"\r", b"\r\n", b"\r\n.", b"\r\n.\r"):
        assert receiver.feed(b"x" * 10_000 + held) is None
        assert len(receiver._held) == len(held)
        receiver.feed(b"y" if held.endswith((b"\n", b".")) else b"\n")


def test_single_octets_are_joined_before_they_are_spooled() -> None:
    kept = spool()
    receiver = DataReceiver(kept, 1_000_000)
    for _ in range(10_000):
        receiver.feed(b"x")
    assert len(kept._pieces) <= 10_000 // 1_000
    assert receiver.feed(b"\r\n.\r\n") == b""
    assert kept.octets == 10_002


@pytest.mark.parametrize("binary", [False, True])
def test_a_chunk_is_counted(binary: bool) -> None:
    kept = spool()
    receiver = ChunkReceiver(kept, 6, last=True, binary=binary)
    assert receiver.feed(b"a\n.") is None
    assert receiver.feed(b"\0.\nNOOP\r\n") == b"NOOP\r\n"
    assert receiver.problem is (None if binary else DataProblem.NUL)
    if binary:
        assert kept.view() == b"a\n.\0.\n"


def test_an_empty_chunk_ends_at_once() -> None:
    receiver = ChunkReceiver(spool(), 0, last=True, binary=False)
    assert receiver.due == 0
    assert receiver.feed(b"") == b""


def test_a_refused_chunk_is_read_past() -> None:
    discarder = ChunkDiscarder(5)
    assert discarder.feed(b"abc") is None
    assert discarder.feed(b"deNOOP") == b"NOOP"


def test_a_spool_that_fails_is_a_problem_of_the_message() -> None:
    class FullSpool(FileSpool):
        def write(self, data: bytes) -> None:
            raise OSError(28, "No space left on device")

    receiver = DataReceiver(FullSpool(Path("/nowhere")), 1_000_000)
    assert receiver.feed(b"x" * 10_000) is None
    assert receiver.feed(b"\r\n.\r\nNOOP") == b"NOOP"
    assert receiver.problem is DataProblem.SPOOL


def test_too_much_is_noticed_and_then_far_too_much() -> None:
    kept = spool()
    receiver = DataReceiver(kept, 10_000)
    receiver.feed(b"x" * 10_000)
    assert receiver.problem is None
    receiver.feed(b"x")
    assert receiver.problem is DataProblem.TOO_LARGE
    assert not receiver.overrun
    receiver.feed(b"x" * 20_000)
    assert receiver.overrun
    assert kept.octets == 10_000
