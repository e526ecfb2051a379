"""What ``mailclad check`` adds to a report: what to type and choose in a mail program."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mailclad.cli.words import WIDTH
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.programs import Program

_SERVERS: Mapping[MailProtocol, str] = {
    MailProtocol.IMAP: "Incoming mail (IMAP)",
    MailProtocol.POP3: "Incoming mail (POP3)",
    MailProtocol.SUBMISSION: "Outgoing mail (SMTP)",
}


def program_lines(program: Program, best: Iterable[Endpoint]) -> Iterator[str]:
    yield ""
    yield f"  In {program.name}:"
    for endpoint in best:
        yield f"    {_SERVERS[endpoint.protocol]}"
        yield f"      Server  {endpoint.host}"
        yield f"      Port    {endpoint.port}"
        yield f"      {program.field}: {program.word(endpoint)}"
    yield from textwrap.wrap(program.hint, WIDTH, initial_indent="    ", subsequent_indent="    ")


def program_json(program: Program, best: Iterable[Endpoint]) -> dict[str, Any]:
    return {
        "program": program.name,
        "hint": program.hint,
        "settings": [
            {
                "protocol": endpoint.protocol,
                "host": endpoint.host,
                "port": endpoint.port,
                "field": program.field,
                "choice": program.word(endpoint),
            }
            for endpoint in best
        ],
    }
