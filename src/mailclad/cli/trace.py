"""mailclad trace: what became of a message."""

import time
from pathlib import Path

import click

from mailclad.cli.context import config_option, json_option, say, say_json, with_store
from mailclad.cli.trace_words import Told, life_json, life_text
from mailclad.cli.trouble import Trouble
from mailclad.mail.address import parse_address
from mailclad.store.errors import StoreProblem
from mailclad.store.interface import Store
from mailclad.store.model import AccountId, HeaderContains
from mailclad.store.queue import Queued, QueueFilter, QueueId
from mailclad.store.queue_name import parse_queue_name, queue_name
from mailclad.store.trace import KEPT_DAYS, LIVES_AT_ONCE, REFUSALS_KEPT_DAYS, Life, spellings

LIVES_LOCATED = 3
"""Of so many messages we look where they lie now: each is searched for in whole mailboxes."""

_NOTHING = (
    "Nothing is known of {what}. It may not have come to this server, or be older than"
    f" {KEPT_DAYS} days (refused mail: {REFUSALS_KEPT_DAYS}), or be less than a second old."
)


@click.command()
@click.argument("what")
@click.option(
    "--limit",
    type=click.IntRange(1, LIVES_AT_ONCE),
    default=10,
    show_default=True,
    help="So many messages, the newest.",
)
@config_option
@json_option
def trace(what: str, limit: int, config_file: Path, as_json: bool) -> None:
    """Tell what became of a message: received, checked, stored, sent.

    WHAT is a Message-ID, the id in our Received line or answer ("Accepted as …"), a queue id, or
    an address. With --json: a line for each message, the newest last.
    """
    now = int(time.time())
    lives = with_store(config_file, lambda things: _tell(things.store, what, limit))
    if not lives:
        raise Trouble(_NOTHING.format(what=what))
    for place, told in enumerate(lives):
        if as_json:
            say_json(life_json(told))
        else:
            say("\n" * bool(place) + life_text(told, now))


async def _tell(store: Store, what: str, limit: int) -> list[Told]:
    lives: dict[str, Life] = {}
    for name in spellings(what):
        lives |= {life.identity: life for life in await store.trace(name, limit)}
    newest = sorted(lives.values(), key=lambda life: life.events[-1].at)[-limit:]
    locate = len(newest) <= LIVES_LOCATED
    return [await _told(store, life, locate) for life in newest] or await _untold(store, what)


async def _told(store: Store, life: Life, locate: bool) -> Told:
    queue_ids = dict.fromkeys(event.queue for event in life.events if event.queue is not None)
    attempts = [one for each in queue_ids for one in await store.queue_attempts(each)]
    queued = [one for each in queue_ids for one in await _queued(store, each)]
    places = await _places(store, life) if locate else []
    return Told(life, tuple(attempts), tuple(queued), tuple(places))


async def _untold(store: Store, what: str) -> list[Told]:
    """What the queue itself knows of a message that the trace has lost in a crash."""
    message = parse_queue_name(what)
    if message is None:
        return []
    attempts, queued = await store.queue_attempts(message), await _queued(store, message)
    if not attempts and not queued:
        return []
    identity = queued[0].message.identity if queued else queue_name(message)
    return [Told(Life(identity, ()), tuple(attempts), queued, ())]


async def _queued(store: Store, message: QueueId) -> tuple[Queued, ...]:
    return (await store.queue_page(QueueFilter(message=message))).messages


async def _places(store: Store, life: Life) -> list[str]:
    """In whose mailboxes it lies now, by its Message-ID."""
    message_id = next((event.message_id for event in life.events if event.message_id), "")
    if not message_id:
        return []
    query = HeaderContains("message-id", message_id)
    return [
        f"{stat.name} of {address}"
        for account, address in (await _accounts(store, life)).items()
        for stat in await store.stats(account)
        if await store.search(stat.id, query)
    ]


async def _accounts(store: Store, life: Life) -> dict[AccountId, str]:
    """Those among the addresses' that are ours, with their own address."""
    found: dict[AccountId, str] = {}
    for text in dict.fromkeys(address for event in life.events for address in event.addresses):
        try:
            ours = (await store.resolve(parse_address(text).normalised)).accounts
        except (StoreProblem, ValueError):
            continue
        found |= dict.fromkeys(ours, text)
    return found
