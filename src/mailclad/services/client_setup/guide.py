"""A program's guide for one address: what to do and what to type, in the program's own words.

Comes in: a program's data and the one list of endpoints.  Goes out: values, of which the command
line and the set-up pages are made; texts keep the ``**words of the program**`` marked.  What is
encrypted from the first octet is told, STARTTLS only where there is nothing else.  A word is never
told without its port.  Pure.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.auth.app_password import LETTERS
from mailclad.services.client_setup.clients import Client, PortFollows
from mailclad.services.client_setup.settings import APP_PASSWORD, ClientSettings

_PROTOCOLS: Mapping[str, MailProtocol] = {
    "imap": MailProtocol.IMAP,
    "pop3": MailProtocol.POP3,
    "smtp": MailProtocol.SUBMISSION,
}
_TITLES: Mapping[MailProtocol, str] = {
    MailProtocol.IMAP: "Incoming mail (IMAP)",
    MailProtocol.POP3: "Incoming mail (POP3)",
    MailProtocol.SUBMISSION: "Outgoing mail (SMTP)",
}
YOUR_ADDRESS = "your whole mail address"


@dataclass(frozen=True, slots=True)
class Value:
    """A line to type or to choose; ``typed`` says that it can be copied."""

    label: str
    value: str
    typed: bool = True


@dataclass(frozen=True, slots=True)
class Section:
    """Incoming or outgoing mail."""

    title: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """``note`` says what the program's words mean here, and which to choose."""

    client: Client
    note: str
    steps: tuple[str, ...]
    sections: tuple[Section, ...]
    manual: tuple[str, ...]
    change: tuple[str, ...]
    blocked: tuple[str, ...]
    warnings: tuple[str, ...]
    test_commands: tuple[str, ...]


def make_guide(client: Client, settings: ClientSettings, *, by_hand: bool = False) -> Guide:
    """``by_hand``: what the program does by itself is not wanted, or there is no page for it."""
    chosen = tuple(_chosen(client, settings))
    places = _places(client, settings, chosen)

    def filled(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(text.format_map(places) for text in texts)

    only_manual = by_hand and bool(client.manual)
    return Guide(
        client,
        _note(client, chosen).format_map(places),
        filled(client.manual if only_manual else client.steps),
        tuple(_section(client, settings, one) for one in chosen),
        () if only_manual else filled(client.manual),
        filled(client.change),
        filled(client.blocked) if settings.alpn_port else (),
        filled(client.warnings) + _about_length(client, settings),
        filled(client.test_commands),
    )


def _about_length(client: Client, settings: ClientSettings) -> tuple[str, ...]:
    most = client.password_characters
    text = f"It takes passwords of at most {most} characters."
    if settings.password == APP_PASSWORD:
        text += f" An app password has {LETTERS}."
    return (text,) if most else ()


def _chosen(client: Client, settings: ClientSettings) -> Iterator[Endpoint]:
    """One for reading, one for sending, as far as the program does either."""
    kinds = [_PROTOCOLS[kind] for kind in client.kinds if kind in _PROTOCOLS]
    reading = [kind for kind in kinds if kind is not MailProtocol.SUBMISSION]
    usable = tuple(one for one in settings.endpoints if client.words.of(one.tls))
    for protocols in (reading, [kind for kind in kinds if kind is MailProtocol.SUBMISSION]):
        found = replace(settings, endpoints=usable).best(*protocols)
        if found is not None:
            yield found


def _section(client: Client, settings: ClientSettings, endpoint: Endpoint) -> Section:
    words = client.words
    return Section(
        _TITLES[endpoint.protocol],
        (
            Value(words.server, endpoint.host),
            Value(words.port, str(endpoint.port)),
            Value(words.field, words.of(endpoint.tls), typed=False),
            Value(words.user, settings.address or YOUR_ADDRESS, typed=bool(settings.address)),
            Value(words.password, settings.password, typed=False),
        ),
    )


def _note(client: Client, chosen: tuple[Endpoint, ...]) -> str:
    """What its words mean; and whether the port has to be typed."""
    if not chosen:
        return "This program cannot use any server of this address safely."
    words = client.words
    if words.implicit == words.starttls:
        meaning = f"“{words.field}” is one switch for both ways to encrypt: the port decides."
    else:
        meaning = f"In this program “{words.implicit}” means encrypted from the first byte"
        meaning += f"; {_of_starttls(words.starttls)}." if words.starttls else "."
    ports: dict[str, list[str]] = {}
    for one in chosen:
        ports.setdefault(words.of(one.tls), []).append(f"**{one.port}**")
    choose = [
        f"**{word}** with port{'s' * (len(numbers) > 1)} {' and '.join(numbers)}"
        for word, numbers in ports.items()
    ]
    follow = {
        PortFollows.ALWAYS: "The port follows the choice.",
        PortFollows.DEFAULT: "The port follows the choice only sometimes: look at it.",
        PortFollows.NO: "The port does not follow: type it.",
    }[words.port_follows]
    pieces = [meaning, f"Choose {' and '.join(choose)}.", follow, words.hint]
    return " ".join(piece for piece in pieces if piece)


def _of_starttls(word: str) -> str:
    """Where it is called otherwise, "TLS" for one, that is what must be understood."""
    switches = "starts unencrypted and then switches"
    if "starttls" in re.sub(r"\W|_", "", word.casefold()):
        return f"“{word}” {switches}"
    return f"“{word}” means STARTTLS: it {switches}"


def _places(
    client: Client, settings: ClientSettings, chosen: tuple[Endpoint, ...]
) -> Mapping[str, str]:
    """What texts may name in braces; a server that is not there is told as that."""
    places = {
        "address": settings.address or YOUR_ADDRESS,
        "name": settings.name,
        "alpn_port": str(settings.alpn_port),
        "password": APP_PASSWORD if settings.password == APP_PASSWORD else "the password",
    }
    for prefix, protocols in (
        ("imap", (MailProtocol.IMAP, MailProtocol.POP3)),
        ("smtp", (MailProtocol.SUBMISSION,)),
    ):
        found = next((one for one in chosen if one.protocol in protocols), None)
        found = found or settings.best(*protocols)
        places |= {
            f"{prefix}_host": found.host if found else "(none)",
            f"{prefix}_port": str(found.port) if found else "(none)",
            f"{prefix}_word": client.words.of(found.tls) if found else "(none)",
        }
    return places
