"""Replies on the wire (RFC 5321 §4.2.1, RFC 2034 §4)."""

from mailclad.protocols.smtp import reply
from mailclad.protocols.smtp.reply import Reply


def test_one_line() -> None:
    assert Reply(250, "2.0.0", "OK").encode() == b"250 2.0.0 OK\r\n"
    assert Reply(354, "", "Go").encode() == b"354 Go\r\n"


def test_several_lines_each_have_code_and_status() -> None:
    assert Reply(250, "", "mx\nSIZE 1\nHELP").encode() == b"250-mx\r\n250-SIZE 1\r\n250 HELP\r\n"
    assert Reply(550, "5.1.1", "no\nno").encode() == b"550-5.1.1 no\r\n550 5.1.1 no\r\n"


def test_the_status_belongs_to_the_code_and_no_line_is_too_long() -> None:
    for known in vars(reply).values():
        if isinstance(known, Reply):
            assert known.status[:1] in ("", str(known.code)[0])
            assert len(known.encode()) <= 512
            assert bool(known.status) == (known.code != 354)
