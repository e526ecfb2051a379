"""What commands print is straight, whole, and plain where nobody looks at colours."""

import click
from click.testing import CliRunner

from mailclad.cli.context import say_table
from mailclad.cli.words import columns


@click.command()
def table() -> None:
    say_table(("Name", "For"), [("東京", "x" * 300), ("Zoe\u0308", "mail")])


def test_a_table_is_straight_and_nothing_is_cut() -> None:
    lines = CliRunner().invoke(table, color=False).output.splitlines()
    assert lines == ["Name  For", "東京  " + "x" * 300, "Zoe\u0308   mail"]


def test_headings_are_bold_on_a_terminal_only() -> None:
    assert "\x1b[1m" in CliRunner().invoke(table, color=True).output
    assert "\x1b" not in CliRunner().invoke(table).output


def test_columns_are_counted_as_a_terminal_does() -> None:
    assert [columns(text) for text in ("", "abc", "é", "e\u0301", "東京", "…")] == [
        0,
        3,
        1,
        1,
        4,
        1,
    ]
