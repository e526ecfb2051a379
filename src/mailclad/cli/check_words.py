"""What ``mailclad check`` adds to a report: what to type and choose in a mail program."""

from collections.abc import Iterator, Sequence
from typing import Any

from mailclad.cli.client_words import bold, guide_lines
from mailclad.mail.endpoint import Endpoint
from mailclad.services.client_setup.clients import Client
from mailclad.services.client_setup.guide import make_guide
from mailclad.services.client_setup.settings import THEIR_PASSWORD, ClientSettings


def program_lines(client: Client, target: str, best: Sequence[Endpoint]) -> Iterator[str]:
    """``target`` as it was typed: an address is told as the user name."""
    address = target.strip() if "@" in target else ""
    settings = ClientSettings(
        address, target.rpartition("@")[2], tuple(best), password=THEIR_PASSWORD
    )
    yield ""
    yield from guide_lines(make_guide(client, settings, by_hand=client.begins_on_page))


def program_json(client: Client, best: Sequence[Endpoint]) -> dict[str, Any]:
    guide = make_guide(client, ClientSettings("", "", tuple(best)))
    return {
        "program": client.name,
        "hint": bold(guide.note),
        "settings": [
            {
                "protocol": endpoint.protocol,
                "host": endpoint.host,
                "port": endpoint.port,
                "field": client.words.field,
                "choice": client.words.of(endpoint.tls),
            }
            for endpoint in best
        ],
    }
