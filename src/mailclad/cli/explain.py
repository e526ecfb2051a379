"""mailclad explain: from the words of an error to what it means and what to do."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from mailclad.cli.context import json_option, say, say_json
from mailclad.cli.finding_words import told_text
from mailclad.cli.trouble import Trouble
from mailclad.cli.words import shown, wrapped
from mailclad.services.diagnose.catalogue import entries, shown_as_example
from mailclad.services.diagnose.entry import Entry
from mailclad.services.diagnose.report_json import told_json
from mailclad.services.diagnose.search import Hit, search

_NOTHING = (
    "Nothing in the catalogue says “{what}”. Try fewer of its words, or only the error's code."
    " All findings: mailclad explain. To look at the server itself: mailclad check ADDRESS."
)


_NOBODY = ("", "general")
"""Words that many programs use."""

_SPEAKERS = {
    "openssl": "OpenSSL",
    "gnutls": "GnuTLS",
    "dotnet": ".NET",
    "node": "Node.js",
    "k9": "K-9 Mail",
    "fairemail": "FairEmail",
    "deltachat": "Delta Chat",
    "letsencrypt": "Let’s Encrypt",
    "zerossl": "ZeroSSL",
    "acmesh": "acme.sh",
    "opendkim": "OpenDKIM",
    "openssh": "OpenSSH",
    "postgres": "PostgreSQL",
    "smtp": "a server’s SMTP",
    "imap": "a server’s IMAP",
    "pop3": "a server’s POP3",
    "dns": "the DNS",
    "log": "a log",
    "bounce": "a notice of delivery",
    "reports": "a report",
    "tools": "a tool",
    "scanners": "a scanner",
    "company": "a company’s filter",
    "relaying": "a server that relays",
    "eset": "ESET",
    "php": "PHP",
}
"""As people know them; others are written with a capital letter, or as they are called."""

_COMMANDS = frozenset({"curl", "msmtp", "mbsync", "fetchmail", "nsupdate", "urllib3", "nginx"})


# A pasted "-ERR …" or "-9836" is no option; so there is no -h either, which would be found in it.
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("words", nargs=-1)
@click.option("--admin", is_flag=True, help="Also what the person who runs the server does.")
@json_option
def explain(words: tuple[str, ...], admin: bool, as_json: bool) -> None:
    """Explain an error of mail or TLS: what it means, and what to do.

    WORDS are what your program or log says, in quotation marks if it has several words, or the
    name of a finding (CERT-302). Without WORDS: all findings.
    """
    pasted = " ".join(words)
    hits = search(pasted) if words else tuple(map(Hit, entries().values()))
    if not hits:
        raise Trouble(_NOTHING.format(what=shown(pasted, 60)))
    if as_json:
        say_json([_hit_json(hit) for hit in hits])
    elif words:
        _explain(hits, admin=admin)
    else:
        say("\n".join(_listed(hits)))


def _explain(hits: tuple[Hit, ...], *, admin: bool) -> None:
    first, *others = hits
    for line in _introduced(first, len(others)):
        say(line)
    say(told_text(shown_as_example(first.entry, datetime.now(UTC)), admin=admin))
    say("\nNames, dates and numbers are examples. For your server: mailclad check ADDRESS.")
    if not admin:
        say(f"For who runs the server: mailclad explain {first.entry.id} --admin")
    if others:
        say("\nIt could also be:")
        say("\n".join(line for hit in others for line in _lines(hit.entry)))


def _introduced(first: Hit, others: int) -> Iterator[str]:
    speaker = "" if first.program in _NOBODY else f" ({_speaker(first.program)})"
    if others:
        words = f"“{first.text}”{speaker} has" if first.text else "These words have"
        yield from wrapped(f"{words} several causes. The likeliest first, the others at the end.")
        yield ""
    elif first.text:
        yield from wrapped(f"“{first.text}”{speaker} is explained by:")
        yield ""


def _speaker(program: str) -> str:
    return _SPEAKERS.get(program, program if program in _COMMANDS else program.capitalize())


def _listed(hits: tuple[Hit, ...]) -> Iterator[str]:
    """A blank line between families."""
    family = hits[0].entry.family
    for hit in hits:
        if hit.entry.family != family:
            family = hit.entry.family
            yield ""
        yield from _lines(hit.entry)


def _lines(entry: Entry) -> list[str]:
    return wrapped(f"{entry.id:<10}  {entry.title}", hanging=" " * 12)


def _hit_json(hit: Hit) -> dict[str, object]:
    told = told_json(shown_as_example(hit.entry, datetime.now(UTC)))
    for of_a_case in ("rule", "where", "host", "places"):
        del told[of_a_case]
    said = {"program": hit.program, "text": hit.text}
    return {**told, "said": said if hit.text else None, "sources": list(hit.entry.sources)}
