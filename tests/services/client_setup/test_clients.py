"""Every program's file: complete, in its own words, with the port beside each word."""

import re
import string
from dataclasses import replace

import pytest

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.clients import Client, Way, clients
from mailclad.services.client_setup.explained import explanations
from mailclad.services.client_setup.finding_clients import find_clients
from mailclad.services.client_setup.guide import Guide, make_guide
from mailclad.services.client_setup.settings import THEIR_PASSWORD, ClientSettings

ENDPOINTS = tuple(
    Endpoint(protocol, "mail.example.net", port, tls)
    for protocol, port, tls in (
        (MailProtocol.IMAP, 143, TlsMode.STARTTLS),
        (MailProtocol.IMAP, 993, TlsMode.IMPLICIT),
        (MailProtocol.POP3, 995, TlsMode.IMPLICIT),
        (MailProtocol.SUBMISSION, 587, TlsMode.STARTTLS),
        (MailProtocol.SUBMISSION, 465, TlsMode.IMPLICIT),
    )
)
SETTINGS = ClientSettings("ada@example.net", "example.net", ENDPOINTS, "Ada")
EVERY = pytest.mark.parametrize("client", clients().values(), ids=lambda one: one.key)


def texts(client: Client) -> list[str]:
    steps = (*client.steps, *client.manual, *client.change, *client.blocked, *client.warnings)
    return [*steps, *client.test_commands, client.words.hint]


def values(guide: Guide) -> dict[str, list[str]]:
    return {one.title: [value.value for value in one.values] for one in guide.sections}


@EVERY
def test_it_is_told_what_to_do(client: Client) -> None:
    assert client.steps
    assert client.words.field
    assert client.words.implicit
    assert client.kinds
    assert len(client.ways) == len(set(client.ways))


@EVERY
def test_texts_are_marked_in_pairs_and_name_what_is_known(client: Client) -> None:
    known = {"address", "name", "password", "alpn_port"}
    known |= {f"{kind}_{what}" for kind in ("imap", "smtp") for what in ("host", "port", "word")}
    for text in texts(client):
        assert text.count("**") % 2 == 0, text
        named = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
        assert named <= known, text


@EVERY
def test_the_best_way_is_told_with_its_port(client: Client) -> None:
    guide = make_guide(client, SETTINGS)
    ports = {"imap": "993", "pop3": "995", "smtp": "465"}
    reading = [kind for kind in client.kinds if kind in {"imap", "pop3"}][:1]
    told = values(guide)
    assert len(told) == len(reading) + ("smtp" in client.kinds)
    for kind in [*reading, *(["smtp"] if "smtp" in client.kinds else [])]:
        (lines,) = [lines for title, lines in told.items() if title.lower().endswith(f"({kind})")]
        assert lines[:4] == [
            "mail.example.net",
            ports[kind],
            client.words.implicit,
            "ada@example.net",
        ]
        assert f"**{ports[kind]}**" in guide.note
    assert client.words.implicit in guide.note


@EVERY
def test_starttls_is_told_where_it_is_asked_for(client: Client) -> None:
    told = values(make_guide(client, SETTINGS.preferring(TlsMode.STARTTLS)))
    if not client.words.starttls:
        assert not any("IMAP" in title or "SMTP" in title for title in told)
    for title, lines in told.items():
        has_both = "POP3" not in title and client.words.starttls
        word = client.words.starttls if has_both else client.words.implicit
        assert lines[2] == word
        assert (lines[1] in {"143", "587"}) == bool(has_both)


@EVERY
def test_where_there_is_only_starttls_no_text_says_otherwise(client: Client) -> None:
    only = tuple(one for one in ENDPOINTS if one.tls is TlsMode.STARTTLS)
    guide = make_guide(client, replace(SETTINGS, endpoints=only))
    told = "\n".join((*guide.steps, *guide.manual, *guide.change))
    assert not re.search(r"993|995|465", told)
    if client.words.starttls != client.words.implicit:
        assert not re.search(rf"(\*\*|\d){re.escape(client.words.implicit)}(\*\*|/)", told)


@EVERY
def test_without_a_page_no_step_is_on_one(client: Client) -> None:
    told = " ".join(make_guide(client, SETTINGS, by_hand=True).steps)
    assert "this page" not in told
    assert bool(client.manual) or not client.begins_on_page


