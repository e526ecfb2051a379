"""mailclad queue: seen, held, released, tried now, dropped; and who gets nothing."""

import contextlib
import time
from collections.abc import Sequence

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.cli.queue_filter import destination_of, queue_id_of, span_of
from mailclad.cli.queue_words import Lines
from mailclad.cli.words import cut, plain, size, span
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.store.model import ContentId
from mailclad.store.queue import (
    Attempt,
    Dispatch,
    Envelope,
    NewRecipient,
    Notify,
    Queued,
    QueuedMessage,
    QueuedRecipient,
    QueueId,
    RecipientState,
    Result,
    Settlement,
)
from mailclad.store.queue_name import queue_name
from tests.cli.running import Cli

NOW = int(time.time())
HOUR = 3_600
FIELD = b"Return-Path: <ann@example.org>\r\n"
MESSAGE = b"Subject: hello\r\n\r\nhello\r\n"


def fill(cli: Cli, *queued: tuple[str, int, Sequence[str]]) -> list[str]:
    """Queue messages by sender, age and recipients; their ids as people see them."""

    async def act(store: SqliteStore) -> list[QueueId]:
        ids: list[QueueId] = []
        for sender, age, recipients in queued:
            at = NOW - age
            to = tuple(NewRecipient(each, each.partition("@")[2]) for each in recipients)
            envelope = Envelope(sender, to, at + 432_000, at + 14_400, "id1", len(FIELD))
            ids += await store.enqueue(Dispatch(FIELD + MESSAGE, at, (envelope,)))
        return ids

    return [queue_name(each) for each in cli.on_store(act)]


@pytest.fixture
def three(cli: Cli) -> tuple[Cli, list[str]]:
    names = fill(
        cli,
        ("ann@example.org", 3 * HOUR, ["bob@a.example", "cat@b.example"]),
        ("dan@example.org", 2 * HOUR, ["bob@a.example"]),
        ("", 0, ["eve@c.example"]),
    )
    return cli, names


def deferred(cli: Cli, name: str, answer: str) -> None:
    """The message was tried, and is to be tried again."""

    async def act(store: SqliteStore) -> None:
        message = queue_id_of(name)
        await store.lease_due(NOW, "me", NOW + 60)
        attempt = Attempt(
            NOW, "a.example", "mx.a.example", "192.0.2.1", "TLSv1.3", "s", "g", "proven by DANE",
            answer,
        )  # fmt: skip
        result = Result(0, RecipientState.WAITING, answer, NOW + HOUR)
        await store.settle("me", [Settlement(message, (result,), (attempt,))])
        await store.return_leases("me")

    cli.on_store(act)


def test_an_empty_queue_says_so(cli: Cli) -> None:
    assert "The queue is empty." in cli("queue", "list")
    assert "The queue is empty." in cli("queue", "summary")
    assert cli.lines("queue", "list") == []


def test_the_list_has_a_line_for_each_message_and_totals(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    heading, *lines, total = cli("queue", "list").splitlines()
    assert heading.startswith("Id")
    assert [line.split()[0] for line in lines] == names
    assert "bob@a.example +1" in lines[0]
    assert "<>" in lines[2]
    assert total == "3 messages, 75 octets: 4 waiting; the oldest for 3 h."
    assert [row["id"] for row in cli.lines("queue", "list")] == names


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--sender", "ann@example.org"], [0]),
        (["--sender", "<>"], [2]),
        (["--to-domain", "A.example"], [0, 1]),
        (["--to-domain", "a.example", "--sender", "dan@example.org"], [1]),
        (["--older-than", "150m"], [0]),
        (["--older-than", "1h"], [0, 1]),
        (["--state", "held"], []),
    ],
)
def test_filters_narrow_the_list(
    three: tuple[Cli, list[str]], words: list[str], found: list[int]
) -> None:
    cli, names = three
    assert [row["id"] for row in cli.lines("queue", "list", *words)] == [names[n] for n in found]


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_a_line_fits_into_the_terminal(width: int) -> None:
    message = QueuedMessage(
        QueueId(NOW << 20), ContentId(1), 12_345, 0, "id1", "a" * 50, NOW, NOW, NOW,
        None, None, None, 0, False, False, False,
    )  # fmt: skip
    recipients = tuple(
        QueuedRecipient(
            number, "b" * 50, "x.example", Notify(0), None, RecipientState.WAITING, NOW + 300, 1,
            False, "451 later " * 20, None, None,
        )
        for number in range(3)
    )  # fmt: skip
    lines = Lines(width)
    line = lines.line(Queued(message, recipients), NOW)
    assert max(len(line), len(lines.heading())) <= width
    if width >= 100:
        assert "… +2" in line
        assert "in 5 min" in line
        assert "451 later" in line
    whole = Lines(None).line(Queued(message, recipients), NOW)
    assert ("a" * 50 in whole, "b" * 50 in whole, "…" in whole) == (True, True, False)


