"""mailclad trace: a message's whole life, found by any of its names."""

import re
import time

import pytest

from mailclad.base.secret import Secret
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.address import parse_address
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.services.receive.incoming import Given, Incoming, Leads
from mailclad.services.receive.reception import Reception
from mailclad.store.queue import (
    Attempt,
    Dispatch,
    Envelope,
    NewRecipient,
    QueueId,
    RecipientState,
    Result,
    Settlement,
)
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import Happening, TraceEvent
from tests.cli.running import ADA, Cli

NOW = int(time.time())
FIELD = b"Return-Path: <bob@x.example>\r\n"
MESSAGE = b"Subject: hello\r\nMessage-ID: <m1@x.example>\r\n\r\nhello\r\n"


def told_of(cli: Cli, *words: str) -> str:
    """What ``trace`` says, without the blanks that make columns."""
    return re.sub(" {2,}", " ", cli("trace", *words))


class Clock:
    def now(self) -> int:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def receive(cli: Cli, identity: str = "00000000000000aa") -> None:
    """A message for Ada, from outside."""

    async def act(store: SqliteStore) -> None:
        reception = Reception(store, Clock(), Secret(b"k" * 32), "mx.example.org", trace=store)
        ada = parse_address("Ada@example.org")
        given = Given(Rcpt(ada), await reception.recipient(ada))
        mail = Mail(parse_address("Bob@x.example"))
        await reception.receive(Incoming(identity, FIELD + MESSAGE, len(FIELD), mail, [given]))

    cli.on_store(act)


def leave(cli: Cli) -> str:
    """A message of Ada's that waits after one attempt; its queue id."""

    async def act(store: SqliteStore) -> QueueId:
        envelope = Envelope(
            ADA, (NewRecipient("cat@y.example", "y.example"),), NOW + 9, NOW + 9, "aa"
        )
        (queued,) = await store.enqueue(Dispatch(MESSAGE, NOW, (envelope,)))
        for happening, text in (
            (Happening.QUEUED, "for cat@y.example"),
            (Happening.DELAYED, "cat@y.example: 451 \x1b[2Jlater"),
        ):
            store.note(TraceEvent(NOW, "aa", happening, text, "", queued, ("cat@y.example",)))
        await store.lease_due(NOW, "me", NOW + 60)
        attempt = Attempt(
            NOW, "y.example", "mx.y.example", "192.0.2.1", "", "", "", "", "451 later"
        )  # fmt: skip
        result = Result(0, RecipientState.WAITING, "451 later", NOW + 3_600)
        await store.settle("me", [Settlement(queued, (result,), (attempt,))])
        return queued

    return queue_name(cli.on_store(act))


@pytest.mark.parametrize(
    "name",
    ["<m1@x.example>", "m1@x.example", "00000000000000AA", "ADA@example.org", "bob@X.example"],
)
@pytest.mark.slow
def test_a_message_that_came_is_found_and_located(with_ada: Cli, name: str) -> None:
    receive(with_ada)
    told = told_of(with_ada, name)
    assert told.startswith("Message <m1@x.example>, our id 00000000000000aa\n")
    assert f"received from Bob@x.example, {len(FIELD + MESSAGE)} octets; in INBOX for Ada" in told
    assert "Now in INBOX of ada@example.org." in told


@pytest.mark.slow
def test_a_message_that_was_removed_is_not_said_to_lie_anywhere(with_ada: Cli) -> None:
    receive(with_ada)

    async def act(store: SqliteStore) -> None:
        ada = await store.find_account(ADA)
        await store.remove((await store.stat(ada.id, "INBOX")).id, ((1, 9),))

    with_ada.on_store(act)
    assert "Now in" not in with_ada("trace", "m1@x.example")


def test_a_message_that_leaves_is_told_with_attempts_and_where_it_waits(cli: Cli) -> None:
    name = leave(cli)
    told = told_of(cli, name)
    assert f"queued for cat@y.example ({name})" in told
    assert "tried mx.y.example [192.0.2.1], not encrypted: 451 later" in told
    assert f"Now in the queue ({name}): cat@y.example: waiting, next try in" in told
    assert "\x1b" not in told
    assert "\\x1b[2Jlater" in told
    (line,) = cli.lines("trace", name)
    assert line["queued"][0]["id"] == name
    assert [event["happening"] for event in line["events"]] == ["queued", "delayed"]


def test_what_the_queue_knows_is_told_where_the_trace_was_lost(cli: Cli) -> None:
    name = leave(cli)

    async def forget(store: SqliteStore) -> None:
        while await store.forget_trace(NOW + 40 * 86_400):
            pass

    cli.on_store(forget)
    told = told_of(cli, name)
    assert "tried mx.y.example" in told
    assert f"Now in the queue ({name})" in told
    assert "Nothing is known" in cli("trace", "cat@y.example", status=1)


def test_what_an_administrator_did_is_told_after_the_message_has_gone(cli: Cli) -> None:
    name = leave(cli)
    cli("queue", "hold", name)
    cli("queue", "drop", name, "--yes")
    told = told_of(cli, "cat@y.example")
    assert "changed held by an administrator" in told
    assert "changed dropped by an administrator" in told
    assert "Now in" not in told


@pytest.mark.slow
def test_the_newest_messages_come_last_and_no_more_than_wanted(with_ada: Cli) -> None:
    receive(with_ada, "01")
    receive(with_ada, "02")
    receive(with_ada, "03")
    assert [life["identity"] for life in with_ada.lines("trace", ADA)] == ["01", "02", "03"]
    assert [life["identity"] for life in with_ada.lines("trace", ADA, "--limit", "2")] == [
        "02",
        "03",
    ]


def test_of_what_nothing_is_known_the_reason_is_guessed(cli: Cli) -> None:
    said = cli("trace", "nobody@x.example", status=1)
    assert "Nothing is known of nobody@x.example" in said
    assert "30 days" in said


def test_recipients_elsewhere_are_named_by_their_queue_ids(cli: Cli) -> None:
    async def act(store: SqliteStore) -> None:
        reception = Reception(store, Clock(), Secret(b"k" * 32), "mx.example.org", trace=store)
        cat = parse_address("cat@y.example")
        given = Given(Rcpt(cat), Leads(elsewhere=(cat,)))
        message = Incoming("bb", MESSAGE, 0, Mail(parse_address(ADA)), [given])
        to = tuple(NewRecipient(f"p{n}@y.example", "y.example") for n in range(5))
        await reception.keep(message, (), (Envelope(ADA, to, NOW + 9, NOW + 9, "bb"),))

    cli.on_store(act)
    (life,) = cli.lines("trace", "p4@y.example")
    assert life["events"][0]["message_id"] == "m1@x.example"
    queued = life["events"][1]
    assert queued["text"] == "for p0@y.example, p1@y.example, p2@y.example and 2 more"
    assert queued["queue"] == life["queued"][0]["id"]
