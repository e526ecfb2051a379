"""What the doctor came to: sections with the worst of each, one sentence, what was set aside.

Comes in: findings in words, what a person has set aside.  Goes out: a ``Report``, the same value
as of ``mailclad check``.  Pure.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mailclad.services.diagnose.filling import date_words, readable
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.report import Answer, Report
from mailclad.services.diagnose.told import Told


@dataclass(frozen=True, slots=True)
class SetAside:
    """A finding that a person has judged: not for them, ``because``, before ``until``."""

    id: str
    because: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Looked:
    """What was looked at, and what not: only of that can it be said that it is fine."""

    runs: bool
    store: bool
    outside: bool
    why_not_outside: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    """``families`` are beginnings of ids; the first section that has one takes the finding."""

    question: str
    fine: str
    families: tuple[str, ...]
    is_looked_at: Callable[[Looked], bool] = lambda _: True


_SECTIONS = (
    _Section(
        "Does it run as it was set up?",
        "Yes: every port of the settings answers.",
        (
            "HOST-805",
            "HOST-806",
            "HOST-808",
            "HOST-809",
            "HOST-811",
            "HOST-812",
            "HOST-814",
            "MODE",
            "CLIENT",
        ),
    ),
    _Section(
        "Is this machine in order?",
        "Yes: room, rights and versions are as they should be.",
        ("HOST-801", "HOST-802", "HOST-803", "HOST-804", "HOST-815", "CERT-313"),
    ),
    _Section(
        "Are the certificates good?",
        "Yes, on every port.",
        ("CERT", "TLS", "ACME", "HOST-813", "HOST-817"),
        lambda looked: looked.runs,
    ),
    _Section(
        "Does mail leave?",
        "Yes: nothing has waited for long.",
        ("HOST-807", "HOST-816", "SEND", "CONN-106"),
        lambda looked: looked.store,
    ),
    _Section(
        "Does the world find it?",
        "Yes: the DNS leads here, and says what it should.",
        ("DNS", "CONN", "HOST-810"),
        lambda looked: looked.outside,
    ),
)

_FINE: tuple[tuple[Callable[[Looked], bool], tuple[str, ...], str], ...] = (
    (lambda looked: looked.runs, ("HOST-808",), "The server runs."),
    (lambda looked: looked.runs, ("HOST-806",), "Every port of the settings is served."),
    (lambda looked: looked.runs, ("HOST-809",), "It knows the settings that are on disk."),
    (lambda looked: looked.runs, ("HOST-812",), "No other program answers at its ports."),
    (lambda looked: looked.runs, ("MODE",), "No port takes a password before encryption."),
    (lambda looked: looked.runs, ("TLS",), "No port takes old or weak encryption."),
    (
        lambda looked: looked.store,
        ("HOST-814",),
        "No program failed to agree on encryption in the last day.",
    ),
    (
        lambda looked: looked.runs,
        ("CERT", "HOST-817"),
        "Every port shows a certificate that is good.",
    ),
    (
        lambda looked: looked.store,
        ("ACME", "HOST-813"),
        "No order of a certificate has failed lately.",
    ),
    (lambda _: True, ("HOST-802", "CERT-313"), "Nobody else on this machine reads mail or keys."),
    (lambda _: True, ("HOST-801",), "There is room on the disk."),
    (lambda _: True, ("HOST-805",), "No part needs an update that is known of."),
    (lambda looked: looked.store, ("HOST-807",), "No mail has waited for long."),
    (lambda looked: looked.outside, ("HOST-804",), "The clock agrees with others."),
    (lambda looked: looked.outside, ("DNS",), "The DNS says what it should."),
)

_VERDICTS: Mapping[Level, str] = {
    Level.PROBLEM: "something needs to be done",
    Level.WATCH: "it works, and something is to be watched",
    Level.CANNOT_CHECK: "all is well, as far as it could be seen",
}


def doctor_report(
    name: str, told: Sequence[Told], aside: Sequence[SetAside], looked: Looked, now: datetime
) -> Report:
    findings = tuple(_with_reason(one, aside, now) for one in told)
    by_id: dict[str, list[Level]] = {}
    for one in findings:
        by_id.setdefault(one.id, []).append(one.level)
    return Report(
        target=name,
        verdict=_verdict({one.level for one in findings}, by_id),
        findings=findings,
        fine=tuple(_fine(by_id, looked)),
        checked_at=now,
        seen_from="this server, from inside" + (" and outside" if looked.outside else ""),
        answers=tuple(_sections(findings, looked)),
    )


def _with_reason(told: Told, aside: Iterable[SetAside], now: datetime) -> Told:
    """Shown all the same, with who said so why: nobody is to forget it."""
    for one in aside:
        if one.id == told.id and now < one.until:
            reason = f"Set aside until {date_words(one.until)}: {readable(one.because)}"
            return replace(
                told, level=Level.NOT_FOR_YOU, do_user=(reason,), do_admin=(reason,), paste=""
            )
    return told


def _verdict(levels: Collection[Level], by_id: Mapping[str, object]) -> str:
    if "HOST-808" in by_id and Level.PROBLEM in levels:
        return "it does not run"
    return next((text for level, text in _VERDICTS.items() if level in levels), "all is well")


def _fine(by_id: Collection[str], looked: Looked) -> Iterator[str]:
    for was_looked_at, families, text in _FINE:
        if was_looked_at(looked) and not any(one.startswith(families) for one in by_id):
            yield text


def _sections(findings: Sequence[Told], looked: Looked) -> Iterator[Answer]:
    left = list(findings)
    for section in _SECTIONS:
        here = [one for one in left if one.id.startswith(section.families)]
        left = [one for one in left if one not in here]
        yield _answer(section, here, looked)


_BAD = (Level.PROBLEM, Level.WATCH, Level.CANNOT_CHECK)


def _answer(section: _Section, here: Sequence[Told], looked: Looked) -> Answer:
    worst = next((level for level in _BAD if any(one.level is level for one in here)), Level.OK)
    if worst is not Level.OK:
        ids = ", ".join(dict.fromkeys(one.id for one in here if one.level is worst))
        words = {Level.PROBLEM: "No", Level.WATCH: "Yes, with something to watch"}
        return Answer(section.question, f"{words.get(worst, 'Could not check')}: {ids}.", worst)
    if section.is_looked_at(looked):
        return Answer(section.question, section.fine, Level.OK)
    why = looked.why_not_outside if section is _SECTIONS[-1] else "the server does not run"
    return Answer(section.question, f"Not looked at: {why}.", Level.NOTE)
