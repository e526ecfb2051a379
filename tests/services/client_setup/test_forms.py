"""Each form is written and read back: the same endpoints, or what the form can carry of them."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.autoconfig import parse_autoconfig
from mailclad.mail.discovery.pacc import has_digest, parse_pacc
from mailclad.mail.endpoint import STANDARD, Endpoint, MailProtocol
from mailclad.services.client_setup.forms import FORMS
from mailclad.services.client_setup.pacc import pacc_record, write_pacc
from mailclad.services.client_setup.qr_deltachat import write_qr_deltachat
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible
from tests.services.client_setup.read_autodiscover import parse_autodiscover
from tests.services.client_setup.read_mobileconfig import parse_mobileconfig
from tests.services.client_setup.read_qr import parse_dclogin, parse_qr_thunderbird

IMAP, POP3, SUBMISSION = MailProtocol.IMAP, MailProtocol.POP3, MailProtocol.SUBMISSION
LETTERS = Secret(b"abcdefghijklmnop")

hosts = st.sampled_from(["mail.example.net", "a.example", "xn--mnchen-3ya.example", "192.0.2.1"])
endpoints = st.builds(
    Endpoint,
    st.sampled_from([IMAP, POP3, SUBMISSION]),
    hosts,
    st.integers(1, 65535),
    st.sampled_from([TlsMode.IMPLICIT, TlsMode.STARTTLS]),
)
addresses = st.sampled_from(
    ["ada@example.net", "o'brien+<&>\"%@example.net", "日本@example.net", "a b@example.net"]
)
settings_made = st.builds(
    lambda address, found, name: ClientSettings(address, "example.net", tuple(found), name),
    addresses,
    st.lists(endpoints, max_size=8, unique=True),
    st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), max_size=20),
)


def by_protocol(found: Iterable[Endpoint]) -> dict[MailProtocol, list[Endpoint]]:
    grouped: dict[MailProtocol, list[Endpoint]] = {}
    for one in found:
        grouped.setdefault(one.protocol, []).append(one)
    return grouped


@given(settings_made)
def test_autoconfig_carries_all_and_the_safer_first(settings: ClientSettings) -> None:
    read = parse_autoconfig(FORMS["autoconfig"](settings), settings.domain)
    assert all(one.mechanisms == ("PLAIN",) for one in read)
    read = tuple(Endpoint(one.protocol, one.host, one.port, one.tls) for one in read)
    wanted = sorted(settings.endpoints, key=lambda one: one.tls is not TlsMode.IMPLICIT)
    assert by_protocol(read) == by_protocol(wanted)


@given(settings_made)
def test_autoconfig_says_nothing_of_who_asks(settings: ClientSettings) -> None:
    other = ClientSettings("x@example.net", settings.domain, settings.endpoints)
    assert FORMS["autoconfig"](settings) == FORMS["autoconfig"](other)


def first_implicit(settings: ClientSettings, *protocols: MailProtocol) -> list[Endpoint]:
    found = [settings.best(protocol, tls=TlsMode.IMPLICIT) for protocol in protocols]
    return [one for one in found if one is not None]


@given(settings_made)
def test_autodiscover_carries_what_is_encrypted_at_once(settings: ClientSettings) -> None:
    octets = FORMS["autodiscover"](settings)
    assert list(parse_autodiscover(octets)) == first_implicit(settings, IMAP, POP3, SUBMISSION)
    assert b"TLS</Encryption>" not in octets


@given(settings_made)
def test_mobileconfig_carries_one_for_each_way(settings: ClientSettings) -> None:
    incoming, outgoing = first_implicit(settings, IMAP, POP3), first_implicit(settings, SUBMISSION)
    if not incoming or not outgoing:
        with pytest.raises(NotPossible):
            FORMS["mobileconfig"](settings)
        return
    assert parse_mobileconfig(FORMS["mobileconfig"](settings)) == (incoming[0], outgoing[0])


@given(st.lists(hosts, min_size=3, max_size=3), settings_made)
def test_pacc_carries_standard_ports(named: list[str], odd: ClientSettings) -> None:
    implied = [(p, port, tls) for p, port, tls in STANDARD if tls is TlsMode.IMPLICIT]
    standard = [
        Endpoint(protocol, host, port, tls)
        for (protocol, port, tls), host in zip(
            [one for one in implied if one[0] in {IMAP, POP3, SUBMISSION}], named, strict=True
        )
    ]
    others = [one for one in odd.endpoints if one.port not in {465, 993, 995}]
    settings = ClientSettings("", "example.net", (*others, *standard))
    octets = write_pacc(settings)
    assert set(parse_pacc(octets)) == set(standard)
    assert has_digest(octets, [pacc_record(octets).encode()])
    assert octets == write_pacc(settings)


@given(settings_made)
def test_codes_for_telephones(settings: ClientSettings) -> None:
    incoming, outgoing = settings.best(IMAP, POP3), settings.best(SUBMISSION)
    if incoming is None or outgoing is None or not settings.address.isascii():
        with pytest.raises(NotPossible):
            FORMS["qr"](settings)
    else:
        assert parse_qr_thunderbird(FORMS["qr"](settings)) == (incoming, outgoing)


@given(settings_made)
def test_delta_chat_checks_certificates(settings: ClientSettings) -> None:
    imap, smtp = settings.best(IMAP), settings.best(SUBMISSION)
    if imap is None or smtp is None:
        with pytest.raises(NotPossible):
            write_qr_deltachat(settings, LETTERS)
        return
    octets = write_qr_deltachat(settings, LETTERS)
    assert parse_dclogin(octets) == (settings.address, (imap, smtp))
    assert b"ic=1" in octets
    assert b"sc=1" in octets


WHOLE = ClientSettings(
    "ada@example.net",
    "example.net",
    (
        Endpoint(SUBMISSION, "mail.example.net", 587, TlsMode.STARTTLS),
        Endpoint(POP3, "mail.example.net", 995, TlsMode.IMPLICIT),
        Endpoint(IMAP, "mail.example.net", 993, TlsMode.IMPLICIT),
        Endpoint(SUBMISSION, "mail.example.net", 465, TlsMode.IMPLICIT),
    ),
    "Ada Lovelace",
)
READERS: dict[str, Callable[[bytes], tuple[Endpoint, ...]]] = {
    "autoconfig": lambda octets: parse_autoconfig(octets, "example.net"),
    "autodiscover": parse_autodiscover,
    "mobileconfig": parse_mobileconfig,
    "pacc": parse_pacc,
    "qr": parse_qr_thunderbird,
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_leads_to_the_same_best_servers(form: str) -> None:
    read = READERS[form](FORMS[form](WHOLE))
    best = ClientSettings("", "example.net", read)
    for protocol, port in ((IMAP, 993), (SUBMISSION, 465)):
        found = best.best(protocol)
        assert found is not None
        assert (found.host, found.port, found.tls) == ("mail.example.net", port, TlsMode.IMPLICIT)


@pytest.mark.parametrize("form", FORMS)
def test_no_form_has_a_password_by_itself(form: str) -> None:
    assert b"assword>" not in FORMS[form](WHOLE).replace(b"EmailAuthPassword", b"")
