"""Files for terminal programs say the same endpoints, whatever the address is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.files import FILES
from mailclad.services.client_setup.files.msmtp import MAX_LINE
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible
from tests.services.client_setup.terminal_readers import READERS, Said

IMAP = Endpoint(MailProtocol.IMAP, "imap.example.net", 993, TlsMode.IMPLICIT)
IMAP_STARTTLS = Endpoint(MailProtocol.IMAP, "imap.example.net", 143, TlsMode.STARTTLS)
POP3 = Endpoint(MailProtocol.POP3, "pop.example.net", 995, TlsMode.IMPLICIT)
POP3_STARTTLS = Endpoint(MailProtocol.POP3, "pop.example.net", 110, TlsMode.STARTTLS)
SMTP = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 465, TlsMode.IMPLICIT)
SMTP_STARTTLS = Endpoint(MailProtocol.SUBMISSION, "smtp.example.net", 587, TlsMode.STARTTLS)
IMAP_ADDRESS = Endpoint(MailProtocol.IMAP, "2001:db8::1", 993, TlsMode.IMPLICIT)
SMTP_ADDRESS = Endpoint(MailProtocol.SUBMISSION, "2001:db8::1", 465, TlsMode.IMPLICIT)
PLAIN = tuple(
    Endpoint(protocol, "mail.example.net", port, TlsMode.NONE)
    for protocol, port in (
        (MailProtocol.IMAP, 143),
        (MailProtocol.POP3, 110),
        (MailProtocol.SUBMISSION, 25),
    )
)

COMMAND = "pass show mail/ada"
BOTH = {"aerc", "himalaya", "mutt", "neomutt"}
NO_STARTTLS = {"getmail", "offlineimap"}
POP3_TOO = {"fetchmail", "getmail"}


def settings(*endpoints: Endpoint, address: str = "ada@example.net") -> ClientSettings:
    return ClientSettings(address, "example.net", endpoints, "Ada Lovelace", "/etc/ssl/our ca.pem")


def read(client: str, given: ClientSettings, command: str = COMMAND) -> Said:
    return READERS[client](FILES[client](given, command))


def expected(client: str, imap: Endpoint, pop3: Endpoint, smtp: Endpoint) -> set[Endpoint]:
    match client:
        case "msmtp":
            return {smtp}
        case "mpop":
            return {pop3}
        case _:
            return {imap, smtp} if client in BOTH else {imap}


@pytest.mark.parametrize("client", READERS)
def test_the_best_endpoints_are_read_back(client: str) -> None:
    every = (*PLAIN, SMTP_STARTTLS, IMAP_STARTTLS, POP3_STARTTLS, SMTP, POP3, IMAP)

    found = read(client, settings(*every))

    assert found.endpoints == expected(client, IMAP, POP3, SMTP)
    assert found.address == "ada@example.net"
    assert found.trust_file == (None if client == "aerc" else "/etc/ssl/our ca.pem")
    assert found.command == (None if client == "fetchmail" else COMMAND)


@pytest.mark.parametrize("client", READERS)
def test_starttls_is_insisted_on_or_not_written(client: str) -> None:
    given = settings(*PLAIN, SMTP_STARTTLS, POP3_STARTTLS, IMAP_STARTTLS)
    if client in NO_STARTTLS:
        with pytest.raises(NotPossible, match="by implicit TLS"):
            read(client, given)
        return

    found = read(client, given)

    assert found.endpoints == expected(client, IMAP_STARTTLS, POP3_STARTTLS, SMTP_STARTTLS)


@pytest.mark.parametrize("client", READERS)
def test_nothing_is_written_for_plain_connections(client: str) -> None:
    with pytest.raises(NotPossible):
        read(client, settings(*PLAIN))


@pytest.mark.parametrize("client", sorted(POP3_TOO))
def test_pop3_where_imap_is_not(client: str) -> None:
    assert read(client, settings(POP3, SMTP)).endpoints == {POP3}


@pytest.mark.parametrize("client", READERS.keys() - {"mpop"})
def test_a_server_without_a_name(client: str) -> None:
    found = read(client, settings(IMAP_ADDRESS, SMTP_ADDRESS))

    assert found.endpoints == expected(client, IMAP_ADDRESS, POP3, SMTP_ADDRESS)


@pytest.mark.parametrize("client", READERS)
def test_without_an_address_it_shows_where_one_belongs(client: str) -> None:
    assert read(client, settings(IMAP, POP3, SMTP, address="")).address == "you@example.net"


@pytest.mark.parametrize("client", READERS)
def test_without_a_trust_file_the_system_knows_the_authority(client: str) -> None:
    given = ClientSettings("ada@example.net", "example.net", (IMAP, POP3, SMTP))

    assert read(client, given).trust_file in {None, ""}


HOSTILE = [
    "a'; set ssl_force_tls=no; '@x",
    '"odd name"@x',
    '" tls off "@x',
    "`touch x`@x",
    "$(touch x)$HOME@x",
    "a\\@x",
    "a\\",
    "a\\042@x",
    "a\ntls off",
    "a\r\nssl = no",
    "a\u2028ssl = no",
    "%U@x",
    "%(ssl)s@x",
    "*@x",
    "{address}%s{0}@x",
    " leading@x",
    "trailing ",
    "#comment ; too@x",
    "a@host:25/?x#y@x",
    "ж@пример",
    "\0",
    "x" * MAX_LINE,
]
ROLES = ("address", "name", "path", "command")


def is_only_a_value(client: str, role: str, value: str) -> None:
    values = dict.fromkeys(ROLES, "a") | {role: value}
    path = f"/{values['path']}"
    given = ClientSettings(
        values["address"], "example.net", (IMAP, POP3, SMTP), values["name"], path
    )
    try:
        found = read(client, given, values["command"])
    except NotPossible:
        return
    assert found.endpoints == expected(client, IMAP, POP3, SMTP)
    assert found.address == values["address"]
    assert found.trust_file in {None, path}
    assert found.command in {None, values["command"]}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("client", READERS)
def test_a_value_that_would_be_more_is_only_a_value(client: str, role: str) -> None:
    for value in HOSTILE:
        is_only_a_value(client, role, value)


@pytest.mark.parametrize("client", READERS)
@given(st.sampled_from(ROLES), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_a_value_holds_is_only_a_value(client: str, role: str, value: str) -> None:
    is_only_a_value(client, role, value)


@pytest.mark.parametrize("client", READERS)
def test_a_trust_file_is_named_from_the_root(client: str) -> None:
    given = ClientSettings("ada@example.net", "example.net", (IMAP, POP3, SMTP), "", "ca.pem")

    with pytest.raises(NotPossible, match="from the root"):
        read(client, given)


@pytest.mark.parametrize("client", ["getmail", "offlineimap"])
def test_a_path_that_the_program_would_change_is_not_written(client: str) -> None:
    given = ClientSettings("ada@example.net", "example.net", (IMAP,), "", "/etc/$HOME/ca.pem")

    with pytest.raises(NotPossible, match="path"):
        read(client, given)


def test_msmtp_refuses_an_address_that_it_would_change() -> None:
    for address in ("%U@example.net", "a*@example.net", "[a]@example.net"):
        with pytest.raises(NotPossible, match="replaces"):
            read("msmtp", settings(SMTP, address=address))
    assert read("msmtp", settings(SMTP, address="100%@example.net")).address == "100%@example.net"


@pytest.mark.parametrize("client", ["msmtp", "mpop"])
def test_a_line_that_the_program_would_not_read_is_not_written(client: str) -> None:
    longest = MAX_LINE - len('passwordeval ""')

    assert read(client, settings(POP3, SMTP), "x" * longest).command == "x" * longest
    with pytest.raises(NotPossible, match="shorten"):
        read(client, settings(POP3, SMTP), "x" * (longest + 1))


@pytest.mark.parametrize("client", ["mutt", "neomutt"])
@pytest.mark.parametrize("command", ["echo `id`", "cat 'a\\b'"])
def test_mutt_is_given_no_command_that_it_reads_otherwise(client: str, command: str) -> None:
    with pytest.raises(NotPossible, match="script"):
        read(client, settings(IMAP, SMTP), command)
