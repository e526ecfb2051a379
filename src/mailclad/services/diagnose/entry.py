"""An entry of the catalogue, as its file in ``mailclad/findings`` has it.

A text is a list of sentences, or one.  ``{name}`` in a sentence stands for a value of the
finding or one of ``COMMON``; a sentence whose value is empty is left out.  ``{name:time}`` tells
a moment with its hour, ``{name:days}`` how far away it is.
"""

import re
from collections.abc import Iterator, Mapping
from string import Formatter

import msgspec

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.diagnose.found import Level

COMMON: Mapping[str, str] = {
    "host": "mail.example.net",
    "address": "192.0.2.1",
    "addresses": "192.0.2.1",
    "where": "mail.example.net (port 993)",
    "port": "993",
    "port_words": "port 993",
    "connect": "mail.example.net:993",
    "service": "reading mail (IMAP)",
    "tls_word": "encrypted from the first byte",
    "starttls": "",
    "today": "30 November 2026",
}
"""Values that every finding has, made from its place; here as examples."""

SPECS = ("", "time", "days")

Sentences = tuple[str, ...]
_FORMATTER = Formatter()
_VARIANT = re.compile("([a-z_0-9]+)=(.+)")


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Variant(_Strict, frozen=True, kw_only=True):
    """What is different where a value is so: ``[variants."kind=ip"]``."""

    title: str | None = None
    level: Level | None = None
    saw: Sentences | None = None
    means: str | None = None
    risk: str | None = None
    can_ignore: str | None = None
    do_user: Sentences | None = None
    do_admin: Sentences | None = None


class Entry(_Strict, frozen=True, kw_only=True):
    """``values`` names the finding's own values, each with an example; ``optional`` those that
    may be empty.  ``needs``: looked at only where these are fine.  ``fix_here`` names what the
    doctor can do itself.  ``paste`` is one placeholder, whose value keeps its lines.  ``say``:
    texts that people paste, by the program that says them; "…" stands for what changes.
    """

    id: str
    slug: str
    title: str
    level: Level
    needs: tuple[str, ...] = ()
    detect: tuple[str, ...] = ()
    applies_to: tuple[MailProtocol, ...] = ()
    level_by_service: dict[MailProtocol, Level] = {}
    values: dict[str, str] = {}
    optional: tuple[str, ...] = ()
    saw: Sentences
    means: str
    risk: str
    can_ignore: str
    do_user: Sentences
    do_admin: Sentences
    fix_here: str = ""
    paste: str = ""
    verify: str
    verify_good: str
    say: dict[str, tuple[str, ...]] = {}
    sources: tuple[str, ...] = ()
    variants: dict[str, Variant] = {}

    @property
    def family(self) -> str:
        return self.id.partition("-")[0]

    @property
    def aliases(self) -> Iterator[str]:
        for texts in self.say.values():
            yield from texts

    def with_values(self, values: Mapping[str, str]) -> "Entry":
        """The entry as its variants have it for these values."""
        changed: dict[str, object] = {}
        for condition, variant in self.variants.items():
            name, wanted = condition_of(condition)
            if values.get(name) == wanted:
                changed |= {
                    key: value
                    for key, value in msgspec.structs.asdict(variant).items()
                    if value is not None
                }
        return msgspec.structs.replace(self, **changed) if changed else self


def condition_of(text: str) -> tuple[str, str]:
    """``kind=ip`` → ("kind", "ip")."""
    found = _VARIANT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not NAME=VALUE")
    return found[1], found[2]


def placeholders(text: str) -> Iterator[tuple[str, str, str]]:
    """The text before each placeholder, its name and its specification; the last has no name."""
    for before, name, spec, conversion in _FORMATTER.parse(text):
        if conversion or (name is not None and not name.isidentifier()):
            raise ValueError(f"{text!r}: only {{name}}, {{name:time}} and {{name:days}}")
        yield before, name or "", spec or ""
