"""Received-SPF (RFC 7208 §9.1), also where every word of it is a stranger's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.received_spf import LINE_OCTETS, VALUE_OCTETS, write_received_spf
from mailclad.mail.spf.result import SpfOutcome, SpfResult

PASSED = SpfResult(SpfOutcome.PASS, "example.org", "mailfrom", "ip4:192.0.2.0/24")
VALUE = r"[A-Za-z0-9._\-]+|\"(?:[^\"\\\r\n]|\\[\"\\])*\""
FIELD = re.compile(rf"Received-SPF: [a-z]+ \([^()\\\r\n]*\)(?: [a-z\-]+=(?:{VALUE});)+\r\n")


def unfold(field: bytes) -> str:
    return field.replace(b"\r\n ", b" ").decode()


def test_a_pass() -> None:
    assert write_received_spf(
        PASSED, "192.0.2.7", "mail.example.org", "ada@example.org", "mx.example.net"
    ) == (
        b"Received-SPF: pass (mx.example.net: domain of example.org designates\r\n"
        b" 192.0.2.7 as permitted sender) receiver=mx.example.net; client-ip=192.0.2.7;\r\n"
        b' envelope-from="ada@example.org"; helo=mail.example.org; identity=mailfrom;\r\n'
        b' mechanism="ip4:192.0.2.0/24";\r\n'
    )


def test_a_null_sender_and_nothing_that_matched() -> None:
    result = SpfResult(SpfOutcome.NEUTRAL, "mail.example.org", "helo")
    text = unfold(
        write_received_spf(result, "2001:db8::7", "mail.example.org", None, "mx.a.example")
    )
    assert "envelope-from" not in text
    assert 'client-ip="2001:db8::7";' in text
    assert text.endswith("identity=helo; mechanism=default;\r\n")


@pytest.mark.parametrize("outcome", SpfOutcome)
def test_every_outcome_has_its_word_and_only_errors_a_problem(outcome: SpfOutcome) -> None:
    result = SpfResult(outcome, "example.org", "mailfrom", problem='why "so"')
    text = unfold(
        write_received_spf(result, "192.0.2.7", "a.example", "b@c.example", "mx.a.example")
    )
    assert text.startswith(f"Received-SPF: {outcome.value} (mx.a.example: ")
    assert ('problem="why \\"so\\"";' in text) == outcome.value.endswith("error")
    assert FIELD.fullmatch(text)


def test_a_sender_keeps_its_letters_and_nothing_else_is_more_than_ascii() -> None:
    field = write_received_spf(PASSED, "é", "é.example", "josé@bücher.example", "é")
    assert field.count("é".encode()) == 1
    assert 'envelope-from="josé@bücher.example"' in unfold(field)


HOSTILE = [
    'a"; identity=helo; x="', "a\r\nX-Evil: 1", "a\\", '\\"', "(((", ")", "a; b=c", "",
    " " * 500, "a\0\x85\u2028\udcff", "x" * 5000, "\U0001f600" * 400, '"' * 5000,
]  # fmt: skip


def check(field: bytes) -> None:
    assert field.endswith(b"\r\n")
    lines = field[:-2].split(b"\r\n")
    assert all(len(line) < 998 for line in lines)
    assert all(line[:1] == b" " and line.strip() for line in lines[1:])
    assert FIELD.fullmatch(unfold(field))


@pytest.mark.parametrize("said", HOSTILE)
def test_hostile_words_stay_in_their_places(said: str) -> None:
    result = SpfResult(SpfOutcome.PERMERROR, "example.org", "mailfrom", said, said, said)
    check(write_received_spf(result, said, said, said, said))
    passed = SpfResult(SpfOutcome.PASS, "", "mailfrom", said)
    check(write_received_spf(passed, "192.0.2.7", said, said, "mx.example.net"))


@given(st.text(max_size=100), st.text(max_size=100), st.text(max_size=400))
def test_any_words_stay_in_their_places(helo: str, sender: str, problem: str) -> None:
    result = SpfResult(SpfOutcome.TEMPERROR, "example.org", "mailfrom", problem=problem)
    field = write_received_spf(result, "192.0.2.7", helo, sender, "mx.example.net")
    check(field)
    if max(map(len, (helo, sender))) < 10:
        assert all(len(line) <= LINE_OCTETS for line in field.split(b"\r\n"))


def test_a_value_ends_where_it_must() -> None:
    longest = "a" * VALUE_OCTETS
    field = write_received_spf(PASSED, "192.0.2.7", longest + "b", None, "mx.example.net")
    assert f"helo={longest};" in unfold(field)
