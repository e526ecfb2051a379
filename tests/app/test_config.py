"""A mistake in the configuration is named with its file, key and line, and what to write."""

from pathlib import Path

import pytest

from mailclad.app.config import Config, ConfigProblem, load_config, parse_config
from mailclad.app.settings.filters import Door
from mailclad.app.settings.limits import CONNECTIONS, MESSAGE_OCTETS
from mailclad.base.tls_policy import Service, TlsMode
from mailclad.services.receive.filter_failure import OnFailure

FILE = Path("/etc/mailclad/mailclad.toml")
SERVER = '[server]\nhostname = "mail.example.org"\n'


def parse(text: str) -> Config:
    return parse_config(text, FILE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[tls]\n\ncertifcate = "x"', "tls.certifcate: line 5: unknown key. Did you mean certif"),
        ("[sevrer]", "sevrer: line 3: unknown key. Did you mean server?"),
        ("[log]\nqqqq = 1", "log.qqqq: line 4: unknown key. Known here: file, level, format."),
        ('workers = "2"', "server.workers: line 3: expected a whole number, found text"),
        ("workers = -2", "server.workers: line 3: expected a whole number >= 0"),
        ("workers = 257", "server.workers: line 3: expected a whole number <= 256"),
        ("data = 3", "server.data: line 3: expected a path in quotation marks"),
        ("[tls]\nprivate_ca = 1", "tls.private_ca: line 4: expected true or false, found a wh"),
        ('[log]\nlevel = "loud"', "log.level: line 4: “loud” is none of: debug, info, warning"),
        ('[tls]\ncertificate = "c"', "tls.certificate: line 4: needs tls.key beside it"),
        ('[tls]\nkey = "c"', "tls.key: line 4: needs tls.certificate beside it"),
        (
            '[tls]\ncertificate = "c"\nkey = "k"\nprivate_ca = true',
            "tls.private_ca: line 6: set it to false, or remove tls.certificate and tls.key",
        ),
        (
            "[acme]\nauthorities = []",
            "acme.authorities: line 4: needs one at least; leave the key",
        ),
        ("[acme]\nchallenges = []", "acme.challenges: line 4: needs one at least"),
        ('[acme]\nchallenges = ["http"]', "acme.challenges: line 4: “http” is none of: http-01, "),
        ('[acme]\ncontact = ["ann"]', "acme.contact: line 4: “ann” is not a mail address"),
        ('[acme]\nnames = ["a b"]', "acme.names: line 4: “a b” is not a host name or address"),
        ('[acme]\nauthorities = ["le"]', "acme.authorities: line 4: “le” is neither a URL (https"),
        (
            '[[acme.eab]]\nauthority = "zerossl"\nkey_id = "k"\nkey_file = "f"',
            "acme.eab.authority: line 4: “zerossl” is none of acme.authorities",
        ),
        (
            "[tls]\nprivate_ca = true\n[acme]",
            "acme: line 5: remove this table, or remove tls.private_ca: one of the two",
        ),
        (
            '[tls]\ncertificate = "c"\nkey = "k"\n[acme]',
            "acme: line 6: remove this table, or remove tls.certificate and tls.key",
        ),
        (
            '[tls]\ncertificate = "c"\nkey = "k"\ndirectory = "d"',
            "tls.directory: line 6: remove it, or tls.certificate and tls.key: one of the two",
        ),
        (
            '[tls]\ndirectory = "d"\nprivate_ca = true',
            "tls.private_ca: line 5: set it to false, or remove tls.directory",
        ),
        ('[tls]\nnames = ["a b"]', "tls.names: line 4: “a b” is not a host name or address"),
        ("[limits]\nmessage_octets = 0", "limits.message_octets: line 4: expected a whole"),
        ("[server", "line 3: this is not TOML"),
        (
            '[receive]\ndmarc = "strict"',
            "receive.dmarc: line 4: “strict” is none of: enforce, junk",
        ),
        (
            '[receive.domains]\n"a.test" = "no"',
            "receive.domains: line 3: “no” is none of: enforce",
        ),
        (
            '[receive.domains]\n"a b" = "note"',
            "receive.domains.a b: line 4: “a b” is not a domain",
        ),
        (
            '[receive]\nown_networks = ["10.0.0.1/8"]',
            "receive.own_networks: line 4: “10.0.0.1/8” is",
        ),
        (
            '[receive]\nxclient_from = ["proxy"]',
            "receive.xclient_from: line 4: “proxy” is not an IP",
        ),
        (
            '[receive]\ntrusted_sealers = ["@"]',
            "receive.trusted_sealers: line 4: “@” is not a dom",
        ),
        (
            '[[receive.block_lists]]\nzone = "@"',
            "receive.block_lists.zone: line 4: “@” is not a d",
        ),
        ("[receive]\ngreet_delay = 31", "receive.greet_delay: line 4: expected a number with"),
        ("[receive.rates]\nunknown = -1", "receive.rates.unknown: line 4: expected a whole numbe"),
        (
            '[mta_sts]\nmode = "on"',
            "mta_sts.mode: line 4: “on” is none of: enforce, testing, none",
        ),
        ('[[listen]]\nservice = "imaps"', "listen.service: line 4: “imaps” is none of: imap, p"),
        (
            '[[deliver.route]]\npolicy = "dane"',
            "deliver.route.policy: line 4: “dane” is none of: none, may, encrypt, verify",
        ),
        (
            '[dns]\nvalidate = "sometimes"',
            "dns.validate: line 4: “sometimes” is none of: auto, always, never",
        ),
    ],
)
def test_the_message_names_key_line_and_remedy(text: str, said: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        parse(SERVER + text)
    assert str(caught.value).startswith(f"{FILE}: {said}")


def listen(*lines: str) -> str:
    return SERVER + "\n".join(f"[[listen]]\n{line}" for line in lines)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('service="smtp"\ntls="implicit"\nport=25',), "line 5: “implicit” is not possible for"),
        (('service="http"\ntls="implicit"\nport=80',), "line 5: “implicit” is not possible for"),
        (('service="imap"\ntls="none"\nport=143',), "line 5: “none” is not possible for imap; us"),
        (('service="imap"\ntls="starttls"\nport=70000',), "line 6: expected a whole number <= 65"),
        (
            ('service="imap"\ntls="implicit"\nport=993\nproxy_from=["x"]',),
            "line 7: “x” is not an IP address or network",
        ),
        (('service="imap"\ntls="starttls"',), "line 3: needs a port, or (for lmtp) a path"),
        (('service="imap"\ntls="starttls"\npath="x"',), "line 6: only lmtp can listen on a path"),
        (('service="lmtp"\ntls="none"\nport=24',), "line 3: lmtp takes mail from anyone who rea"),
        (
            ('service="imap"\ntls="implicit"\nport=993',) * 2,
            "line 10: 0.0.0.0 port 993 is listed twice",
        ),
    ],
)
def test_listen_lines_are_checked(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigProblem, match="listen") as caught:
        parse(listen(*lines))
    assert said in str(caught.value)


