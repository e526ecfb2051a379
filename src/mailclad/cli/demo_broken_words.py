"""What ``mailclad demo --broken`` prints: the table of broken servers, and how to try one."""

import json
import os
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import click

from mailclad.base.tls_policy import TlsMode
from mailclad.testing.zoo.ports import Section
from mailclad.testing.zoo.zoo import HOST, Exhibit

WIDTH = 80
_INDENT = " " * 4

TITLES: Mapping[Section, str] = {
    Section.SERVICES: "No mail server, or not in the way that is expected",
    Section.CERTIFICATES: "Certificates",
    Section.TLS: "TLS",
    Section.STARTTLS: "STARTTLS",
    Section.WELL: "Nothing is wrong here",
}


def table(exhibits: Iterable[Exhibit]) -> Iterator[str]:
    """By section: port, service, what to read with ``mailclad explain``, and in plain words."""
    for section, several in groupby(exhibits, key=lambda one: one.section):
        yield ""
        yield click.style(f"  {TITLES[section]}", bold=True)
        for one in several:
            yield from _row(one)


def _row(one: Exhibit) -> list[str]:
    first, *more = one.finds or ("-",)
    start = f"{_INDENT}{one.port:<5}  {_scheme(one):<11}  {first:<8}  "
    host = "" if one.host == HOST else f", as {one.host}"
    also = f", and {', '.join(more)}" if more else ""
    return textwrap.wrap(
        f"{one.name}: {one.about}{host}{also}",
        WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
    )


def _scheme(one: Exhibit) -> str:
    return one.endpoint.url.partition(":")[0]


def how_to_try(exhibits: Sequence[Exhibit], ca: Path) -> str:
    """With the first that is broken."""
    one = next((one for one in exhibits if one.finds), exhibits[0])
    explain = f"\n    mailclad explain {one.finds[0]}" if one.finds else ""
    return f"""
  How to try one, here {one.name}:
    mailclad check {one.endpoint.url} \\
      --trust {ca}{explain}
    openssl s_client -connect {one.host}:{one.port} -servername {one.host} \\
      {_starttls(one)}-CAfile {ca}
  In a mail program: server {HOST} and the port; SSL/TLS for imaps, pop3s and
    submissions, STARTTLS for the others; any name and any password.
  The one authority that counts, made anew at each start, its key kept nowhere:
    {ca}

  Nobody can sign in here, and no mail is taken. Only this computer can connect.
  Ctrl-C ends it.
"""


def _starttls(one: Exhibit) -> str:
    if one.endpoint.tls is not TlsMode.STARTTLS:
        return ""
    name = _scheme(one)
    return f"-starttls {'smtp' if name == 'submission' else name} "


def json_line(exhibits: Iterable[Exhibit], ca: Path | None) -> str:
    """One line for programs; without ``ca`` and process where nothing runs."""
    running = {} if ca is None else {"ca": str(ca), "pid": os.getpid()}
    return json.dumps(running | {"exhibits": [_as_json(one) for one in exhibits]})


def _as_json(one: Exhibit) -> dict[str, object]:
    return {
        "name": one.name,
        "section": one.section.name.lower(),
        "about": one.about,
        "url": one.endpoint.url,
        "host": one.host,
        "port": one.port,
        "protocol": str(one.endpoint.protocol),
        "tls": str(one.endpoint.tls),
        "finds": list(one.finds),
    }
