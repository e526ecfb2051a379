"""Notices as another implementation reads them, Python's own (RFC 3461, 3464, 6522, 6533)."""

import email
import email.policy
from dataclasses import replace
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.dsn import (
    RETURNED_HEADER_OCTETS,
    RETURNED_OCTETS,
    VALUE_LETTERS,
    Action,
    Asked,
    Composed,
    Notice,
    Reported,
    compose,
    decode_unitext,
    decode_xtext,
    encode_unitext,
    wanted,
)

NOW = 1_700_000_000
KEPT = b"Return-Path: <ann@example.org>\r\n"
MESSAGE = KEPT + b"Subject: lunch\r\nFrom: ann@example.org\r\n\r\nAt noon?\r\n"
FAILED = Reported(
    "bob@far.example", Action.FAILED, "5.1.1", "There is no such address there.",
    "Check the address.", "550 5.1.1 no such user", "mx.far.example",
    "rfc822;bob+2Bx@far.example", NOW,
)  # fmt: skip
NOTICE = Notice(
    "mail.example.org", "ann@example.org", NOW - 60, (FAILED,), NOW, "id@mail.example.org",
    "report-1234", "QQ+3D1",
)  # fmt: skip


def parts_of(composed: Composed) -> tuple[Message, list[Message]]:
    whole = email.message_from_bytes(composed.octets)
    parts = whole.get_payload()
    assert isinstance(parts, list)
    assert whole.defects == []
    assert len(parts) == 3
    return whole, [part for part in parts if isinstance(part, Message)]


def blocks_of(part: Message) -> list[Message]:
    blocks = part.get_payload()
    assert isinstance(blocks, list)
    return [block for block in blocks if isinstance(block, Message)]


@pytest.mark.rfc(3461, "6")
def test_failure_as_others_read_it() -> None:
    composed = compose(NOTICE, MESSAGE, len(KEPT), full=True)
    whole, (words, machine, returned) = parts_of(composed)
    assert whole.get_content_type() == "multipart/report"
    assert whole.get_param("report-type") == "delivery-status"
    assert whole["To"] == "<ann@example.org>"
    assert whole["Auto-Submitted"] == "auto-replied"
    assert whole["Message-ID"] == "<id@mail.example.org>"
    assert machine.get_content_type() == "message/delivery-status"
    message, recipient = blocks_of(machine)
    assert dict(message.items()) == {
        "Original-Envelope-Id": "QQ=1",
        "Reporting-MTA": "dns; mail.example.org",
        "Arrival-Date": "Tue, 14 Nov 2023 22:12:20 +0000",
    }
    assert dict(recipient.items()) == {
        "Original-Recipient": "rfc822; bob+x@far.example",
        "Final-Recipient": "rfc822; bob@far.example",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.far.example",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Tue, 14 Nov 2023 22:13:20 +0000",
    }
    text = words.get_payload()
    for said in (FAILED.cause, FAILED.remedy, FAILED.answer, "<bob@far.example>"):
        assert said in str(text)
    assert returned.get_content_type() == "message/rfc822"
    assert composed.octets.count(MESSAGE[len(KEPT) :]) == 1
    assert KEPT not in composed.octets, "what stays here does not go back"
    assert (composed.eight_bit, composed.utf8) == (False, False)


@pytest.mark.rfc(3461, "4.3")
@pytest.mark.parametrize(
    ("action", "full", "kind"),
    [
        (Action.FAILED, True, "message/rfc822"),
        (Action.FAILED, False, "text/rfc822-headers"),
        (Action.DELAYED, True, "text/rfc822-headers"),
        (Action.DELIVERED, True, "text/rfc822-headers"),
        (Action.RELAYED, True, "text/rfc822-headers"),
    ],
)
def test_only_a_failure_brings_all_back(action: Action, full: bool, kind: str) -> None:
    notice = replace(NOTICE, recipients=(replace(FAILED, action=action, retry_until=NOW + 9),))
    _, (words, machine, returned) = parts_of(compose(notice, MESSAGE, len(KEPT), full=full))
    assert returned.get_content_type() == kind
    recipient = blocks_of(machine)[1]
    assert recipient["Action"] == action.value
    assert ("Will-Retry-Until" in recipient) == (action is Action.DELAYED)
    assert ("At noon?" in str(returned)) == (kind == "message/rfc822")
    assert "lunch" in str(returned)
    assert "We try until" in str(words.get_payload())


def test_large_messages_come_back_as_their_header() -> None:
    large = MESSAGE + b"x" * RETURNED_OCTETS
    composed = compose(NOTICE, large, len(KEPT), full=True)
    assert len(composed.octets) < 3_000
    endless = b"X-Field: yes\r\n" * 100_000
    composed = compose(NOTICE, endless, 0, full=True)
    assert len(composed.octets) < RETURNED_HEADER_OCTETS + 3_000
    *_, returned = parts_of(composed)[1]
    assert set(str(returned.get_payload()).split("\n")) <= {"X-Field: yes\r", "X-Field: yes", ""}


