"""Files for desktops, frameworks and devices say the same endpoints, whatever the address is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible
from tests.services.client_setup.code_readers import READERS, Said

IMAP = Endpoint(MailProtocol.IMAP, "mail.example.net", 993, TlsMode.IMPLICIT)
IMAP_STARTTLS = Endpoint(MailProtocol.IMAP, "mail.example.net", 143, TlsMode.STARTTLS)
POP3 = Endpoint(MailProtocol.POP3, "mail.example.net", 995, TlsMode.IMPLICIT)
SMTP = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 465, TlsMode.IMPLICIT)
SMTP_STARTTLS = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 587, TlsMode.STARTTLS)
PLAIN = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 25, TlsMode.NONE)

READS_TOO = {"claws", "curl", "evolution", "geary", "python"}
POP3_TOO = {"claws", "evolution"}
RUNS_THE_COMMAND = {"curl", "git-send-email", "systemd"}
NOT_BY_STARTTLS = {"laravel"}


def settings(*endpoints: Endpoint, address: str = "ada@example.net") -> ClientSettings:
    return ClientSettings(address, "example.net", endpoints, "Ada Lovelace", "/etc/ssl/our ca.pem")


def read(client: str, given: ClientSettings) -> Said:
    return READERS[client](FILES[client](given, "pass show mail"))


@pytest.mark.parametrize("client", READERS)
def test_the_best_endpoints_are_read_back(client: str) -> None:
    found = read(client, settings(PLAIN, IMAP_STARTTLS, SMTP_STARTTLS, POP3, SMTP, IMAP))

    expected = {SMTP, IMAP} if client in READS_TOO else {SMTP}
    assert found.endpoints == (expected | {SMTP_STARTTLS} if client == "printer" else expected)
    assert found.address == "ada@example.net"
    assert found.trust_file in {None, "/etc/ssl/our ca.pem"}


@pytest.mark.parametrize("client", sorted(READERS.keys() - NOT_BY_STARTTLS))
def test_starttls_is_read_back(client: str) -> None:
    found = read(client, settings(IMAP_STARTTLS, SMTP_STARTTLS))

    assert found.endpoints == (
        {SMTP_STARTTLS, IMAP_STARTTLS} if client in READS_TOO else {SMTP_STARTTLS}
    )


@pytest.mark.parametrize("client", sorted(POP3_TOO))
def test_pop3_where_imap_is_not(client: str) -> None:
    assert read(client, settings(POP3, SMTP)).endpoints == {POP3, SMTP}


@pytest.mark.parametrize("client", READERS)
def test_nothing_is_written_for_a_plain_connection(client: str) -> None:
    with pytest.raises(NotPossible):
        FILES[client](settings(IMAP, PLAIN), "pass show mail")


def test_laravel_cannot_insist_on_starttls() -> None:
    with pytest.raises(NotPossible, match="by implicit TLS"):
        FILES["laravel"](settings(IMAP, SMTP_STARTTLS), "pass show mail")


@pytest.mark.parametrize("client", READERS)
def test_without_an_address_it_shows_where_one_belongs(client: str) -> None:
    assert read(client, settings(IMAP, SMTP, address="")).address == "you@example.net"


@pytest.mark.parametrize("client", READERS)
def test_no_file_but_that_of_its_command_holds_a_password(client: str) -> None:
    for file in FILES[client](settings(IMAP, SMTP), "echo the-password"):
        assert ("the-password" in file.text) <= (client in RUNS_THE_COMMAND)


HOSTILE = st.one_of(
    st.sampled_from(
        [
            "'; drop(); '",
            '"${IFS}"@x',
            "$(touch x)@x",
            "`id`@x",
            "?><?php evil();@x",
            "a\\' . evil() . '@x",
            "</folder>@x",
            "a\nsmtpEncryption = none",
            "a\r\nEMAIL_USE_SSL = False",
            "{address}%s{0}@x",
            " leading@x",
            "#!secret none",
            "\u2028@\U0001f600",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
)


@pytest.mark.parametrize("client", READERS)
@given(address=HOSTILE, name=HOSTILE, trust_file=HOSTILE)
def test_whatever_an_address_holds_is_only_an_address(
    client: str, address: str, name: str, trust_file: str
) -> None:
    given = ClientSettings(address, "example.net", (IMAP, SMTP), name, trust_file)
    try:
        found = read(client, given)
    except NotPossible:
        return
    assert found.endpoints == ({SMTP, IMAP} if client in READS_TOO else {SMTP})
    assert found.address == address
    assert found.trust_file in {None, trust_file}
