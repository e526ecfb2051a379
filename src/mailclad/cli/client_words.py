"""A program's guide and an address's settings, as a terminal shows them."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import click

from mailclad.base.tls_policy import TlsMode
from mailclad.cli.words import WIDTH
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.clients import Basis, Client, Way
from mailclad.services.client_setup.explained import explanations
from mailclad.services.client_setup.guide import Guide, Section
from mailclad.services.client_setup.setup_file import SetupFile

PURPOSES: Mapping[MailProtocol, str] = {
    MailProtocol.IMAP: "Reading (IMAP)",
    MailProtocol.POP3: "Fetching (POP3)",
    MailProtocol.SUBMISSION: "Sending (SMTP)",
}
ENCRYPTION: Mapping[TlsMode, str] = {
    TlsMode.IMPLICIT: "from the first byte (SSL/TLS)",
    TlsMode.STARTTLS: "STARTTLS",
    TlsMode.NONE: "none",
}
_WAYS: Mapping[Way, str] = {
    Way.AUTOCONFIG: "looks for it by itself",
    Way.AUTODISCOVER: "looks for it by itself",
    Way.PACC: "looks for it by itself",
    Way.SRV: "looks for it by itself",
    Way.PROFILE: "profile, or by hand",
    Way.QR_THUNDERBIRD: "code, or by itself",
    Way.QR_DELTACHAT: "code, or by itself",
    Way.FILE: "file, written for it",
    Way.MANUAL: "by hand, in its words",
}
_BASES: Mapping[Basis, str] = {
    Basis.PROGRAM: "last checked in the program itself",
    Basis.DOCUMENT: "last checked against its documentation",
    Basis.MEMORY: "from memory, not checked in the program; looked through",
}
_MARKED = re.compile(r"\*\*(.+?)\*\*")


def bold(text: str) -> str:
    """``**words**`` in quotation marks, which every terminal can show; numbers as they are."""
    return _MARKED.sub(lambda found: found[1] if found[1].isdecimal() else f"“{found[1]}”", text)


def folded(text: str, first: str = "  ", rest: str = "  ") -> str:
    return "\n".join(
        textwrap.wrap(
            bold(text),
            WIDTH,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def guide_lines(guide: Guide, files: Iterable[SetupFile] = ()) -> Iterator[str]:
    client = guide.client
    yield click.style(client.name, bold=True)
    checked = f"{client.last_checked:%d %B %Y}".lstrip("0")
    yield f"  ({_BASES[client.checked_with]} on {checked})"
    yield ""
    for text in guide.warnings:
        yield click.style(folded(text, "  ! ", "    "), fg="yellow")
    yield folded(guide.note)
    yield ""
    yield from _numbered(guide.steps)
    for section in guide.sections:
        yield ""
        yield from _section(section)
    for title, lines in (
        ("It looks different? By hand:", guide.manual),
        ("The account is there already? Change it:", guide.change),
        ("It works elsewhere, not on this network? There:", guide.blocked),
    ):
        if lines:
            yield f"\n  {click.style(title, bold=True)}"
            yield from _numbered(lines)
    for one in files:
        yield f"\n  {click.style(one.path or 'To paste:', bold=True)}\n\n{one.text.rstrip()}"
    if guide.test_commands:
        yield f"\n  {click.style('Try it first:', bold=True)}"
        yield from (f"    {line}" for line in guide.test_commands)


def _numbered(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        yield folded(line, f"  {number:2}. ", "      ")


def _section(section: Section) -> Iterator[str]:
    yield f"  {click.style(section.title, bold=True)}"
    for one in section.values:
        yield folded(f"{one.label}:  {one.value}", "    ", "      ")


def endpoint_rows(endpoints: Iterable[Endpoint]) -> Iterator[tuple[str, ...]]:
    for one in endpoints:
        yield PURPOSES[one.protocol], one.host, str(one.port), ENCRYPTION[one.tls]


def client_rows(clients: Iterable[Client]) -> Iterator[tuple[str, ...]]:
    for one in clients:
        yield one.key, one.name, _WAYS[one.ways[0]]


def explained_lines() -> Iterator[str]:
    for one in explanations().values():
        yield click.style(one.title, bold=True)
        for text in one.paragraphs:
            yield folded(text)
        yield ""


def guide_json(guide: Guide, files: Iterable[SetupFile]) -> dict[str, Any]:
    """Texts with their marks taken off."""
    return {
        "client": guide.client.key,
        "name": guide.client.name,
        "note": bold(guide.note),
        "steps": [bold(text) for text in guide.steps],
        "sections": [
            {"title": section.title, "values": {one.label: one.value for one in section.values}}
            for section in guide.sections
        ],
        "manual": [bold(text) for text in guide.manual],
        "change": [bold(text) for text in guide.change],
        "blocked": [bold(text) for text in guide.blocked],
        "warnings": [bold(text) for text in guide.warnings],
        "files": [{"path": one.path, "text": one.text} for one in files],
        "test_commands": list(guide.test_commands),
    }


def endpoints_json(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    return [
        {
            "protocol": one.protocol,
            "host": one.host,
            "port": one.port,
            "tls": one.tls,
            "mechanisms": list(one.mechanisms),
        }
        for one in endpoints
    ]
