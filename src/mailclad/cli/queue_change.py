"""mailclad queue hold, release, retry, drop: the same four times, from one table."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from mailclad.app.open import Opened
from mailclad.cli.context import config_option, done, json_option, say_json, with_store
from mailclad.cli.progress import Progress, progress_bar
from mailclad.cli.queue_filter import filter_options, queue_id_of, read_filter
from mailclad.cli.trouble import Trouble
from mailclad.cli.words import count
from mailclad.store.queue import PAGE_MESSAGES, Change, QueueFilter, QueueId


@dataclass(frozen=True, slots=True)
class _Words:
    """``done`` follows "3 recipients"; ``nothing`` is why there may be none."""

    help: str
    done: str
    nothing: str


_WORDS = {
    Change.HOLD: _Words(
        "Keep messages from being sent until you release them.",
        "held until you release them",
        "nobody in them is waiting",
    ),
    Change.RELEASE: _Words(
        "Let held messages go; they are tried when they are due.",
        "released",
        "nobody in them is held",
    ),
    Change.RETRY: _Words(
        "Try waiting messages now; pauses end.",
        "to be tried now",
        "nobody in them is waiting. Held ones are released with: mailclad queue release",
    ),
    Change.DROP: _Words(
        "Remove messages from the queue for good. Nobody is told.",
        "dropped",
        "nobody in them is waiting or held. What is being tried just now is left alone",
    ),
}


def _command(change: Change) -> click.Command:
    words = _WORDS[change]

    @click.command(change.value, help=words.help)
    @click.argument("messages", metavar="[ID]...", nargs=-1, type=queue_id_of)
    @filter_options
    @click.option("--all", "everything", is_flag=True, help="The whole queue.")
    @config_option
    @json_option
    def command(
        messages: tuple[QueueId, ...],
        sender: str | None,
        to_domain: str | None,
        older_than: int | None,
        state: str | None,
        everything: bool,
        config_file: Path,
        as_json: bool,
        yes: bool = True,
    ) -> None:
        now = int(time.time())
        which = read_filter(now, sender, to_domain, older_than, state)
        filters = _filters(messages, which, everything)
        if not yes:
            _confirm(config_file, filters)
        with progress_bar("Changing the queue", shown=not as_json) as progress:
            recipients = with_store(
                config_file, lambda things: _change_all(things, change, filters, now, progress)
            )
        if as_json:
            say_json({"recipients": recipients})
        elif recipients:
            done(f"{count(recipients, 'recipient')} {words.done}.")
        else:
            raise Trouble(f"Nothing was changed: there are no such messages, or {words.nothing}.")

    if change is Change.DROP:
        click.option("--yes", is_flag=True, help="Do not ask.")(command)
    return command


CHANGE_COMMANDS = tuple(_command(change) for change in Change)


def _filters(
    messages: Sequence[QueueId], which: QueueFilter, everything: bool
) -> list[QueueFilter]:
    """One way of naming them, exactly."""
    by_filter = which != QueueFilter()
    if sum((bool(messages), by_filter, everything)) != 1:
        raise click.UsageError(
            "Name messages by their ids, or by a filter such as --to-domain, or take --all."
        )
    return [QueueFilter(message=one) for one in messages] or [which]


async def _matches(things: Opened, filters: Sequence[QueueFilter]) -> int:
    return sum([await things.store.queue_matches(which) for which in filters])


def _confirm(config_file: Path, filters: Sequence[QueueFilter]) -> None:
    number = with_store(config_file, lambda things: _matches(things, filters))
    question = f"Drop {count(number, 'message')}? There is no way back, and nobody is told"
    if number and not click.confirm(question):
        raise Trouble("Nothing was dropped. To keep them from being sent: mailclad queue hold")


async def _change_all(
    things: Opened,
    change: Change,
    filters: Sequence[QueueFilter],
    now: int,
    progress: Progress,
) -> int:
    """Page by page, each a transaction; how many recipients were changed."""
    total = await _matches(things, filters)
    recipients = pages = 0
    for which in filters:
        after: QueueId | None = None
        while True:
            changed = await things.store.change(change, which, now, after)
            recipients += changed.recipients
            if changed.next is None:
                break
            pages, after = pages + 1, changed.next
            progress(pages * PAGE_MESSAGES, total)
    return recipients
