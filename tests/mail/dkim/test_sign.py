"""Signatures made (RFC 6376 §5)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dkim.outcome import Outcome
from mailclad.mail.dkim.sign import DEFAULT_FIELDS, Fields, sign_dkim
from mailclad.mail.dkim.verify import verify_dkim
from mailclad.mail.headers import split_fields, unfold
from tests.mail.dkim.fake import DNS, ED25519, MESSAGE, NOW, RSA, run, signed, verify


def test_one_field_for_each_key() -> None:
    fields = sign_dkim(MESSAGE, [RSA, ED25519], NOW)
    results = run(verify_dkim(fields + MESSAGE, DNS, NOW))

    assert [(one.outcome, one.algorithm) for one in results] == [
        (Outcome.PASS, "rsa-sha256"),
        (Outcome.PASS, "ed25519-sha256"),
    ]
    assert all(one.whole and one.domain == "example.org" for one in results)


def test_lines_are_short_and_end_in_crlf() -> None:
    message = b"To: x\r\n" * 60 + MESSAGE
    lines = sign_dkim(message, [RSA, ED25519], NOW).split(b"\r\n")

    assert all(len(line) <= 80 and b"\n" not in line for line in lines)
    assert lines[-1] == b""


def test_fields_of_the_list_are_covered_once_more_than_they_stand() -> None:
    [(_, _, value)] = split_fields(sign_dkim(MESSAGE, [ED25519], NOW))
    found = re.search(rb"h=([^;]*)", unfold(value).replace(b"\t", b""))
    assert found is not None
    names = found[1].split(b":")

    assert names.count(b"from") == 2
    assert names.count(b"reply-to") == 1
    assert names.count(b"list-id") == 0
    assert names.count(b"received") == 0
    assert set(DEFAULT_FIELDS.sealed) == set(names)


@pytest.mark.parametrize("name", DEFAULT_FIELDS.sealed)
def test_none_of_them_can_be_added(name: bytes) -> None:
    for added in (
        name + b": x\r\n" + signed(),
        signed().replace(b"\r\nTo:", b"\r\n" + name + b": x\r\nTo:"),
    ):
        assert verify(added).outcome is Outcome.FAIL


def test_what_mailing_lists_add_does_no_harm() -> None:
    list_id = b"List-Id: <list.example.com>\r\n"
    assert verify(list_id + signed()).outcome is Outcome.PASS
    own = signed(list_id + MESSAGE)
    assert verify(own).outcome is Outcome.PASS
    assert verify(own.replace(b"<list.", b"<lost.")).outcome is Outcome.FAIL


def test_other_fields_can_be_chosen() -> None:
    fields = sign_dkim(MESSAGE, [ED25519], NOW, Fields((b"from",), (b"subject",)))
    assert b"\th=from:from:subject;\r\n" in fields


def test_signing_again_leaves_both_valid() -> None:
    once = signed()
    results = run(verify_dkim(sign_dkim(once, [RSA], NOW) + once, DNS, NOW))
    assert [one.outcome for one in results] == [Outcome.PASS] * 2


@pytest.mark.parametrize("message", [b"", b"\r\n", b"no header", b"From: a", b"From: a\n\nb\n"])
def test_odd_messages_are_signed_too(message: bytes) -> None:
    if message.startswith(b"From"):
        end = b"" if b"\n\n" in message else b"\r\n\r\n"
        assert verify(signed(message) + end).outcome is Outcome.PASS
    else:
        assert sign_dkim(message, [ED25519], NOW).startswith(b"DKIM-Signature: v=1; ")


NAMES = st.sampled_from(
    ["From", "TO", "Subject", "X-Other", "list-id", "DKIM-Signature", "Received"]
)
VALUES = st.lists(st.sampled_from(["a", " ", "\t", "\r\n ", "é", "=", ";", "b=", ":"])).map(
    "".join
)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=12),
    st.lists(st.sampled_from([b"x", b"\r\n", b" ", b"\t", b".", b"\xff", b"\n", b"\r"])).map(
        b"".join
    ),
)
def test_what_is_signed_verifies(fields: list[tuple[str, str]], body: bytes) -> None:
    header = "".join(f"{name}:{value}.\r\n" for name, value in fields).encode()
    message = signed(b"From: a@example.org\r\n" + header + b"\r\n" + body)

    assert run(verify_dkim(message, DNS, NOW))[0].outcome is Outcome.PASS
