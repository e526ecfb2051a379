"""The reader, rule by rule: what it takes and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.imap.grammar import MONTHS, NUMBER64, Reader, SyntaxProblem
from tests.protocols.imap.talk import MemorySpool


@pytest.mark.rfc("9051", "9")
@pytest.mark.parametrize(
    ("rule", "line", "value"),
    [
        (Reader.atom, b"abc)", "abc"),
        (Reader.keyword, b"abc", "ABC"),
        (Reader.astring, b"a]b", b"a]b"),
        (Reader.astring, b'"a\\"b\\\\"', b'a"b\\'),
        (Reader.astring, b'""', b""),
        (Reader.astring, '"é"'.encode(), "é".encode()),
        (Reader.text, '"é"'.encode(), "é"),
        (Reader.nstring, b"NIL", None),
        (Reader.number, b"4294967295", 0xFFFF_FFFF),
        (Reader.mailbox, b"inBox", "INBOX"),
        (Reader.mailbox, '"é"'.encode(), "é"),
        (Reader.mailbox, b"&AOk-", "é"),
        (Reader.list_mailbox, b"a%*", "a%*"),
        (Reader.list_mailbox, b'"a b*"', "a b*"),
        (Reader.flag, b"\\Seen", "\\Seen"),
        (Reader.date, b"1-feb-1970", 31 * 86_400),
        (Reader.date, b'"01-Feb-1970"', 31 * 86_400),
        (Reader.date_time, b'" 1-Jan-1970 01:00:01 +0100"', 1),
        (Reader.date_time, b'"01-Jan-1970 00:00:01 -0030"', 1_801),
        (Reader.date_time, b'"31-Dec-1969 23:59:60 +0000"', 0),
    ],
)
def test_takes(rule: Callable[[Reader], object], line: bytes, value: object) -> None:
    assert rule(Reader((line,))) == value


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (Reader.atom, b""),
        (Reader.atom, b"\xc3\xa9"),
        (Reader.atom, b"("),
        (Reader.astring, b'"abc'),
        (Reader.astring, b'"a\\b"'),
        (Reader.astring, b'"a\0"'),
        (Reader.astring, b'"a\rb"'),
        (Reader.astring, b"{3}"[:2]),
        (Reader.text, b'"\xff"'),
        (Reader.number, b"4294967296"),
        (Reader.number, b"-1"),
        (Reader.mailbox, b"a&b"),
        (Reader.mailbox, b'"\xff"'),
        (Reader.sequence_set, b"0"),
        (Reader.sequence_set, b"4294967296"),
        (Reader.date, b"30-Feb-2020x"[:0]),
        (Reader.date, b"31-Apr-2020"),
        (Reader.date, b"1-Foo-2020"),
        (Reader.date, b"0-Jan-2020"),
        (Reader.date, b"1-Jan-0000"),
        (Reader.date, b'"1-Jan-2020'),
        (Reader.date_time, b'" 1-Jan-2020 24:00:00 +0000"'),
        (Reader.date_time, b'"1-Jan-2020 00:00:00 +0000"'),
        (Reader.date_time, b'" 1-Jan-2020 00:00:00 +0060"'),
    ],
)
def test_refuses(rule: Callable[[Reader], object], line: bytes) -> None:
    with pytest.raises(SyntaxProblem):
        rule(Reader((line,)))


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_day_is_read(when: datetime) -> None:
    text = f"{when.day}-{MONTHS[when.month - 1].decode()}-{when.year:04}"
    day = datetime(when.year, when.month, when.day, tzinfo=UTC)

    assert Reader((text.encode(),)).date() == int(day.timestamp())


def test_literals_and_messages() -> None:
    spool = MemorySpool()
    read = Reader((b"{3} x"[:3], b"abc", b" ~{1+}", spool, b")"))
    assert read.astring() == b"abc"
    read.space()
    assert read.message() is spool
    read.expect(b")")
    read.end()


@pytest.mark.parametrize("frame", [(b"{3}", b"a\0b", b""), (b"~{3}", b"abc", b"")])
def test_literals_without_nul_only(frame: tuple[bytes, ...]) -> None:
    with pytest.raises(SyntaxProblem):
        Reader(frame).string()


def test_a_message_is_no_string_and_a_string_no_message() -> None:
    with pytest.raises(SyntaxProblem):
        Reader((b"{3}", MemorySpool(), b"")).astring()
    with pytest.raises(SyntaxProblem):
        Reader((b"{3}", b"abc", b"")).message()


def test_a_literal_is_the_last_thing_on_a_line() -> None:
    with pytest.raises(SyntaxProblem):
        Reader((b"{3} {3}", b"abc", b"")).astring()


def test_nothing_may_be_left() -> None:
    with pytest.raises(SyntaxProblem):
        Reader((b" ",)).end()
    with pytest.raises(SyntaxProblem):
        Reader((b"", b"abc", b"")).end()


def test_numbers_have_bounds() -> None:
    assert Reader((b"%d" % NUMBER64,)).number(NUMBER64) == NUMBER64
    for text in (b"%d" % (NUMBER64 + 1), b"0"):
        with pytest.raises(SyntaxProblem):
            Reader((text,)).number(NUMBER64, least=1)


@pytest.mark.parametrize(
    "line", [b'"' + b"x" * 60_000, b'"' + b"\\\\" * 30_000, b'"' + b"x\\\\" * 15_000]
)
def test_a_string_without_end_takes_linear_time(line: bytes) -> None:
    """With a rule that backtracks, forty octets would take an hour."""
    began = process_time()

    with pytest.raises(SyntaxProblem):
        Reader((line,)).astring()

    assert process_time() - began < 1


def test_texts_never_repeat_what_was_sent() -> None:
    with pytest.raises(SyntaxProblem) as problem:
        Reader((b"<script>",)).sequence_set()
    assert "script" not in problem.value.reply.text
