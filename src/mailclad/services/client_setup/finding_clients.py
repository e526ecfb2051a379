"""Finding a program by what somebody calls it."""

import re
from difflib import SequenceMatcher

from mailclad.services.client_setup.clients import Client, clients

_CLOSE = 0.75
"""How like a name what was typed must be: one wrong letter in four."""

TYPED_CHARACTERS = 60
"""Looked at of what was typed; names have half of it."""

MOST_FOUND = 12


def find_clients(text: str) -> list[Client]:
    """The likeliest first; all of them for nothing typed."""
    typed = _plain(text[:TYPED_CHARACTERS])
    if not typed:
        return list(clients().values())
    scored = [
        (max(_likeness(typed, name) for name in _names(one)), one) for one in clients().values()
    ]
    scored.sort(key=lambda pair: -pair[0])
    return [one for score, one in scored if score >= _CLOSE][:MOST_FOUND]


def _names(client: Client) -> list[str]:
    return [_plain(name) for name in (client.key, client.name, *client.aliases)]


def _likeness(typed: str, name: str) -> float:
    if typed == name:
        return 2.0
    if typed in name.split():
        return 1.5
    if name.startswith(typed) or f" {typed}" in name:
        return 1.2
    return SequenceMatcher(None, typed, name).ratio()


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))
