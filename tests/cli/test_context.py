"""What commands print is straight, whole, and plain where nobody looks at colours."""

import json

import click
import pytest
from click.testing import CliRunner

from mailclad.cli.context import say_json, say_table
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


def test_json_holds_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    said = {"text": "grün \x1b[2J \x9b31m \x7f \u202eback\u2066 \u2028 \udc80 “ja”"}
    say_json(said)
    line = capsys.readouterr().out.removesuffix("\n")
    assert line.isprintable()
    assert "grün" in line
    assert "“ja”" in line
    assert json.loads(line) == said
