"""`mailclad explain`: from pasted words to what to do."""

import json

import pytest
from click.testing import CliRunner

from mailclad.cli.commands import mailclad
from mailclad.cli.words import WIDTH
from mailclad.services.diagnose.catalogue import entries


def run(*words: str, status: int = 0, color: bool = False, **environment: str) -> str:
    done = CliRunner().invoke(mailclad, ["explain", *words], env=environment, color=color)
    assert done.exit_code == status, done.output
    return done.output


def test_an_error_is_explained_to_who_uses_the_mail() -> None:
    text = run("SSL_ERROR_BAD_CERT_DOMAIN")
    assert text.startswith("“SSL_ERROR_BAD_CERT_DOMAIN” (Thunderbird) is explained by:\n")
    assert "The certificate is for another name" in text
    assert "If you use this mail" in text
    assert "If you run this server" not in text
    assert "mailclad explain CERT-302 --admin" in text


def test_who_runs_the_server_gets_commands() -> None:
    text = run("CERT-302", "--admin")
    assert "If you run this server" in text
    assert "openssl s_client -connect mail.example.net:993" in text


def test_words_need_no_quotation_marks() -> None:
    assert "CERT-302" in run("wrong", "name")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("-ERR [AUTH] Authentication failed.", "AUTH-501"), ("-9836", "TLS-401")],
)
def test_what_begins_like_an_option_is_still_a_text(words: str, wanted: str) -> None:
    assert wanted in run(words)


def test_other_causes_of_the_same_words_are_named() -> None:
    text = run("unable to get local issuer certificate")
    assert "CERT-304" in text
    assert "has several causes." in text
    assert "It could also be:\nCERT-305    The certificate comes from" in text


def test_what_nobody_knows_is_said_with_what_to_do_next() -> None:
    text = run("my hovercraft is full of eels", status=1)
    assert "Nothing in the catalogue says “my hovercraft is full of eels”." in text
    assert "mailclad check ADDRESS" in text


def test_what_was_pasted_does_not_reach_the_terminal_raw() -> None:
    assert "\x1b[2J" not in run("\x1b[2J hovercraft", status=1)


def test_without_words_all_findings_are_listed() -> None:
    lines = run().splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert [line.split()[0] for line in lines if line[:1].strip()] == list(entries())


def test_a_program_gets_everything() -> None:
    (first, *_) = json.loads(run("--json", "SEC_ERROR_UNKNOWN_ISSUER"))
    assert first["id"] == "CERT-304"
    assert first["said"] == {"program": "thunderbird", "text": "SEC_ERROR_UNKNOWN_ISSUER"}
    assert first["do_admin"]


@pytest.mark.parametrize(("no_color", "styled"), [("", True), ("1", False)])
def test_colour_is_off_where_nobody_wants_it(no_color: str, styled: bool) -> None:
    assert ("\x1b[" in run("CERT-302", color=True, NO_COLOR=no_color)) is styled
