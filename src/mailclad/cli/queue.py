"""mailclad queue: mail that waits to leave."""

import heapq
import shutil
import sys
import time
from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.cli.context import config_option, json_option, say, say_json, say_table, with_store
from mailclad.cli.queue_change import CHANGE_COMMANDS
from mailclad.cli.queue_filter import filter_options, queue_id_of, read_filter
from mailclad.cli.queue_words import (
    Lines,
    attempt_json,
    envelope_lines,
    queued_json,
    totals,
)
from mailclad.cli.suppressed import suppressed
from mailclad.cli.trouble import Trouble
from mailclad.cli.words import count, cut, from_now, plain, span
from mailclad.store.queue import (
    DestinationSummary,
    Queued,
    QueuedMessage,
    QueueFilter,
    QueueId,
)
from mailclad.store.queue_name import queue_name

MESSAGES_A_PAGE = 100
"""Each may have a thousand recipients, and all of a page are in memory."""

OCTETS_A_PIECE = 256 * 1024

DESTINATIONS_SHOWN = 20
ANSWER_WIDTH = 40


@click.group()
def queue() -> None:
    """Mail that waits to leave for other servers."""


for command in (*CHANGE_COMMANDS, suppressed):
    queue.add_command(command)


@queue.command("list")
@filter_options
@config_option
@json_option
def list_(
    sender: str | None,
    to_domain: str | None,
    older_than: int | None,
    state: str | None,
    config_file: Path,
    as_json: bool,
) -> None:
    """Show what waits, the oldest first. With --json: a line for each message."""
    now = int(time.time())
    which = read_filter(now, sender, to_domain, older_than, state)

    async def action(things: Opened) -> None:
        shown = await _print_all(things, which, now, as_json)
        if as_json:
            return
        if which == QueueFilter():
            say(totals(await things.store.queue_counts(), now))
        else:
            say(f"{count(shown, 'message')}.")

    with_store(config_file, action)


async def _print_all(things: Opened, which: QueueFilter, now: int, as_json: bool) -> int:
    """Page by page; how many messages."""
    lines = Lines(shutil.get_terminal_size().columns if sys.stdout.isatty() else None)
    shown = 0
    after: QueueId | None = None
    while True:
        page = await things.store.queue_page(which, after, MESSAGES_A_PAGE)
        if page.messages and not shown and not as_json:
            say(lines.heading())
        for each in page.messages:
            if as_json:
                say_json(queued_json(each))
            else:
                say(lines.line(each, now))
        shown += len(page.messages)
        if page.next is None:
            return shown
        after = page.next


@queue.command("show")
@click.argument("message", metavar="ID", type=queue_id_of)
@click.option("--message", "octets", is_flag=True, help="Print the message itself.")
@config_option
@json_option
def show(message: QueueId, octets: bool, config_file: Path, as_json: bool) -> None:
    """Show one message, and what each attempt met."""
    now = int(time.time())

    async def action(things: Opened) -> None:
        found = await _find(things, message)
        if octets:
            await _print_octets(things, found.message)
            return
        attempts = await things.store.queue_attempts(message)
        if as_json:
            say_json(
                {**queued_json(found), "attempt_log": [attempt_json(one) for one in attempts]}
            )
        else:
            say("\n".join(envelope_lines(found, attempts, now)))

    with_store(config_file, action)


async def _find(things: Opened, message: QueueId) -> Queued:
    page = await things.store.queue_page(QueueFilter(message=message))
    if not page.messages:
        name = queue_name(message)
        raise Trouble(f"{name} is not in the queue. What became of it: mailclad trace {name}")
    return page.messages[0]


async def _print_octets(things: Opened, message: QueuedMessage) -> None:
    body = await things.store.body(message.content)
    try:
        for at in range(message.start, body.octets, OCTETS_A_PIECE):
            sys.stdout.buffer.write(body.read(at, OCTETS_A_PIECE))
    finally:
        body.close()


@queue.command("summary")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=DESTINATIONS_SHOWN,
    show_default=True,
    help="So many destinations, those with most recipients first.",
)
@config_option
@json_option
def summary(limit: int, config_file: Path, as_json: bool) -> None:
    """Show for which domains mail waits, and why."""
    now = int(time.time())
    shown, others = with_store(config_file, lambda things: _largest(things, limit))
    if as_json:
        say_json([{name: getattr(one, name) for name in one.__slots__} for one in shown])
    elif not shown:
        say("The queue is empty.")
    else:
        headings = (
            "Destination", "Waiting", "Being tried", "Held", "Oldest", "Next try",
            "What the oldest was told",
        )  # fmt: skip
        say_table(headings, [_summary_row(one, now) for one in shown])
        if others:
            say(f"{count(others, 'more destination')}; to see them: --limit")


async def _largest(things: Opened, limit: int) -> tuple[list[DestinationSummary], int]:
    """Those with most recipients, and how many others there are."""
    largest: list[DestinationSummary] = []
    total, after = 0, ""
    while page := await things.store.destinations(after):
        total, after = total + len(page), page[-1].name
        largest = heapq.nlargest(limit, [*largest, *page], key=_recipients)
    return largest, total - len(largest)


def _recipients(one: DestinationSummary) -> int:
    return one.waiting + one.leased + one.held


def _summary_row(one: DestinationSummary, now: int) -> tuple[str, ...]:
    if one.paused_until > now:
        due = f"paused, {from_now(one.paused_until, now)}"
    else:
        due = "–" if one.next_attempt is None else from_now(one.next_attempt, now)
    return (
        plain(one.name),
        f"{one.waiting:,}",
        f"{one.leased:,}",
        f"{one.held:,}",
        span(now - one.oldest),
        due,
        cut(plain(one.answer), ANSWER_WIDTH),
    )
