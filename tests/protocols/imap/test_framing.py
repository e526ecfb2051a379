"""Framing, against a model: commands are made first, their bytes after."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailclad.protocols.imap.framing import (
    AFTER_LOGIN,
    BEFORE_LOGIN,
    Announced,
    Continue,
    Framer,
    Limits,
    Overrun,
    Refused,
    Where,
)
from mailclad.protocols.imap.gates import State
from mailclad.protocols.imap.responses import Condition, Reply
from tests.protocols.imap.talk import MemorySpool, Talk

LINE = st.sampled_from(
    [b"NOOP", b"FETCH", b"STATUS INBOX (MESSAGES", b"APPEND x", b"APPEND", b"", b"IDLE x",
     b"STARTTLS", b'SEARCH SUBJECT "x', b"NOOP " + b"x" * 66_000, b"LOGIN {99999999999999999999}x"]
)  # fmt: skip
OCTETS = st.sampled_from(
    [b"", b"hello", b"z9 NOOP\r\n", b"\r\nz9 LOGOUT\r\n", b"z9 NOOP {3+}\r\nz9 NOOP\r\n",
     b"y" * 66_000, b"\r\n" + b"z9 NOOP\r\n" * 12_000]
)  # fmt: skip


@st.composite
def conversations(draw: st.DrawFn) -> list[bytes]:
    """Commands with literals that do not wait, right or wrong, each under its own tag."""
    commands = []
    for number in range(draw(st.integers(1, 6))):
        parts = [b"a%d %b" % (number, draw(LINE))]
        for octets in draw(st.lists(OCTETS, max_size=3)):
            parts.append(b" %b{%d+}\r\n" % (draw(st.sampled_from([b"", b"~"])), len(octets)))
            parts += [octets, draw(LINE)]
        commands.append(b"".join(parts) + b"\r\n")
    return commands


def cuts_of(draw: st.DataObject, sent: bytes) -> list[bytes]:
    """Pieces of what is sent, cut where it can hurt: at braces and line ends."""
    ends = [at for at, octet in enumerate(sent[:5_000]) if octet in b"{+}\r\n"] or [0]
    near_the_end = st.integers(max(0, len(sent) - 40), len(sent))
    places = st.sampled_from(ends) | st.integers(0, len(sent)) | near_the_end
    cuts = sorted(draw.draw(st.lists(places, max_size=8)))
    return [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


@pytest.mark.rfc("9051", "4.3")
@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(conversations(), st.data())
def test_a_command_is_answered_once_and_a_literal_never(
    commands: list[bytes], data: st.DataObject
) -> None:
    """Whatever is refused, the next command is found where it begins.

    Were a literal's octets ever read as commands, z9 would be answered.
    """
    talk = Talk(State.AUTHENTICATED)

    answered = b"".join(map(talk.feed, cuts_of(data, b"".join(commands))))

    tags = [line.split(b" ")[0] for line in answered.splitlines() if not line.startswith(b"*")]
    assert tags == [b"a%d" % number for number in range(len(commands))]
    assert MemorySpool.open == 0


class Script:
    """A framer whose every literal goes to memory, but those of 13 octets, which are refused."""

    def __init__(self, limits: Limits) -> None:
        self.asked: list[Announced] = []
        self.framer = Framer(self._admit, MemorySpool, limits)

    def _admit(self, announced: Announced) -> Where | Reply:
        self.asked.append(announced)
        if announced.octets == 13:
            return Reply(Condition.BAD, "unlucky")
        return Where.SPOOL if announced.octets == 7 else Where.MEMORY

    def feed(self, pieces: list[bytes]) -> list[object]:
        found: list[object] = []
        for piece in pieces:
            self.framer.feed(piece)
            while (next_ := self.framer.next()) is not None:
                found.append(next_)
                if isinstance(next_, Overrun):
                    return list(map(readable, found))
        return list(map(readable, found))


def readable(found: object) -> object:
    """Spools as their octets; of a refused line what any real limit would leave."""
    if isinstance(found, tuple):
        return tuple(part.view() if isinstance(part, MemorySpool) else part for part in found)
    return Refused(found.start[:90], found.reply) if isinstance(found, Refused) else found


SMALL = Limits(line=100, literals=3, swallowed=300)
PIECES = st.sampled_from(
    [b"a NOOP", b" ", b"{3}", b"{3+}", b"{13}", b"{13+}", b"{7+}", b"{200+}", b"{9999999999+}",
     b"{" + b"0" * 70 + b"3+}", b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"x" * 98, b"x" * 99,
     b"x" * 150, b"x" * 63, b"x" * 64, b"x" * 65, b"abc", b"}", b"1"]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=30), st.data())
@example([b"x" * 150, b"{3+}", b"\r\n", b"abc", b"\r\n"], None)
def test_cuts_do_not_matter(words: list[bytes], data: st.DataObject | None) -> None:
    """However the bytes are cut, the framer finds the same, within very small limits."""
    sent = b"".join(words)
    pieces = [bytes([octet]) for octet in sent] if data is None else cuts_of(data, sent)

    assert Script(SMALL).feed(pieces) == Script(SMALL).feed([sent])


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30))
def test_octet_by_octet(words: list[bytes]) -> None:
    sent = b"".join(words)

    assert Script(SMALL).feed([bytes([octet]) for octet in sent]) == Script(SMALL).feed([sent])


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    for limits in (BEFORE_LOGIN, AFTER_LOGIN):
        fits, too_long = b"x" * limits.line, b"x" * (limits.line + 1)

        assert Script(limits).feed([fits + b"\r\n"]) == [(fits,)]
        [refused] = Script(limits).feed([too_long + b"\r\n"])
        assert isinstance(refused, Refused)
        assert "too long" in refused.reply.text


def test_all_lines_of_a_command_count_together() -> None:
    """Else a command of many literals could hold the limit many times over."""
    pieces = [b"x" * 60 + b" {0+}\r\n", b"y" * 60 + b"\r\n", b"next\r\n"]

    refused, following = Script(SMALL).feed(pieces)

    assert isinstance(refused, Refused)
    assert following == (b"next",)


def test_a_line_without_end_is_given_up() -> None:
    script = Script(BEFORE_LOGIN)

    found = script.feed([b"x" * 8_000] * 100)

    assert found == [Overrun()]
    assert len(script.framer._buffer) < 8_300


def test_a_long_line_that_ends_in_a_cut_announcement_is_given_up() -> None:
    """How long the literal is cannot be known, so nothing behind it may be read."""
    assert Script(SMALL).feed([b"x" * 90 + b"{" + b"0" * 70 + b"3+}\r\nabc"]) == [Overrun()]


def test_the_octets_of_a_refused_literal_are_read_past() -> None:
    found = Script(SMALL).feed([b"a {13+}\r\n" + b"\r\nz NOOP\r\nxxx" + b"\r\nb\r\n"])

    assert found == [Refused(b"a {13+}", Reply(Condition.BAD, "unlucky")), (b"b",)]


def test_a_line_may_end_without_its_carriage_return() -> None:
    assert Script(SMALL).feed([b"a {2+}\nhi\nb\r\n"]) == [(b"a {2+}", b"hi", b""), (b"b",)]


def test_zeros_before_a_length_mean_nothing() -> None:
    assert Script(SMALL).feed([b"a {%b3+}\r\nabc\r\n" % (b"0" * 60)]) == [
        (b"a {%b3+}" % (b"0" * 60), b"abc", b"")
    ]


def test_more_than_is_worth_reading_past_is_an_overrun() -> None:
    assert Script(SMALL).feed([b"a {13+}\r\n" + b"x" * 13 + b" {290+}\r\n"]) == [Overrun()]


@pytest.mark.parametrize("digits", [b"9" * 19, b"9" * 20, b"9" * 5_000, b"68719476736"])
def test_announcements_of_any_size_make_no_octet_wait(digits: bytes) -> None:
    """64 GiB, or a number of 5,000 digits: after login it is refused or given up at once."""
    for plus in (b"", b"+"):
        talk = Talk(State.AUTHENTICATED)

        said = talk.feed(b"a APPEND x {%b%b}\r\nb NOOP\r\n" % (digits, plus))

        if plus:
            assert talk.closed
            assert said.startswith(b"* BYE ")
        else:
            assert said.startswith(b"a NO [TOOBIG] ")
            assert b"b OK" in said
        assert b"+ " not in said


@pytest.mark.rfc("7888", "4")
def test_ten_thousand_literals_in_one_command() -> None:
    talk = Talk(State.SELECTED)
    sent = b"a SEARCH OR " + b"SUBJECT {2+}\r\nxx OR " * 10_000 + b"ALL ALL\r\nb NOOP\r\n"

    said = talk.feed(sent)

    assert said == b"a BAD [LIMIT] too many literals in one command\r\nb OK done\r\n"


def test_ten_thousand_large_literals_end_the_connection_without_being_held() -> None:
    talk = Talk(State.SELECTED)
    talk.feed(b"a SEARCH")
    most = 0

    for _ in range(10_000):
        talk.feed(b" SUBJECT {65536+}\r\n" + b"x" * 65_536)
        most = max(most, len(talk.connection._framer._buffer))
        if talk.closed:
            break

    assert talk.closed
    assert most < 200_000


def test_waiting_clients_are_let_in_or_refused_before_they_send() -> None:
    script = Script(SMALL)

    found = script.feed([b"a {3}\r\n", b"abc {13}\r\n", b"b {0}\r\n", b"\r\n"])

    assert found == [
        Continue(),
        Refused(b"a {3}", Reply(Condition.BAD, "unlucky")),
        Continue(),
        (b"b {0}", b"", b""),
    ]


class FailingSpool(MemorySpool):
    def write(self, data: bytes) -> None:
        raise OSError(28, "No space left on device")


class FullDisk(Script):
    """Not even an empty spool can be made."""

    def __init__(self) -> None:
        super().__init__(SMALL)

        def fail() -> MemorySpool:
            raise OSError(28, "No space left on device")

        self.framer = Framer(self._admit, fail, SMALL)


@pytest.mark.parametrize("cut", range(1, 24))
def test_a_full_disk_refuses_the_message_and_nothing_else(cut: int) -> None:
    for script in (Script(SMALL), FullDisk()):
        if not isinstance(script, FullDisk):
            script.framer = Framer(script._admit, FailingSpool, SMALL)
        sent = b"a {7+}\r\n1234567 x\r\nb NOOP\r\n"

        refused, following = script.feed([sent[:cut], sent[cut:]])

        assert isinstance(refused, Refused)
        assert refused.reply.condition is Condition.NO
        assert refused.reply.code == "UNAVAILABLE"
        assert following == (b"b NOOP",)
        assert MemorySpool.open == 0


def test_close_lets_go_of_a_message_that_is_half_there() -> None:
    script = Script(SMALL)
    script.feed([b"a {7+}\r\n1234567 {7+}\r\n123"])
    assert MemorySpool.open == 2

    script.framer.close()

    assert MemorySpool.open == 0
    assert script.feed([b"b\r\n"]) == [(b"b",)]
