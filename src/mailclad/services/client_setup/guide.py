"""A program's guide for one address: what to do and what to type, in the program's own words.

What the command line prints and the set-up pages show is made of these values.  Texts keep the
``**words of the program**`` marked, for whoever shows them.
"""

from dataclasses import dataclass

from mailclad.services.client_setup.clients import Client


@dataclass(frozen=True, slots=True)
class Value:
    """A line to type or to choose; ``typed`` is what can be copied."""

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
    warnings: tuple[str, ...]
    test_commands: tuple[str, ...]
