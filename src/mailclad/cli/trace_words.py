"""A message's life in sentences, and for programs."""

from dataclasses import dataclass

import click

from mailclad.cli.queue_words import attempt_json, attempt_words, queued_json, recipient_words
from mailclad.cli.words import moment, plain
from mailclad.store.queue import OPEN_STATES, Attempt, Queued
from mailclad.store.queue_name import queue_name
from mailclad.store.trace import Happening, Life, TraceEvent

_COLOURS = {
    Happening.STORED: "green",
    Happening.SENT: "green",
    Happening.REFUSED: "red",
    Happening.FAILED: "red",
    Happening.DELAYED: "yellow",
    Happening.JUDGED: "yellow",
}
_WORD_WIDTH = max(len(happening) for happening in Happening)
_TRIED = "tried"


@dataclass(frozen=True, slots=True)
class Told:
    """What was, and what is now: queued messages, and mailboxes where it lies."""

    life: Life
    attempts: tuple[Attempt, ...]
    queued: tuple[Queued, ...]
    places: tuple[str, ...]


def life_text(told: Told, now: int) -> str:
    lines = [*map(_event_line, told.life.events), *map(_attempt_line, told.attempts)]
    lines.sort(key=lambda line: line[0])
    return "\n".join(
        [_heading(told.life), *[f"  {moment(at)}  {text}" for at, text in lines], *_now(told, now)]
    )


def _heading(life: Life) -> str:
    message_id = next((event.message_id for event in life.events if event.message_id), "")
    known = f"<{plain(message_id)}>, " if message_id else ""
    return click.style(f"Message {known}our id {plain(life.identity)}", bold=True)


def _event_line(event: TraceEvent) -> tuple[int, str]:
    happening = event.happening
    word = click.style(f"{happening:{_WORD_WIDTH}}", fg=_COLOURS.get(happening))
    queue = "" if event.queue is None else f"  ({queue_name(event.queue)})"
    return event.at, f"{word}  {plain(event.text)}{queue}"


def _attempt_line(attempt: Attempt) -> tuple[int, str]:
    return attempt.at, f"{_TRIED:{_WORD_WIDTH}}  {attempt_words(attempt)}"


def _now(told: Told, now: int) -> list[str]:
    lines = [f"  Now in {plain(place)}." for place in told.places]
    for queued in told.queued:
        for one in queued.recipients:
            if one.state in OPEN_STATES:
                name = queue_name(queued.message.id)
                lines.append(f"  Now in the queue ({name}): {recipient_words(one, now)}")
    return lines


def life_json(told: Told) -> dict[str, object]:
    return {
        "identity": told.life.identity,
        "events": [
            {
                "at": event.at,
                "happening": event.happening,
                "text": event.text,
                "message_id": event.message_id,
                "queue": None if event.queue is None else queue_name(event.queue),
                "addresses": event.addresses,
            }
            for event in told.life.events
        ],
        "attempts": [attempt_json(one) for one in told.attempts],
        "queued": [queued_json(one) for one in told.queued],
        "mailboxes": told.places,
    }
