"""Certificates as people read them: what is left of a life, what happens next, what went wrong."""

from collections.abc import Iterator
from typing import Any

import click

from mailclad.app.certificate_list import Inventory, Listed, day
from mailclad.cli.context import say
from mailclad.cli.words import about, ago, count, from_now, moment, plain, shown, wrapped
from mailclad.services.certificates.plan import NO_END, Alarm
from mailclad.store.certificates import CertificateState
from mailclad.store.renewals import Attempt

BAR_CELLS = 20

INSTALLED = "installed"
"""Where a certificate is from that an administrator brought."""

_FRACTIONS = (
    (0.97, "all of its life"),
    (0.85, "nine tenths of its life"),
    (0.71, "three quarters of its life"),
    (0.58, "two thirds of its life"),
    (0.42, "half of its life"),
    (0.29, "a third of its life"),
    (0.18, "a quarter of its life"),
    (0.07, "a tenth of its life"),
    (0.0, "hardly any of its life"),
)

_COLOURS = {
    Alarm.OK: "green",
    Alarm.WATCH: "yellow",
    Alarm.PROBLEM: "red",
    Alarm.ENDED: "red",
    Alarm.EARLY: "red",
}

_STATES = {
    CertificateState.STAGED: "waits to be proven on every port",
    CertificateState.LIVE: "in use",
    CertificateState.RETIRED: "another took its place",
    CertificateState.REFUSED: "refused",
}
_NOTED = (CertificateState.STAGED, CertificateState.REFUSED)
"""Of the others the note says only where they were proven once."""

_KINDS = {"ec": "ECDSA", "rsa": "RSA"}

_TEMPORARY = "! temporary: mail programs warn of it. A real one takes its place by itself"


def left_words(left: float) -> str:
    """``left`` is a fraction of the lifetime."""
    if left <= 0:
        return "it has ended"
    words = next(words for least, words in _FRACTIONS if left >= least)
    return f"{words} left"


def bar(left: float) -> str:
    full = round(left * BAR_CELLS)
    return "█" * full + "░" * (BAR_CELLS - full)


def say_inventory(inventory: Inventory, now: int, *, every: bool) -> None:
    """``every``: also those that were used before."""
    gone = (CertificateState.RETIRED, CertificateState.REFUSED)
    for one in inventory.certificates:
        if every or one.state not in gone:
            say_listed(one, now)
    if not any(one.last for one in inventory.certificates):
        _say_last_order(inventory)
    for source, reason in inventory.refused.items():
        text = f"✕ {plain(source)} is not served: {plain(reason)}"
        say(click.style("\n".join(wrapped(text, hanging="  ")), fg="red"))


def _say_last_order(inventory: Inventory) -> None:
    """Where no certificate came of it that could tell."""
    for attempt in inventory.attempts[:1]:
        text = f"! The last order, on {day(attempt.at)}, failed: {_told(attempt)}"
        click.secho("\n".join(wrapped(text, hanging="  ")), fg="yellow")


def say_listed(one: Listed, now: int) -> None:
    more = f" and {count(len(one.names) - 1, 'more name')}" if len(one.names) > 1 else ""
    say(f"{click.style(plain(one.names[0]), bold=True)}{more}")
    left, alarm = one.left(now), one.alarm(now)
    coloured = click.style(bar(left), fg=_COLOURS[alarm])
    _say_lines(_origin(one))
    say(f"  {coloured}  {left_words(left)}, until {day(one.not_after)}")
    for text, colour in _life(one, now):
        _say_lines(text, colour)
    say()


def _say_lines(text: str, colour: str | None = None) -> None:
    for line in wrapped(text, "  ", hanging="    "):
        say(click.style(line, fg=colour))


def _origin(one: Listed) -> str:
    number = f"number {one.id}, " if one.id else ""
    source = "files, by cert install" if one.source == INSTALLED else one.source
    issuer = f", signed by {shown(one.issuer)}" if one.issuer else ""
    return f"{number}from {plain(source)}{issuer} ({_KINDS.get(one.kind, one.kind)} key)"


def _life(one: Listed, now: int) -> Iterator[tuple[str, str | None]]:
    """What is to be said of it, each with its colour."""
    if one.alarm(now) is Alarm.EARLY:
        told = f"✕ it begins on {day(one.not_before)}, and this computer's clock says {day(now)}"
        yield f"{told}: see mailclad explain CERT-306", "red"
    yield from _use(one, now)
    if one.next_order is not None:
        at, why = one.next_order.at, plain(one.next_order.why)
        when = f"{from_now(at, now)} ({day(at)})" if at > now else from_now(at, now)
        yield f"next order {when}: {why}", None
    if one.last is not None:
        yield f"last attempt {ago(one.last.at, now)}: {_told(one.last)}", None
        for name, why in one.last.failed.items():
            yield f"! left out: {plain(about(name, why))}", "yellow"


def _told(attempt: Attempt) -> str:
    again = f". Not before {moment(attempt.not_before)}" if attempt.not_before else ""
    return f"{plain(attempt.told or NO_END)}{again}"


def _use(one: Listed, now: int) -> Iterator[tuple[str, str | None]]:
    if one.served is not None:
        proven = one.served.proven_at
        told = f", proven {ago(int(proven.timestamp()), now)}" if proven else ", not proven yet"
        yield f"served since {moment(int(one.served.since.timestamp()))}{told}", None
        if one.served.temporary:
            yield _TEMPORARY, "yellow"
        for place in one.served.unproven:
            yield f"! not proven: {plain(place)}", "yellow"
        if one.served.refuted:
            yield f"✕ {plain(one.served.refuted)}", "red"
    elif one.state is not None:
        told = one.note if one.state in _NOTED else ""
        yield f"{_STATES[one.state]}{f': {plain(told)}' if told else ''}", None
    else:
        yield "not served: the server was not started with it yet", None


def listed_json(one: Listed, now: int) -> dict[str, Any]:
    served, due = one.served, one.next_order
    return {
        "id": one.id or None,
        "source": one.source,
        "names": one.names,
        "kind": one.kind,
        "issuer": one.issuer,
        "fingerprint": one.fingerprint,
        "not_before": one.not_before,
        "not_after": one.not_after,
        "left": round(one.left(now), 4),
        "alarm": one.alarm(now),
        "state": one.state,
        "note": one.note,
        "served_since": served and served.since.isoformat(),
        "proven_at": served and served.proven_at and served.proven_at.isoformat(),
        "unproven": served.unproven if served else [],
        "next_order": due and {"at": due.at, "why": due.why},
        "last_attempt": attempt_json(one.last) if one.last else None,
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": attempt.at,
        "kind": attempt.kind,
        "authority": attempt.authority,
        "names": attempt.names,
        "issued": attempt.issued,
        "told": attempt.told,
        "left_out": dict(attempt.failed),
        "finding": attempt.finding,
        "not_before": attempt.not_before or None,
    }
