"""Queued messages, recipients and attempts, in words and for programs."""

from collections.abc import Iterable

from mailclad.cli.words import ago, count, cut, from_now, moment, plain, size, span
from mailclad.store.queue import (
    OPEN_STATES,
    Attempt,
    QueueCounts,
    Queued,
    QueuedRecipient,
    RecipientState,
)
from mailclad.store.queue_name import queue_name

STATE_WORDS = {
    RecipientState.WAITING: "waiting",
    RecipientState.LEASED: "being tried",
    RecipientState.HELD: "held",
    RecipientState.DELIVERED: "delivered",
    RecipientState.FAILED: "failed",
}

_LEAST_ADDRESS, _MOST_ADDRESS = 14, 28
_ANSWER_WIDTH = 20
_FIXED = 49


def sender_words(sender: str) -> str:
    return plain(sender) or "<>"


class Lines:
    """The list, a line a message; ``width`` None: nothing is cut."""

    def __init__(self, width: int | None) -> None:
        self._width = width
        room = _MOST_ADDRESS if width is None else (width - _FIXED - _ANSWER_WIDTH) // 2
        self._address = max(_LEAST_ADDRESS, min(room, _MOST_ADDRESS))

    def heading(self) -> str:
        return self._line("Id", "Age", "Size", "From", "To", "Next try", "Last answer")

    def line(self, queued: Queued, now: int) -> str:
        message = queued.message
        waiting_for = [one for one in queued.recipients if one.state in OPEN_STATES]
        return self._line(
            queue_name(message.id),
            span(now - message.created),
            size(message.octets),
            self._fit(sender_words(message.sender), self._address),
            self._to(waiting_for),
            _next_try(waiting_for, now),
            plain(next((one.answer for one in waiting_for if one.answer), "")),
        )

    def _line(self, name: str, age: str, octets: str, sender: str, *rest: str) -> str:
        to, due, answer = rest
        across = self._address
        text = (
            f"{name:11}  {age:>6}  {octets:>9}  {sender:{across}}  {to:{across}}  {due:11}"
            f"  {answer}"
        ).rstrip()
        return text if self._width is None else cut(text, self._width)

    def _to(self, recipients: list[QueuedRecipient]) -> str:
        others = f" +{len(recipients) - 1:,}" if len(recipients) > 1 else ""
        return self._fit(plain(recipients[0].address), self._address - len(others)) + others

    def _fit(self, text: str, width: int) -> str:
        return text if self._width is None else cut(text, width)


def _next_try(recipients: list[QueuedRecipient], now: int) -> str:
    """When, or why not; of several states the one that will do something first."""
    waiting = [one.next_attempt for one in recipients if one.state is RecipientState.WAITING]
    if any(one.state is RecipientState.LEASED for one in recipients):
        return STATE_WORDS[RecipientState.LEASED]
    if waiting:
        return from_now(min(waiting), now)
    return STATE_WORDS[RecipientState.HELD]


def totals(counts: QueueCounts, now: int) -> str:
    if not counts.messages:
        return "The queue is empty."
    recipients = ", ".join(
        f"{number:,} {words}"
        for number, words in (
            (counts.waiting, "waiting"), (counts.leased, "being tried"), (counts.held, "held"),
        )
        if number
    )  # fmt: skip
    oldest = "" if counts.oldest is None else f"; the oldest for {span(now - counts.oldest)}"
    return f"{count(counts.messages, 'message')}, {size(counts.octets)}: {recipients}{oldest}."


def recipient_words(one: QueuedRecipient, now: int) -> str:
    words = [STATE_WORDS[one.state]]
    if one.state is RecipientState.WAITING:
        words.append(f"next try {from_now(one.next_attempt, now)}")
    if one.attempts:
        words.append(f"tried {count(one.attempts, 'time')}")
    answer = f": {plain(one.answer)}" if one.answer else ""
    return f"{plain(one.address)}: {', '.join(words)}{answer}"


def attempt_words(attempt: Attempt) -> str:
    """Who was asked, how the connection was secured, what the answer was."""
    address = f" [{attempt.address}]" if attempt.address else ""
    host = f"{plain(attempt.host)}{address}" if attempt.host else plain(attempt.destination)
    answer = plain(attempt.answer) or "no answer"
    return f"{host}, {_security(attempt)}: {answer}"


def _security(attempt: Attempt) -> str:
    if not attempt.tls_version:
        return "not encrypted"
    verified = plain(attempt.verified) or "the server not verified"
    return f"{plain(attempt.tls_version)}, {verified}"


def envelope_lines(queued: Queued, attempts: Iterable[Attempt], now: int) -> list[str]:
    message = queued.message
    lines = [
        f"Queue id    {queue_name(message.id)}",
        f"Our id      {message.identity or '–'}",
        f"From        {sender_words(message.sender)}",
        f"Size        {size(message.octets)}",
        f"Queued      {moment(message.created)} ({ago(message.created, now)})",
        f"Given up    {moment(message.expires)} ({from_now(message.expires, now)})",
    ]
    if message.requiretls:
        lines.append("Demands     encryption all the way (REQUIRETLS)")
    lines += ["Recipients", *[f"  {recipient_words(one, now)}" for one in queued.recipients]]
    told = [f"  {moment(one.at)}  {attempt_words(one)}" for one in attempts]
    return [*lines, *(["Attempts", *told] if told else ["Attempts    none yet"])]


def queued_json(queued: Queued) -> dict[str, object]:
    message = queued.message
    return {
        "id": queue_name(message.id),
        "identity": message.identity,
        "sender": message.sender,
        "octets": message.octets,
        "queued_at": message.created,
        "expires": message.expires,
        "recipients": [
            {
                "address": one.address,
                "destination": one.destination,
                "state": one.state,
                "next_attempt": one.next_attempt,
                "attempts": one.attempts,
                "answer": one.answer,
            }
            for one in queued.recipients
        ],
    }


def attempt_json(attempt: Attempt) -> dict[str, object]:
    return {name: getattr(attempt, name) for name in attempt.__slots__}
