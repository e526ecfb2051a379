"""Mail programs, each in its own words: ``clients/*.toml``, read once.

A file for each program, named by its key.  Texts for people may hold ``**words of the program**``
and, in braces, what ``guide`` knows of the person's settings.
"""

import tomllib
from datetime import date
from enum import StrEnum
from functools import cache
from importlib import resources

import msgspec

from mailclad.base.tls_policy import TlsMode
from mailclad.store.model import Scope


class Way(StrEnum):
    """How settings reach a program."""

    AUTOCONFIG = "autoconfig"
    AUTODISCOVER = "autodiscover"
    PROFILE = "profile"
    """Apple's .mobileconfig."""
    QR_THUNDERBIRD = "qr-thunderbird"
    QR_DELTACHAT = "qr-deltachat"
    PACC = "pacc"
    SRV = "srv"
    FILE = "file"
    """Configuration that we write (``files``)."""
    MANUAL = "manual"


_OF_A_PAGE = frozenset({Way.PROFILE, Way.QR_THUNDERBIRD, Way.QR_DELTACHAT})


class PortFollows(StrEnum):
    """Whether choosing the encryption sets the port."""

    ALWAYS = "always"
    DEFAULT = "default"
    """Only if the field holds the other default."""
    NO = "no"


class Basis(StrEnum):
    """What the texts were compared with on the day that stands there."""

    PROGRAM = "program"
    DOCUMENT = "document"
    MEMORY = "memory"


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the program calls things; ``field`` is where the choice is."""

    field: str
    implicit: str
    starttls: str
    """"" where it cannot do that."""
    port_follows: PortFollows
    none: str = ""
    server: str = "Server"
    port: str = "Port"
    user: str = "User name"
    password: str = "Password"  # noqa: S105 - a label
    hint: str = ""
    """What else must be known when it is set by hand."""

    def of(self, tls: TlsMode) -> str:
        return {
            TlsMode.IMPLICIT: self.implicit,
            TlsMode.STARTTLS: self.starttls,
            TlsMode.NONE: self.none,
        }[tls]


class Client(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``key`` is the file's name.  ``card`` orders the first choices, 0: found by search only.

    ``scope`` is that of its app password; ``ways``: the best first; ``steps`` lead along the best
    way, ``manual`` by hand, ``change`` where an old account is there already, ``blocked`` on
    networks that block the ports of mail, for programs that ask by ALPN.
    """

    key: str
    name: str
    platforms: tuple[str, ...]
    kinds: tuple[str, ...]
    """Of ``imap``, ``pop3``, ``smtp``, ``jmap``, ``dav``."""
    ways: tuple[Way, ...]
    words: Words
    last_checked: date
    checked_with: Basis
    source: str
    """Where its maker says it, "" where nowhere."""
    aliases: tuple[str, ...] = ()
    card: int = 0
    scope: Scope = Scope.ALL
    steps: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()
    change: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    test_commands: tuple[str, ...] = ()
    password_characters: int = 0
    """The longest password that it takes, 0: any."""

    @property
    def begins_on_page(self) -> bool:
        """Its ``steps`` begin on a set-up page; without one, ``manual`` is the way."""
        return self.ways[0] in _OF_A_PAGE


@cache
def clients() -> dict[str, Client]:
    """All of them by key, those with a card first."""
    found = []
    for file in resources.files("mailclad").joinpath("clients").iterdir():
        key = file.name.removesuffix(".toml")
        if key != file.name:
            found.append(
                msgspec.convert({**tomllib.loads(file.read_text("utf-8")), "key": key}, Client)
            )
    found.sort(key=lambda one: (one.card or 99, one.name.casefold()))
    return {one.key: one for one in found}
