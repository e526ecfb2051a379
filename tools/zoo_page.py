"""Writes docs/reference/zoo.md from the zoo: python tools/zoo_page.py."""

from itertools import groupby
from pathlib import Path

from mailclad.cli.demo_broken_words import TITLES
from mailclad.testing.zoo.zoo import HOST, Exhibit, all_exhibits

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "zoo.md"
HEAD = """\
# The zoo of broken mail servers

What `mailclad demo --broken` opens, and where: see [zoo.md](../howto/zoo.md). A number stays its
exhibit's in every version. The service is the beginning of the URL that `mailclad check` takes.
The host is localhost where none is named.

This page is written by `tools/zoo_page.py`.
"""


def page() -> str:
    text = HEAD
    for section, those in groupby(all_exhibits(), key=lambda one: one.section):
        text += (
            f"\n## {TITLES[section]}\n\n| port | service | name | what is the matter | finding |\n"
        )
        text += "|---|---|---|---|---|\n" + "".join(map(_row, those))
    return text


def _row(one: Exhibit) -> str:
    scheme = one.endpoint.url.partition(":")[0]
    host = "" if one.host == HOST else f" (at {one.host})"
    return (
        f"| {one.port} | {scheme} | `{one.name}` | {one.about}{host} | {', '.join(one.finds)} |\n"
    )


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
