"""Writes docs/reference/findings.md from the catalogue: python tools/findings_page.py."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from mailclad.services.diagnose.catalogue import entries
from mailclad.services.diagnose.entry import Entry

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "findings.md"
FAMILIES = {
    "CONN": "Connecting",
    "MODE": "How a port comes to encryption",
    "CERT": "Certificates",
    "TLS": "Encryption",
    "DNS": "The domain's records",
    "ACME": "Getting certificates",
    "AUTH": "Signing in",
    "SEND": "Sending",
    "CLIENT": "Mail programs",
    "HOST": "The server itself",
}
HEAD = """\
# Findings

Everything that `mailclad check`, `mailclad doctor` and the log can find, of any mail server. Each
entry says what was seen, what it means, the risk, whether it can wait, what you do if you use the
mail, what you do if you run the server, and a command that shows whether it is repaired.

    mailclad explain CERT-302
    mailclad explain "SSL_ERROR_BAD_CERT_DOMAIN"     words on your screen, or a line of a log
    mailclad explain wrong name --admin              for who runs the server

**Problem**: mail does not work, or is unsafe. **Watch**: it works now and will not, or is weaker
than it should be. **Note**: good to know. A level may be milder for mail between servers (port
25), where most senders take any certificate.

This page is written by `tools/findings_page.py`. The words themselves are in
`src/mailclad/findings`, a file for each entry; `src/mailclad/services/diagnose/entry.py` says what
its keys mean.
"""


def page() -> str:
    groups = groupby(entries().values(), key=lambda entry: entry.family)
    sections = (
        f"\n## {FAMILIES[family]}\n\n" + "".join(_lines(those)) for family, those in groups
    )
    return HEAD + "".join(sections)


def _lines(those: Iterator[Entry]) -> Iterator[str]:
    for entry in those:
        file = f"../../src/mailclad/findings/{entry.id.lower()}-{entry.slug}.toml"
        yield f"- [{entry.id}]({file}) {entry.title} ({entry.level.value})\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
