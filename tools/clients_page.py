"""Writes docs/reference/clients.md from the programs' files: python tools/clients_page.py."""

from collections.abc import Iterator
from pathlib import Path

from mailclad.services.client_setup.clients import Basis, Client, PortFollows, clients

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "clients.md"
HEAD = """\
# Mail programs in their own words

What each program calls the two ways to encrypt, and whether the port follows the choice. The same
word means different things in different programs: the port number tells which way it is.

    mailclad clients ada@example.net --client outlook     the whole guide, for any address

**Encrypted from the first byte** is 993 (IMAP), 995 (POP3) and 465 (sending); **STARTTLS** is 143,
110 and 587. Take the first wherever there is a choice.

| program | where | encrypted from the first byte | STARTTLS | port follows | checked |
|---|---|---|---|---|---|
"""
FOOT = """
*checked*: in the program itself, against its documentation, or written from memory, and when.

This page is written by `tools/clients_page.py`. The words are in `src/mailclad/clients`, a file
for each program; `src/mailclad/services/client_setup/clients.py` says what its keys mean.
"""
_FOLLOWS = {
    PortFollows.ALWAYS: "yes",
    PortFollows.DEFAULT: "sometimes",
    PortFollows.NO: "no",
}
_BASES = {Basis.PROGRAM: "program", Basis.DOCUMENT: "documents", Basis.MEMORY: "memory"}


def page() -> str:
    ordered = sorted(clients().values(), key=lambda one: one.name.casefold())
    return HEAD + "".join(_lines(ordered)) + FOOT


def _lines(ordered: list[Client]) -> Iterator[str]:
    for one in ordered:
        words = one.words
        cells = [
            f"[{one.name}](../../src/mailclad/clients/{one.key}.toml)",
            words.field,
            words.implicit,
            words.starttls or "has none",
            _FOLLOWS[words.port_follows],
            f"{_BASES[one.checked_with]}, {one.last_checked}",
        ]
        yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
