"""Certificates as people read them: what is left of a life, what happens next, what went wrong."""

from collections.abc import Iterator
from typing import Any

import click

from mailclad.app.certificate_list import Inventory, Listed, day
from mailclad.cli.context import say
from mailclad.cli.words import ago, count, from_now, moment, plain, shown
from mailclad.services.certificates.plan import NO_END, Alarm
from mailclad.store.certificates import CertificateState
from mailclad.store.renewals import Attempt

BAR_CELLS = 20

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
    for source, reason in inventory.refused.items():
        say(click.style(f"✕ {plain(source)} is not served: {plain(reason)}", fg="red"))


def say_listed(one: Listed, now: int) -> None:
    more = f" and {count(len(one.names) - 1, 'more name')}" if len(one.names) > 1 else ""
    say(f"{click.style(plain(one.names[0]), bold=True)}{more}")
    for line in lines_of(one, now):
        say(f"  {line}")
    say()


def lines_of(one: Listed, now: int) -> Iterator[str]:
    number = f"number {one.id}, " if one.id else ""
    issuer = f", signed by {shown(one.issuer)}" if one.issuer else ""
    yield f"{number}from {plain(one.source)}{issuer} ({one.kind})"
    left, alarm = one.left(now), one.alarm(now)
    coloured = click.style(bar(left), fg=_COLOURS[alarm])
    yield f"{coloured}  {left_words(left)}, until {day(one.not_after)}"
    if alarm is Alarm.EARLY:
        told = f"✕ it begins on {day(one.not_before)}, and this computer's clock says {day(now)}"
        yield click.style(f"{told}: see mailclad explain CERT-306", fg="red")
    yield from _use(one, now)
    if one.next_order is not None:
        at, why = one.next_order.at, plain(one.next_order.why)
        yield (
            f"next order {from_now(at, now)}" + (f" ({day(at)})" if at > now else "") + f": {why}"
        )
    if one.last is not None:
        yield f"last attempt {ago(one.last.at, now)}: {plain(one.last.told or NO_END)}"
        for name, why in one.last.failed.items():
            yield click.style(f"! {plain(name)} was left out: {plain(why)}", fg="yellow")


def _use(one: Listed, now: int) -> Iterator[str]:
    if one.served is not None:
        proven = one.served.proven_at
        told = f", proven {ago(int(proven.timestamp()), now)}" if proven else ", not proven yet"
        temporary = " for want of a better one" if one.served.temporary else ""
        yield f"served{temporary} since {moment(int(one.served.since.timestamp()))}{told}"
        for place in one.served.unproven:
            yield click.style(f"! not proven: {plain(place)}", fg="yellow")
        if one.served.refuted:
            yield click.style(f"✕ {plain(one.served.refuted)}", fg="red")
    elif one.state is not None:
        note = f": {plain(one.note)}" if one.note else ""
        yield f"{_STATES[one.state]}{note}"
    else:
        yield "not served: the server was not started with it yet"


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
