"""Arguments of each command, well formed and not."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.pop3 import commands
from mailclad.protocols.pop3.parse import PARSERS, SyntaxProblem, parse_auth_response


@pytest.mark.parametrize(
    ("keyword", "rest", "command"),
    [
        (b"USER", b"ada lovelace", commands.User("ada lovelace")),
        (b"USER", "\u00e5sa@example.org".encode(), commands.User("\u00e5sa@example.org")),
        (b"AUTH", None, commands.Auth(None, None)),
        (b"AUTH", b"PLAIN", commands.Auth("PLAIN", None)),
        (b"AUTH", b"PLAIN =", commands.Auth("PLAIN", b"")),
        (b"AUTH", b"scram-sha-256 bixh", commands.Auth("scram-sha-256", b"n,a")),
        (b"LIST", None, commands.List(None)),
        (b"LIST", b"12", commands.List(12)),
        (b"UIDL", b"012", commands.Uidl(12)),
        (b"TOP", b"1 0", commands.Top(1, 0)),
        (b"RETR", b"1", commands.Retr(1)),
        (b"QUIT", None, commands.Quit()),
    ],
)
def test_well_formed(keyword: bytes, rest: bytes | None, command: commands.Command) -> None:
    assert PARSERS[keyword](rest) == command


def test_a_password_may_hold_spaces_and_does_not_show() -> None:
    command = PARSERS[b"PASS"](b" two  spaces ")

    assert isinstance(command, commands.Pass)
    assert command.password.reveal() == b" two  spaces "
    assert "spaces" not in repr(command)


@pytest.mark.parametrize(
    ("keyword", "rest"),
    [
        (b"USER", None), (b"USER", b""), (b"USER", b"\xff"), (b"PASS", None), (b"PASS", b""),
        (b"AUTH", b""), (b"AUTH", b"PLAIN "), (b"AUTH", b"PLAIN A=A="), (b"AUTH", b"PL@IN"),
        (b"AUTH", b"PLAIN AAAA AAAA"), (b"AUTH", b"x" * 21), (b"AUTH", b" PLAIN"),
        (b"LIST", b""), (b"LIST", b"1 2"), (b"LIST", b"1" * 11), (b"LIST", "\u0661".encode()),
        (b"RETR", None), (b"TOP", b"1"), (b"TOP", b"1 "), (b"TOP", b"1 -1"), (b"TOP", None),
        (b"NOOP", b""), (b"STLS", b"x"), (b"CAPA", b"x"),
    ],
)  # fmt: skip
def test_broken(keyword: bytes, rest: bytes | None) -> None:
    with pytest.raises(SyntaxProblem):
        PARSERS[keyword](rest)


def test_answers_to_challenges() -> None:
    assert parse_auth_response(b"YWJj") == commands.AuthResponse(b"abc")
    assert parse_auth_response(b"") == commands.AuthResponse(b"")
    assert parse_auth_response(b"*").data is None
    assert parse_auth_response(b"YWJ").data is None


@given(st.sampled_from(sorted(PARSERS)), st.none() | st.binary(max_size=30))
def test_anything_is_read_or_refused(keyword: bytes, rest: bytes | None) -> None:
    with contextlib.suppress(SyntaxProblem):
        assert isinstance(PARSERS[keyword](rest), commands.Command)
