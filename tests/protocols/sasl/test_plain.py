"""PLAIN (RFC 4616)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.sasl.external import parse_external
from mailclad.protocols.sasl.login import LoginServer
from mailclad.protocols.sasl.plain import parse_plain
from mailclad.protocols.sasl.problem import SaslProblem


@pytest.mark.rfc("4616", "4")
def test_the_examples_of_the_rfc() -> None:
    first = parse_plain(b"\0tim\0tanstaaftanstaaf")
    second = parse_plain(b"Ursel\0Kurt\0xipj3plmq")

    assert (first.authzid, first.login, first.password.reveal()) == (
        "", "tim", b"tanstaaftanstaaf",
    )  # fmt: skip
    assert (second.authzid, second.login) == ("Ursel", "Kurt")


@pytest.mark.rfc("4616", "2")
def test_255_octets_each_are_taken() -> None:
    name = b"x" * 255

    assert parse_plain(b"\0".join([name] * 3)).password.reveal() == name


@pytest.mark.parametrize(
    "response",
    [b"", b"\0", b"\0\0", b"a\0b", b"\0a\0", b"\0\0b", b"\0a\0b\0", b"\0\xff\0b", b"\xff\0a\0b"],
)
def test_anything_else_is_refused(response: bytes) -> None:
    with pytest.raises(SaslProblem):
        parse_plain(response)


def test_a_password_does_not_show_in_a_traceback() -> None:
    assert "hunter2" not in repr(parse_plain(b"\0ada\0hunter2"))


@given(st.binary(max_size=40))
def test_any_response_is_read_or_refused(response: bytes) -> None:
    for parse in (parse_plain, parse_external, LoginServer().step):
        with contextlib.suppress(SaslProblem):
            parse(response)
