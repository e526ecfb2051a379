"""What follows from a trip: results for the queue, and what its sender and the trace hear.

Pure: time and chance are arguments.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mailclad.mail.dsn import Action
from mailclad.protocols.smtp.client.outcome import Fate
from mailclad.services.deliver.trip import Fated, Trip, answer_of
from mailclad.services.queue.hooks import AttemptMade
from mailclad.services.queue.notice import Event, wants
from mailclad.services.queue.schedule import Told, after_deferral
from mailclad.store.queue import RecipientState, Result, Settlement
from mailclad.store.trace import Happening, TraceEvent

UNTOLD_SECONDS = 5 * 60
"""Until a recipient is tried again who would be given up, had the store taken the notice."""

_TOLD = {Told.DELAY: Action.DELAYED, Told.FAILURE: Action.FAILED}
_HAPPENING = {
    RecipientState.DELIVERED: Happening.SENT,
    RecipientState.FAILED: Happening.FAILED,
    RecipientState.WAITING: Happening.DELAYED,
}
_WORDS = {
    RecipientState.DELIVERED: "taken by {}: {}",
    RecipientState.FAILED: "not delivered, {}: {}",
    RecipientState.WAITING: "not yet delivered, {}: {}",
}


@dataclass(frozen=True, slots=True)
class Conclusion:
    """``events`` are those that the sender wants to hear of; ``attempts`` are for hooks."""

    settlement: Settlement
    events: tuple[Event, ...]
    traces: tuple[TraceEvent, ...]
    attempts: tuple[AttemptMade, ...] = ()


def conclude(trip: Trip, now: int, chance: Callable[[], float]) -> Conclusion:
    message = trip.message
    results: list[Result] = []
    events: list[Event] = []
    traces: list[TraceEvent] = []
    for fated in trip.fated:
        result, action = _result(trip, fated, now, chance)
        results.append(result)
        traces.append(_trace(trip, fated, result, now))
        if action is not None:
            remote = fated.remote if fated.verdict.code else ""
            event = Event(
                fated.recipient, action, result.answer, remote, unasked=fated.deadline_lost
            )
            if wants(message, event):
                events.append(event)
    settlement = Settlement(message.id, tuple(results), tuple(trip.attempts))
    addresses = tuple(fated.recipient.address for fated in trip.fated)
    attempts = tuple(AttemptMade(message, addresses, attempt) for attempt in trip.attempts)
    return Conclusion(settlement, tuple(events), tuple(traces), attempts)


def untold(conclusion: Conclusion, now: int) -> Conclusion:
    """The same where no notice can be written now: who failed and should be told of waits, who
    is late is told of the next time."""
    heard = {event.recipient.number for event in conclusion.events}
    settlement = conclusion.settlement
    results: list[Result] = []
    traces: list[TraceEvent] = []
    for result, trace in zip(settlement.results, conclusion.traces, strict=True):
        if result.state is RecipientState.FAILED and result.number in heard:
            again = now + UNTOLD_SECONDS
            results.append(Result(result.number, RecipientState.WAITING, result.answer, again))
        else:
            results.append(replace(result, warned=False))
            traces.append(trace)
    return replace(
        conclusion,
        settlement=replace(settlement, results=tuple(results)),
        traces=tuple(traces),
    )


def _result(
    trip: Trip, fated: Fated, now: int, chance: Callable[[], float]
) -> tuple[Result, Action | None]:
    recipient, answer = fated.recipient, answer_of(fated.verdict)
    if fated.verdict.fate is Fate.DELIVERED:
        told = fated.deadline_lost or not fated.passed_on
        action = Action.RELAYED if told else None
        return Result(recipient.number, RecipientState.DELIVERED, answer), action
    if fated.verdict.fate is Fate.REFUSED:
        return Result(recipient.number, RecipientState.FAILED, answer), Action.FAILED
    verdict = after_deferral(
        recipient.number,
        recipient.attempts + 1,
        answer,
        now,
        expires=trip.message.expires,
        warn_at=trip.message.warn_at,
        warned=recipient.warned,
        chance=chance(),
    )
    return verdict.result, _TOLD.get(verdict.told)


def _trace(trip: Trip, fated: Fated, result: Result, now: int) -> TraceEvent:
    text = _WORDS[result.state].format(_speaker(fated), result.answer)
    sender = (trip.message.sender,) if trip.message.sender else ()
    return TraceEvent(
        at=now,
        identity=trip.message.identity,
        happening=_HAPPENING[result.state],
        text=text,
        queue=trip.message.id,
        addresses=(*sender, fated.recipient.address),
    )


def _speaker(fated: Fated) -> str:
    if fated.verdict.fate is Fate.DELIVERED:
        return fated.remote
    return f"{fated.remote} said" if fated.verdict.code else "this server found"
