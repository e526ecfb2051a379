"""Paths and parameters: what transcripts do not show (RFC 5321 §4.1.2, RFC 3461 §4)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Body, Mail, Notify, Rcpt, Return
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.extensions import mail_parameters, rcpt_parameters
from mailclad.protocols.smtp.grammar import parse_line, parse_mail, parse_rcpt
from mailclad.protocols.smtp.parameters import (
    ENVELOPE_ID_OCTETS,
    ORIGINAL_OCTETS,
    SyntaxProblem,
    decode_xtext,
)

ADA = Address("ada", "example.org")
MAIL = mail_parameters(Role.SUBMISSION, True)
RCPT = rcpt_parameters(Role.SUBMISSION, True)


def mail(text: str) -> Mail:
    return parse_mail(text, MAIL)


def rcpt(text: str, *, smtputf8: bool = False) -> Rcpt:
    return parse_rcpt(text, RCPT, smtputf8=smtputf8)


def test_all_that_mail_can_say() -> None:
    assert mail(
        "FROM:<ada@example.org> SIZE=12 BODY=BINARYMIME SMTPUTF8 RET=FULL ENVID=a+2Bb"
        " AUTH=ada+40example.org"
    ) == Mail(ADA, 12, Body.BINARY, True, Return.FULL, "a+b", "ada@example.org")
    assert mail("from: <>  body=8bitmime ") == Mail(None, body=Body.EIGHT_BIT)
    assert mail("FROM:<ada@example.org> AUTH=<>").submitter == ""


def test_all_that_rcpt_can_say() -> None:
    assert rcpt("TO:<ada@example.org> NOTIFY=SUCCESS,delay ORCPT=utf-8;ad+40x") == Rcpt(
        ADA, frozenset({Notify.SUCCESS, Notify.DELAY}), "utf-8;ad@x"
    )
    assert rcpt("to:<Postmaster>") == Rcpt(Address("Postmaster", ""))


@pytest.mark.parametrize(
    "path", ['"a b"@example.org', r'"a\"b>"@example.org', '"<"@example.org', '"a@b"@[192.0.2.1]']
)
def test_quotes_may_hold_what_ends_a_path_elsewhere(path: str) -> None:
    assert str(rcpt(f"TO:<{path}>").forward_path) == path
    assert rcpt(f"TO:<{path}> NOTIFY=NEVER").notify == frozenset({Notify.NEVER})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FROM",
        "FROM:",
        "FROM:<",
        "FROM:<ada@example.org",
        "FROM:ada@example.org>",
        "FROM <ada@example.org>",
        "FROM:<ada@example.org>SIZE=1",
        "FROM:<ada@example.org> =1",
        "FROM:<ada@example.org> SIZE==1",
        "FROM:<ada@example.org> BODY",
        "FROM:<ada@example.org> SIZE=\u0661",
        'FROM:<"ada@example.org>',
        "FROM:<" + '"\\' * 5_000,
        "FROM:<" + "a" * 5_000,
        "FROM:<" + '""' * 5_000 + ">",
        "FROM:<@a,@b:ada@example.org>",
        "TO:<ada@example.org>",
    ],
)
def test_what_is_not_a_path_is_refused_in_linear_time(text: str) -> None:
    with pytest.raises(SyntaxProblem) as problem:
        mail(text)
    assert 500 <= problem.value.reply.code < 600


def test_the_longest_envelope_id_and_original_recipient() -> None:
    longest = "x" * ENVELOPE_ID_OCTETS
    assert mail(f"FROM:<> ENVID={longest}").envelope_id == longest
    with pytest.raises(SyntaxProblem):
        mail(f"FROM:<> ENVID={longest}x")
    original = "rfc822;" + "x" * (ORIGINAL_OCTETS - 7)
    assert rcpt(f"TO:<ada@example.org> ORCPT={original}").original == original
    with pytest.raises(SyntaxProblem):
        rcpt(f"TO:<ada@example.org> ORCPT={original}x")


@pytest.mark.parametrize(
    ("text", "octets"), [("a+2Bb+3D", "a+b="), ("gr+C3+BC+C3+9F", "grüß"), ("", "")]
)
def test_xtext(text: str, octets: str) -> None:
    assert decode_xtext(text) == octets


@pytest.mark.parametrize("text", ["+", "+2", "+2b", "a=b", "+0A", "+00", "+FF", "a b", "+C3"])
def test_what_is_not_xtext(text: str) -> None:
    with pytest.raises(SyntaxProblem):
        decode_xtext(text)


@given(st.binary(max_size=60), st.booleans())
def test_any_line_is_text_or_a_problem(line: bytes, ending: bool) -> None:
    try:
        text = parse_line(line + b"\r" if ending else line)
    except SyntaxProblem:
        return
    assert not set(text.encode()) & set(range(32))


@given(st.text(max_size=60), st.booleans(), st.booleans())
def test_any_arguments_are_a_command_or_a_problem(text: str, extended: bool, utf8: bool) -> None:
    for start in ("", "FROM:<", "FROM:<a@b> "):
        with contextlib.suppress(SyntaxProblem):
            parse_mail(start + text, MAIL if extended else None)
    for start in ("", "TO:<", "TO:<a@b> "):
        with contextlib.suppress(SyntaxProblem):
            parse_rcpt(start + text, RCPT if extended else None, smtputf8=utf8)