def test_a_list_of_many_pages_is_complete(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.cli.queue.MESSAGES_A_PAGE", 2)
    names = fill(cli, *[("ann@example.org", 10, ["bob@a.example"])] * 5)
    assert [row["id"] for row in cli.lines("queue", "list")] == names


def test_one_message_is_shown_with_its_attempts(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    deferred(cli, names[0], "451 4.7.1 come \x1b[31mback\u202e later")
    shown = cli("queue", "show", names[0].upper())
    assert "bob@a.example: waiting, next try in" in shown
    assert "mx.a.example [192.0.2.1], TLSv1.3, proven by DANE: 451 4.7.1 come" in shown
    assert "\x1b" not in shown
    assert "\\x1b[31mback\\u202e later" in shown
    assert "\u202e" not in cli("queue", "list")
    (told,) = cli.lines("queue", "show", names[0])
    assert told["attempt_log"][0]["tls_version"] == "TLSv1.3"


def test_the_message_itself_is_printed_as_it_would_be_sent(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    printed = cli.run("queue", "show", names[0], "--message")
    assert printed.stdout_bytes == MESSAGE


def test_what_is_not_in_the_queue_is_looked_for_in_the_trace(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    cli("queue", "drop", names[0], "--yes")
    said = cli("queue", "show", names[0], status=1)
    assert f"mailclad trace {names[0]}" in said
    assert "is no queue id" in cli("queue", "show", "nonsense", status=2)


def test_messages_are_held_released_and_tried_now(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    assert "2 recipients held" in cli("queue", "hold", "--to-domain", "a.example")
    assert [r["id"] for r in cli.lines("queue", "list", "--state", "held")] == names[:2]
    assert " held" in cli("queue", "list")
    assert cli.json("queue", "release", names[1]) == {"recipients": 1}
    deferred(cli, names[1], "451 later")
    assert "1 recipient to be tried now" in cli("queue", "retry", names[1])
    (row,) = cli.lines("queue", "list", "--sender", "dan@example.org")
    assert row["recipients"][0]["next_attempt"] <= time.time()
    assert "Nothing was changed" in cli("queue", "release", names[1], status=1)


def test_dropping_asks_and_says_how_many(three: tuple[Cli, list[str]]) -> None:
    cli, _ = three
    refused = cli("queue", "drop", "--to-domain", "a.example", given="n\n", status=1)
    assert "Drop 2 messages?" in refused
    assert "Nothing was dropped" in refused
    assert "2 recipients dropped" in cli("queue", "drop", "--to-domain", "a.example", given="y\n")
    assert cli.json("queue", "drop", "--all", "--yes") == {"recipients": 2}
    assert "The queue is empty." in cli("queue", "list")
    assert "Nothing was changed" in cli("queue", "drop", "--all", given="y\n", status=1)


def test_a_change_needs_to_be_told_of_what(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    for words in ([], [names[0], "--all"], ["--all", "--sender", "ann@example.org"]):
        assert "Name messages by their ids" in cli("queue", "drop", "--yes", *words, status=2)
    assert len(cli.lines("queue", "list")) == 3


def test_changes_go_on_over_all_pages(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.engines.sqlite.queue_listing.PAGE_MESSAGES", 2)
    fill(cli, *[("ann@example.org", 10, ["bob@a.example"])] * 5)
    assert cli.json("queue", "hold", "--all") == {"recipients": 5}


def test_the_summary_names_destinations_by_how_many_wait(three: tuple[Cli, list[str]]) -> None:
    cli, names = three
    deferred(cli, names[0], "451 4.7.1 greylisted")
    cli("queue", "hold", names[2])
    first, *others = cli.json("queue", "summary")
    assert (first["name"], first["waiting"], first["answer"]) == (
        "a.example", 2, "451 4.7.1 greylisted",
    )  # fmt: skip
    assert {(row["name"], row["waiting"], row["held"]) for row in others} == {
        ("b.example", 1, 0),
        ("c.example", 0, 1),
    }
    shown = cli("queue", "summary", "--limit", "1")
    assert "a.example" in shown
    assert "2 more destinations" in shown


def test_addresses_are_suppressed_and_freed(cli: Cli) -> None:
    assert "No address is suppressed" in cli("queue", "suppressed", "list")
    cli("queue", "suppressed", "add", "Bob@A.example", "--reason", "asked for it")
    cli("queue", "suppressed", "add", "eve@a.example", "--days", "3")
    assert "asked for it" in cli("queue", "suppressed", "list")
    bob, eve = cli.json("queue", "suppressed", "list")
    assert (bob["address"], bob["until"]) == ("bob@a.example", None)
    assert eve["until"] - eve["added_at"] == 3 * 86_400
    cli("queue", "suppressed", "remove", "bob@A.example")
    assert "is not suppressed" in cli("queue", "suppressed", "remove", "bob@a.example", status=1)


@given(st.integers(0, 99_999), st.sampled_from(["s", "m", "h", "d"]))
def test_times_are_read_in_each_unit(number: int, unit: str) -> None:
    seconds = number * {"s": 1, "m": 60, "h": 3_600, "d": 86_400}[unit]
    assert span_of(f"{number}{unit}") == span_of(f" {number} {unit.upper()}") == seconds


@given(st.text(max_size=20))
def test_other_words_are_refused_for_what_they_are(text: str) -> None:
    for read in (span_of, queue_id_of, destination_of):
        with contextlib.suppress(click.BadParameter):
            read(text)


@given(st.text())
def test_what_is_shown_never_commands_a_terminal(text: str) -> None:
    assert plain(text).isprintable()


def test_amounts_are_told_in_units_that_fit() -> None:
    assert [span(seconds) for seconds in (-1, 0, 119, 120, 7_199, 7_200, 172_800)] == [
        "0 s", "0 s", "119 s", "2 min", "119 min", "2 h", "2 d",
    ]  # fmt: skip
    assert [size(octets) for octets in (0, 999, 1_000, 1_500_000, 2 * 10**15)] == [
        "0 octets", "999 octets", "1.0 kB", "1.5 MB", "2000.0 TB",
    ]  # fmt: skip
    assert [cut("abcdef", width) for width in (6, 3, 1, 0)] == ["abcdef", "ab…", "…", "…"]
