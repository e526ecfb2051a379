"""Reports on a terminal: readable at 80 columns, with and without colour."""

import subprocess

import click
import pytest

from mailclad.cli.finding_words import command_lines, report_text, told_text
from mailclad.cli.words import WIDTH, columns
from mailclad.services.diagnose.catalogue import entries, shown_as_example
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.told import LEVEL_MARKS, LEVEL_WORDS
from tests.reports import CAA, EVERYTHING, NOW, UNCHECKED, report


def plain(*, admin: bool = False) -> str:
    return click.unstyle(report_text(EVERYTHING, admin=admin))


def test_the_first_line_is_the_verdict() -> None:
    assert plain().startswith("ada@example.net: mail works for you, with a problem. 1 problem,")


def test_a_finding_has_mark_word_and_id() -> None:
    lines = plain().splitlines()
    title = next(line for line in lines if line.endswith("CERT-302") and "Problem" in line)
    assert title.startswith("✕ Problem: The certificate is for another name")
    assert columns(title) == WIDTH


def test_a_person_reads_steps_and_who_runs_the_server_commands() -> None:
    assert "Do not click past the warning." in plain()
    assert "openssl" not in plain()
    assert "Ask for a certificate that also names mail.example.net." in plain(admin=True)
    assert "openssl s_client" in plain(admin=True)


def test_what_is_to_be_pasted_stands_at_the_edge() -> None:
    text = click.unstyle(report_text(report(CAA), admin=True))
    assert '\nexample.net. IN CAA 0 issue "letsencrypt.org"\n' in text


def test_endpoints_are_listed_by_host() -> None:
    assert "  mail.example.net\n    ! Reading      IMAP         port 993" in plain()


@pytest.mark.parametrize("admin", [False, True])
def test_no_line_is_wider_than_a_terminal(admin: bool) -> None:
    assert max(map(columns, plain(admin=admin).splitlines())) <= WIDTH


@pytest.mark.parametrize("admin", [False, True])
def test_nothing_that_a_terminal_obeys_is_left(admin: bool) -> None:
    assert all(line.isprintable() for line in plain(admin=admin).splitlines())


def test_every_level_has_a_mark_and_a_word() -> None:
    assert LEVEL_MARKS.keys() == LEVEL_WORDS.keys() == set(Level)


def test_a_check_that_was_not_possible_says_why() -> None:
    text = click.unstyle(report_text(report(UNCHECKED)))
    assert "? Could not check: The certificate has run out" in text
    assert "CONN-102" in text


@pytest.mark.parametrize("name", sorted(entries()))
def test_every_entry_fits_a_terminal(name: str) -> None:
    told = shown_as_example(entries()[name], NOW)
    text = click.unstyle(told_text(told, admin=True))
    pasted = told.paste.splitlines()
    assert all(columns(line) <= WIDTH or line in pasted for line in text.splitlines())


def test_a_broken_command_is_still_one_command() -> None:
    command = "printf '%s|' " + " ".join(f"word{number}" for number in range(30)) + " 'a b  c'"
    lines = command_lines(command)
    assert len(lines) > 1
    ran = [
        subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True).stdout
        for text in (command, "\n".join(lines))
    ]
    assert ran[0] == ran[1]