@pytest.mark.rfc(6533, "4")
def test_utf8_message() -> None:
    message = "Subject: Grüße\r\n\r\nHallo\r\n".encode()
    recipient = replace(FAILED, address="jörg@far.example", orcpt="utf-8;j\\x{F6}rg@far.example")
    notice = replace(NOTICE, recipients=(recipient,), utf8=True)
    composed = compose(notice, message, 0, full=True)
    _, (_, machine, returned) = parts_of(composed)
    assert machine.get_content_type() == "message/global-delivery-status"
    assert returned.get_content_type() == "message/global"
    assert "Final-Recipient: utf-8; jörg@far.example\r\n".encode() in composed.octets
    assert "Original-Recipient: utf-8; jörg@far.example\r\n".encode() in composed.octets
    assert (composed.eight_bit, composed.utf8) == (True, True)
    header = parts_of(compose(notice, message, 0, full=False))[1][2]
    assert header.get_content_type() == "message/global-headers"


@pytest.mark.rfc(6533, "3")
def test_utf8_address_in_an_old_report() -> None:
    recipient = replace(FAILED, address="jörg@far.example", orcpt="utf-8;j\\x{F6}rg@far.example")
    composed = compose(replace(NOTICE, recipients=(recipient,)), MESSAGE, 0, full=False)
    _, (_, machine, _) = parts_of(composed)
    fields = blocks_of(machine)[1]
    assert fields["Final-Recipient"] == "utf-8; j\\x{F6}rg@far.example"
    assert fields["Original-Recipient"] == "utf-8; j\\x{F6}rg@far.example"


@pytest.mark.rfc(6533, "4.4")
def test_utf8_message_that_needs_none() -> None:
    composed = compose(replace(NOTICE, utf8=True), MESSAGE, 0, full=True)
    assert parts_of(composed)[1][1].get_content_type() == "message/delivery-status"
    assert not composed.utf8


def test_octets_with_the_boundary_cannot_end_the_report() -> None:
    message = b"Subject: x\r\n\r\n--report-1234\r\n\r\n--report-1234--\r\n"
    *_, returned = parts_of(compose(NOTICE, message, 0, full=True))[1]
    assert "--report-1234--" in str(returned)


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["x\r\nBcc: all@example.org", "+0D+0AAction: delivered", "\\x{D}\\x{A}Action: x",
     "\\x{D800}", "\\x{FFFFFF}", "a\n\nb", "\x85\u2028Action: delivered", "a;b;c", "é" * 3_000]
)  # fmt: skip


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.binary(max_size=200), st.booleans())
def test_hostile_values_stay_in_their_field(
    answer: str, remote: str, orcpt: str, envid: str, message: bytes, utf8: bool
) -> None:
    recipient = replace(FAILED, answer=answer, remote=remote, orcpt=orcpt, status=answer[:5])
    notice = replace(NOTICE, recipients=(recipient, recipient), envid=envid, utf8=utf8)
    composed = compose(notice, message, 0, full=False)
    report = composed.octets.partition(b"delivery-status\r\n")[2]
    machine = report.partition(b"\r\n\r\n")[2].partition(b"--report-1234")[0]
    blocks = machine.removesuffix(b"\r\n\r\n").split(b"\r\n\r\n")
    assert len(blocks) == 3, "one for the message, one for each recipient"
    for block in blocks[1:]:
        names = [line.split(b":")[0] for line in block.splitlines() if line[:1] not in b" \t"]
        assert names.count(b"Action") == names.count(b"Status") == 1
        assert set(names) <= {
            b"Original-Recipient", b"Final-Recipient", b"Action", b"Status", b"Remote-MTA",
            b"Diagnostic-Code", b"Last-Attempt-Date",
        }  # fmt: skip
    assert b"\r\nBcc:" not in composed.octets
    assert all(len(line) <= 998 for line in machine.split(b"\r\n"))


def test_values_are_cut() -> None:
    recipient = replace(FAILED, answer="550 " + "a" * 10_000)
    composed = compose(replace(NOTICE, recipients=(recipient,)), MESSAGE, 0, full=False)
    assert composed.octets.count(b"a" * 800) == 2
    assert len(composed.octets) < 2 * VALUE_LETTERS + 3_000


@pytest.mark.rfc(3461, "5.2")
def test_who_is_told() -> None:
    for action in Action:
        assert not wanted("", action, Asked.YES), "no notice about a notice"
        assert wanted("ann@example.org", action, Asked.YES)
        assert not wanted("ann@example.org", action, Asked.NO)
    said_nothing = {a for a in Action if wanted("ann@example.org", a, Asked.NOTHING_SAID)}
    assert said_nothing == {Action.FAILED, Action.DELAYED}


def test_xtext_and_unitext() -> None:
    assert decode_xtext("a+3Db+2B+zz") == "a=b++zz"
    assert encode_unitext("jö +=\\😀") == r"j\x{F6}\x{20}\x{2B}\x{3D}\x{5C}\x{1F600}"


@given(st.text(max_size=40))
def test_unitext_there_and_back(text: str) -> None:
    assert decode_unitext(encode_unitext(text)) == text
    assert encode_unitext(text).isascii()