def test_mail_from_strangers_is_judged_unless_the_file_says_no() -> None:
    receive = parse(SERVER).receive
    assert (receive.judge, receive.dmarc, receive.rejects_days) == (True, "enforce", 7)
    assert (receive.block_lists, receive.greylist, receive.greet_delay) == ((), False, 0)
    receive = parse(
        SERVER + '[receive]\ndmarc = "junk"\ngreylist = true\n'
        '[receive.domains]\n"b.test" = "note"\n'
        '[[receive.block_lists]]\nzone = "zen.test"\nweight = 3\n'
    ).receive
    assert (receive.dmarc, receive.greylist, receive.domains) == ("junk", True, {"b.test": "note"})
    assert [(one.zone, one.weight) for one in receive.block_lists] == [("zen.test", 3)]


def test_the_hostname_is_needed_and_must_be_one() -> None:
    with pytest.raises(ConfigProblem, match=r"server\.hostname: line 1: this key is needed"):
        parse("[server]\nworkers = 1")
    with pytest.raises(ConfigProblem, match=r"is not a host name like mail\.example\.org"):
        parse('[server]\nhostname = "mail example"')


def test_defaults_open_the_secure_ports_and_neither_143_nor_110() -> None:
    config = parse(SERVER)
    opened = {(line.service, line.tls, line.port) for line in config.listen}
    assert opened == {
        (Service.IMAP, TlsMode.IMPLICIT, 993),
        (Service.POP3, TlsMode.IMPLICIT, 995),
        (Service.SUBMISSION, TlsMode.IMPLICIT, 465),
        (Service.SUBMISSION, TlsMode.STARTTLS, 587),
        (Service.SMTP, TlsMode.STARTTLS, 25),
        (Service.HTTPS, TlsMode.IMPLICIT, 443),
        (Service.HTTP, TlsMode.NONE, 80),
    }
    assert (config.limits.message_octets, config.limits.connections) == (
        MESSAGE_OCTETS,
        CONNECTIONS,
    )


def test_paths_are_relative_to_the_file() -> None:
    config = parse(SERVER + 'data = "mail"\n[tls]\ncertificate = "c.pem"\nkey = "/k.pem"')
    assert config.server.data == Path("/etc/mailclad/mail")
    assert [(f.certificate, f.key) for f in config.tls.files] == [
        (Path("/etc/mailclad/c.pem"), Path("/k.pem"))
    ]


