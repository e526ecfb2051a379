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
    if first.text:
        say(f"“{first.text}” ({first.program}) is explained by:\n")
    say(told_text(shown_as_example(first.entry, datetime.now(UTC)), admin=admin))
    say("\nNames, dates and numbers are examples. For your server: mailclad check ADDRESS.")
    if not admin:
        say(f"For who runs the server: mailclad explain {first.entry.id} --admin")
    if others:
        say("\nIt could also be:")
        say("\n".join(line for hit in others for line in _lines(hit.entry)))


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