@EVERY
def test_another_providers_password_is_not_called_ours(client: Client) -> None:
    elsewhere = replace(SETTINGS, password=THEIR_PASSWORD)
    guide = make_guide(client, elsewhere, by_hand=True)
    told = (*guide.steps, *guide.manual, *guide.change, guide.note)
    assert "the app password" not in " ".join(told)
    assert "this server refuses" not in " ".join(guide.warnings).lower()
    assert "An app password has" not in " ".join(guide.warnings)


def test_the_port_of_pages_is_told_where_it_has_mail() -> None:
    client = clients()["delta-chat"]
    assert make_guide(client, SETTINGS).blocked == ()
    (told,) = make_guide(client, replace(SETTINGS, alpn_port=8443)).blocked
    assert "8443" in told


def test_pop3_is_told_where_imap_cannot_be_used_by_the_program() -> None:
    few = tuple(one for one in ENDPOINTS if one.port in {143, 995})
    (section,) = make_guide(clients()["getmail"], replace(SETTINGS, endpoints=few)).sections
    assert [one.value for one in section.values][:2] == ["mail.example.net", "995"]


@EVERY
def test_nobodys_address_is_told_where_none_is_known(client: Client) -> None:
    anybody = make_guide(client, ClientSettings("", "example.net", ENDPOINTS))
    assert "ada@" not in repr(anybody)
    assert "{" not in "".join(anybody.steps).replace("{mail.example.net", "")


@EVERY
def test_a_server_that_it_cannot_use_is_not_told(client: Client) -> None:
    plain = ClientSettings("ada@example.net", "example.net", ())
    guide = make_guide(client, plain)
    assert guide.sections == ()
    assert "cannot" in guide.note


def test_ten_cards_of_which_each_has_its_place() -> None:
    cards = [one.card for one in clients().values() if one.card]
    assert cards == list(range(1, 11))


def test_names_are_of_one_program_each() -> None:
    names = [name.casefold() for one in clients().values() for name in (one.name, *one.aliases)]
    assert len(names) == len(set(names))


def test_where_the_port_decides_that_is_said() -> None:
    for one in clients().values():
        if one.words.implicit == one.words.starttls:
            assert "port decides" in make_guide(one, SETTINGS).note


def test_where_tls_means_starttls_that_is_said() -> None:
    said = {one.key for one in clients().values() if "TLS” means STARTTLS" in note_of(one)}
    assert {"gmail-web", "samsung", "wordpress", "brother", "em-client", "django"} <= said
    assert "“STARTTLS” starts unencrypted" in note_of(clients()["thunderbird"])


def test_each_word_is_told_with_its_own_port() -> None:
    few = tuple(one for one in ENDPOINTS if one.port in {993, 587})
    note = make_guide(clients()["thunderbird"], replace(SETTINGS, endpoints=few)).note
    assert "Choose **SSL/TLS** with port **993** and **STARTTLS** with port **587**." in note


def note_of(client: Client) -> str:
    return make_guide(client, SETTINGS).note


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("outlook", "outlook"),
        ("Thunderbrid", "thunderbird"),
        ("iOS", "iphone"),
        ("K-9", "k9"),
        ("isync", "mbsync"),
        ("HP", "hp"),
        ("WP Mail SMTP", "wordpress"),
    ],
)
def test_a_program_is_found_by_what_people_call_it(typed: str, key: str) -> None:
    assert find_clients(typed)[0].key == key


@pytest.mark.parametrize("typed", ["qqqqqq", "<script>alert(1)</script>", "x" * 100_000])
def test_nothing_is_found_for_what_is_no_program(typed: str) -> None:
    assert find_clients(typed) == []


def test_nothing_typed_shows_all() -> None:
    assert find_clients("  ") == list(clients().values())


def test_profiles_and_codes_are_for_those_that_read_them() -> None:
    with_profile = {one.key for one in clients().values() if Way.PROFILE in one.ways}
    assert with_profile == {"iphone", "apple-mail"}


def test_three_texts_explain_what_words_and_networks_are() -> None:
    assert list(explanations()) == ["tls", "names", "wifi"]
    told = " ".join(text for one in explanations().values() for text in one.paragraphs)
    for port in ("993", "995", "465", "143", "110", "587", "443"):
        assert port in told
    assert "Never accept a certificate warning" in told
