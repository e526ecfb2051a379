"""Who is told what, in which words."""

import pytest

from mailclad.mail.dsn import Action
from mailclad.services.queue.explain import explain, status_of
from mailclad.services.queue.notice import Event, Writing, wants, write_notice
from mailclad.store.model import ContentId
from mailclad.store.queue import (
    Notify,
    QueuedMessage,
    QueuedRecipient,
    QueueId,
    RecipientState,
    Return,
)
from mailclad.store.queue_name import queue_name

NOW = 1_700_000_000
OCTETS = b"Return-Path: <>\r\nSubject: lunch\r\n\r\nAt noon?\r\n"
WRITING = Writing("mail.example.org", NOW, "1234")


def message(sender: str = "ann@example.org", ret: Return | None = None) -> QueuedMessage:
    return QueuedMessage(
        QueueId(NOW - 60 << 20), ContentId(1), len(OCTETS) - 17, 17, "id", sender, NOW + 9, NOW, 0,
        None, "E1", ret, 0, False, False, False,
    )  # fmt: skip


def recipient(notify: Notify = Notify(0), address: str = "bob@far.example") -> QueuedRecipient:
    return QueuedRecipient(
        0, address, "far.example", notify, None, RecipientState.LEASED, NOW, 1, False, "", "me",
        NOW,
    )  # fmt: skip


@pytest.mark.rfc(3461, "4.1")
@pytest.mark.parametrize(
    ("notify", "told"),
    [
        (Notify(0), {Action.FAILED, Action.DELAYED}),
        (Notify.NEVER, set()),
        (Notify.FAILURE, {Action.FAILED}),
        (Notify.DELAY, {Action.DELAYED}),
        (
            Notify.SUCCESS | Notify.FAILURE,
            {Action.FAILED, Action.DELIVERED, Action.RELAYED, Action.EXPANDED},
        ),
    ],
)
def test_notify(notify: Notify, told: set[Action]) -> None:
    to = recipient(notify)
    assert {each for each in Action if wants(message(), Event(to, each, ""))} == told
    assert not any(wants(message(""), Event(to, each, "")) for each in Action)


def test_notice_tells_only_what_is_wanted() -> None:
    events = [
        Event(recipient(), Action.FAILED, "550 5.1.1 unknown", "mx.far.example"),
        Event(recipient(Notify.NEVER, "eve@far.example"), Action.FAILED, "550 5.1.1"),
    ]
    written = write_notice(message(ret=Return.FULL), OCTETS, events, WRITING)
    assert written is not None
    assert b"\r\nSubject: lunch\r\n\r\nAt noon?\r\n" in written.octets
    assert b"Original-Envelope-Id: E1\r\n" in written.octets
    name = queue_name(message().id).encode()
    assert b"\r\nX-Mailclad-Queue-ID: %b\r\n" % name in written.octets, "for mailclad trace"
    assert b"There is no such address there." in written.octets
    assert b"eve@" not in written.octets
    assert write_notice(message(), OCTETS, events[1:], WRITING) is None
    header_only = write_notice(message(), OCTETS, events, WRITING)
    assert header_only is not None
    assert b"At noon?" not in header_only.octets


@pytest.mark.rfc(3463, "3")
@pytest.mark.parametrize(
    ("answer", "action", "status", "words"),
    [
        ("550 5.1.1 nobody", Action.FAILED, "5.1.1", "no such address"),
        ("552-5.2.2 full", Action.FAILED, "5.2.2", "mailbox is full"),
        ("556 5.1.10 null MX", Action.FAILED, "5.1.10", "takes no mail at all"),
        ("550 go away", Action.FAILED, "5.0.0", "refuses this message"),
        ("550 5.99.99 strange", Action.FAILED, "5.99.99", "refuses this message"),
        ("550 5.1.1.1 not a code", Action.FAILED, "5.0.0", "refuses this message"),
        ("550 2.1.5 contradiction", Action.FAILED, "5.0.0", "refuses this message"),
        ("451 4.7.5 no valid certificate", Action.FAILED, "5.4.7", "proven to be secure"),
        ("connection refused", Action.FAILED, "5.4.7", "in the time"),
        ("", Action.FAILED, "5.4.7", "in the time"),
        ("451 4.2.2 full", Action.DELAYED, "4.2.2", "mailbox is full"),
        ("451 later", Action.DELAYED, "4.0.0", "not be delivered yet"),
        ("250 2.1.5 fine", Action.RELAYED, "2.1.5", "has taken it"),
        ("250 fine", Action.DELIVERED, "2.0.0", "was delivered"),
    ],
)
def test_answers_are_explained(answer: str, action: Action, status: str, words: str) -> None:
    assert status_of(answer, action) == status
    cause, remedy = explain(answer, action)
    assert words in cause
    assert remedy.endswith(".")