def test_several_certificates() -> None:
    pair = '[[tls.certificates]]\ncertificate = "a"\nkey = "b"\n'
    assert len(parse(SERVER + pair * 2).tls.files) == 2


def test_a_missing_or_unreadable_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblem, match="Make one with: mailclad init"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(ConfigProblem, match="it is not UTF-8 text"):
        load_config(tmp_path / "latin.toml")


def test_an_hour_lets_no_more_through_than_a_day() -> None:
    text = "messages_per_hour: line 5: 20 in an hour are more than 10 in a day"
    with pytest.raises(ConfigProblem, match=text):
        parse(SERVER + "\n[submit]\nmessages_per_hour = 20\nmessages_per_day = 10")
    with pytest.raises(ConfigProblem, match=r"submit\.recipients_per_hour: .* recipients_per_day"):
        parse(SERVER + "\n[submit]\nrecipients_per_hour = 4000")
    with pytest.raises(ConfigProblem, match=r"submit\.highest_priority"):
        parse(SERVER + "\n[submit]\nhighest_priority = 10")


def test_dns_servers_are_addresses() -> None:
    with pytest.raises(ConfigProblem, match=r"dns\.servers: line 5: “ns\.example” is not an IP"):
        parse(SERVER + '\n[dns]\nservers = [\n"127.0.0.1:5353",\n"ns.example"]')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("addresses = []", "reports.addresses: line 4: needs one at least"),
        ('addresses = ["dmarc", "a b"]', "reports.addresses: line 4: “a b” is neither an address"),
        (
            'contact = "é@a.example"',
            "reports.contact: line 4: “é@a.example”: there is more than ASCII",
        ),
        ('contact = "x"', "reports.contact: line 4: “x”: the address has no @ and domain"),
        (
            'contact = "p@a.example"\nfrom_address = "r@b.example"',
            "reports.from_address: line 5: must be of the same domain as reports.contact",
        ),
    ],
)
def test_whose_name_reports_are_sent_in(text: str, said: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        parse(f"{SERVER}[reports]\n{text}")
    assert str(caught.value).startswith(f"{FILE}: {said}")
    agreed = 'contact = "p@a.example"\nfrom_address = "r@A.example"'
    assert parse(f"{SERVER}[reports]\n{agreed}").reports.addresses == ("dmarc", "tlsrpt")


def test_dns_validation_has_three_ways() -> None:
    assert parse(SERVER).dns.validate == "auto"
    assert parse(SERVER + '[dns]\nvalidate = "always"').dns.validate == "always"
    with pytest.raises(ConfigProblem, match=r"dns\.validate"):
        parse(SERVER + '[dns]\nvalidate = "sometimes"')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '[[filters.milter]]\nsocket = "/run/x.sock"',
            "filters.milter.socket: line 4: “/run/x.sock”: it is neither unix:/path nor inet:host",
        ),
        (
            '[[filters.milter]]\nsocket = "unix:/x"\non_failure = "pass"',
            "filters.milter.on_failure: line 5: “pass” is none of: accept, defer",
        ),
        (
            '[[filters.milter]]\nsocket = "unix:/x"\nlisteners = ["lmtp"]',
            "filters.milter.listeners: line 5: “lmtp” is none of: mx, submission",
        ),
        ("[[filters.milter]]", "filters.milter.socket: line 3: this key is needed and missing"),
        (
            '[filters.rspamd]\nurl = "https://x"',
            "filters.rspamd.url: line 4: “https://x”: it is neither http://host:port nor unix:",
        ),
        (
            '[filters.rspam]\nurl = "http://x"',
            "filters.rspam: line 3: unknown key. Did you mean rspamd?",
        ),
        ("[hooks]\nmodules = [1]", "hooks.modules: line 4: expected a path in quotation marks"),
        ("[hooks]\ntimeout_seconds = 0", "hooks.timeout_seconds: line 4: expected a whole"),
    ],
)
def test_filters_and_hooks_are_checked(text: str, said: str) -> None:
    with pytest.raises(ConfigProblem) as caught:
        parse(SERVER + text)
    assert str(caught.value).startswith(f"{FILE}: {said}")


def test_filters_and_hooks() -> None:
    config = parse(
        SERVER + '[hooks]\nmodules = ["hooks.py"]\n[[filters.milter]]\nsocket = "unix:/x"\n'
        'listeners = ["mx"]\n[filters.rspamd]\nurl = "http://127.0.0.1"\non_failure = "accept"'
    )
    assert config.hooks.modules == (Path("/etc/mailclad/hooks.py"),)
    (milter,) = config.filters.milter
    assert (milter.on_failure, milter.listeners) == (OnFailure.DEFER, (Door.MX,))
    assert config.filters.rspamd is not None
    assert config.filters.rspamd.on_failure is OnFailure.ACCEPT
