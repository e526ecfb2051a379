"""Findings and reports as text: at most 80 columns, but for what is to be copied as it is.

Comes in: told findings, without anything that a terminal would obey.  Goes out: lines, styled;
marks have their words beside them, so that nothing depends on colour or on seeing the mark.
"""

from collections.abc import Iterable, Iterator, Mapping

import click

from mailclad.cli.words import WIDTH, columns, plain, wrapped
from mailclad.services.diagnose.filling import date_words
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.place import PROTOCOLS, PURPOSES, TLS_WORDS
from mailclad.services.diagnose.report import Report, Seen
from mailclad.services.diagnose.told import LEVEL_MARKS, LEVEL_WORDS, Told

_COLOURS: Mapping[Level, str] = {
    Level.PROBLEM: "red",
    Level.WATCH: "yellow",
    Level.NOTE: "cyan",
    Level.CANNOT_CHECK: "magenta",
    Level.OK: "green",
}
_STEPS_SHOWN = 2
"""Of what to do, in a report: the whole is in ``mailclad explain``."""


def report_text(report: Report, *, admin: bool = False) -> str:
    """The verdict, the answers, the findings with the worst first, and where mail is to be had."""
    return "\n".join(
        [
            *wrapped(plain(report.headline)),
            *_block(_answers(report)),
            *(line for told in report.worst_first for line in _block(_short(told, admin=admin))),
            *_block(_endpoints(report)),
            *_block(_ending(report)),
        ]
    )


def told_text(told: Told, *, admin: bool = False) -> str:
    """Everything that the catalogue says about a finding to one of its two readers."""
    lines = list(_title(told))
    for heading, text in (
        ("What was seen", told.saw),
        ("What it means", told.means),
        ("Risk", told.risk),
        ("Can I ignore it?", told.can_ignore),
    ):
        if text:
            lines += ["", _heading(heading), *wrapped(text, "  ")]
    lines += ["", _heading("If you use this mail"), *_steps(told.do_user)]
    if admin:
        lines += ["", _heading("If you run this server"), *_for_admin(told)]
    return "\n".join(lines)


def command_lines(command: str, indent: str = "  ") -> list[str]:
    """Broken between words as a shell allows, so that it can be copied whole."""
    lines, line = [], indent
    for word in _words(command):
        if line.strip() and columns(line) + columns(word) > WIDTH - 3:
            lines.append(f"{line} \\")
            line = indent + "  "
        line += word if not line.strip() else f" {word}"
    return [*lines, line]


def _words(command: str) -> Iterator[str]:
    """At blanks outside quotation marks."""
    word, quote = "", ""
    for letter in command:
        if letter == quote:
            quote = ""
        elif letter in "\"'" and not quote:
            quote = letter
        if letter == " " and not quote:
            yield word
            word = ""
        else:
            word += letter
    yield word


def _short(told: Told, *, admin: bool) -> Iterator[str]:
    """Facts and the first steps; for who runs the server also what to copy."""
    yield from _title(told)
    yield from wrapped(told.saw, "  ")
    if admin:
        yield from _for_admin(told)
    else:
        yield from wrapped(" ".join(told.do_user[:_STEPS_SHOWN]), "  ")


def _title(told: Told) -> Iterator[str]:
    """The id stands at the right edge of the first line."""
    first, *more = wrapped(
        f"{LEVEL_MARKS[told.level]} {LEVEL_WORDS[told.level]}: {told.title}",
        hanging="  ",
        width=WIDTH - len(told.id) - 2,
    )
    space = " " * (WIDTH - columns(first) - len(told.id))
    colour = _COLOURS.get(told.level)
    yield click.style(first, fg=colour, bold=True) + space + click.style(told.id, dim=True)
    yield from (click.style(line, fg=colour, bold=True) for line in more)


def _for_admin(told: Told) -> Iterator[str]:
    yield from _steps(told.do_admin)
    if told.paste:
        yield from told.paste.splitlines()
    if told.verify:
        yield "  To verify:"
        yield from command_lines(told.verify, "    ")
        yield from wrapped(f"Good: {told.verify_good}", "    ")


def _steps(steps: Iterable[str]) -> Iterator[str]:
    for step in steps:
        yield from wrapped(f"- {step}", "  ", hanging="    ")


def _answers(report: Report) -> Iterator[str]:
    for answer in report.answers:
        mark = click.style(LEVEL_MARKS[answer.level], fg=_COLOURS.get(answer.level))
        first, *more = wrapped(plain(f"{answer.question} {answer.words}"), width=WIDTH - 4)
        yield f"  {mark} {first}"
        yield from (f"    {line}" for line in more)


def _endpoints(report: Report) -> Iterator[str]:
    """By host, so that long names leave room for the rest."""
    hosts: dict[str, list[Seen]] = {}
    for seen in report.endpoints:
        hosts.setdefault(seen.endpoint.host, []).append(seen)
    for host, rows in hosts.items():
        yield f"  {plain(host)}"
        for seen in rows:
            yield from _row(seen)


def _row(seen: Seen) -> Iterator[str]:
    one = seen.endpoint
    mark = click.style(LEVEL_MARKS[seen.level], fg=_COLOURS.get(seen.level))
    text = (
        f"{PURPOSES[one.protocol]:<11}  {PROTOCOLS[one.protocol]:<11}  "
        f"port {one.port:<5}  {TLS_WORDS[one.tls]}"
    )
    words = plain(seen.words) or LEVEL_WORDS[seen.level].lower()
    if columns(text) + columns(words) + 8 <= WIDTH:
        yield f"    {mark} {text}, {words}"
    else:
        yield f"    {mark} {text}"
        yield from wrapped(words, " " * 19)


def _ending(report: Report) -> Iterator[str]:
    if report.found_in:
        yield from wrapped(f"Found in {plain(report.found_in)}.", "  ")
    when = f"{date_words(report.checked_at)}, {report.checked_at:%H:%M} UTC"
    yield from wrapped(f"Checked on {when}, from {report.seen_from}.", "  ")
    if report.findings:
        yield f"  More about a finding:  mailclad explain {report.worst_first[0].id}"


def _block(lines: Iterable[str]) -> list[str]:
    """A blank line first, if there is anything."""
    found = list(lines)
    return ["", *found] if found else []


def _heading(text: str) -> str:
    return click.style(text, bold=True)
