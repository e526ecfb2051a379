"""What is pasted leads to its entry."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.diagnose.catalogue import entries
from mailclad.services.diagnose.search import MOST_HITS, PASTED_CHARACTERS, normalised, search

_LINES = (Path(__file__).parent / "pasted.txt").read_text().splitlines()
PASTED = [tuple(line.split(" ", 1)) for line in _LINES if not line.startswith("#")]


@pytest.mark.parametrize(("wanted", "text"), PASTED, ids=[text[:60] for _, text in PASTED])
def test_a_pasted_text_leads_to_its_entry(wanted: str, text: str) -> None:
    hits = search(text)
    assert hits
    assert hits[0].entry.id == wanted, [(hit.entry.id, hit.text) for hit in hits]


def test_the_table_is_of_many_programs() -> None:
    assert len(PASTED) >= 80
    assert {wanted for wanted, _ in PASTED} <= entries().keys()


@pytest.mark.parametrize(
    "text",
    ["CERT-302", "cert 302", "wrong-name", "Wrong name", "the certificate is for another name"],
)
def test_an_entrys_own_name_leads_to_it_alone(text: str) -> None:
    assert [hit.entry.id for hit in search(text)] == ["CERT-302"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("principal name", "CERT-302"),
        ("my certificate run out", "CERT-301"),
        ("blocklist", "SEND-603"),
        ("disk full", "HOST-801"),
        ("too old for encryption mail.example.net", "CLIENT-701"),
    ],
)
def test_a_persons_own_words_lead_on(text: str, wanted: str) -> None:
    assert wanted in [hit.entry.id for hit in search(text)]


def test_texts_of_two_causes_lead_to_both() -> None:
    ids = [hit.entry.id for hit in search("SEC_ERROR_UNKNOWN_ISSUER")]
    assert ids == ["CERT-304", "CERT-305"]


def test_who_says_it_is_known() -> None:
    (hit,) = search("SSL_ERROR_BAD_CERT_DOMAIN")
    assert (hit.program, hit.text) == ("thunderbird", "SSL_ERROR_BAD_CERT_DOMAIN")


def test_case_quotes_and_punctuation_do_not_count() -> None:
    assert normalised("“Peer’s  Certificate”, has_expired!") == "peers certificate has expired"


@pytest.mark.slow
def test_every_known_text_leads_back_to_its_entry() -> None:
    lost = [
        (entry.id, text, [hit.entry.id for hit in search(text)])
        for entry in entries().values()
        for text in entry.aliases
        if entry.id not in [hit.entry.id for hit in search(text.replace("…", "x.example.org"))]
    ]
    assert lost == []


@pytest.mark.parametrize("text", ["", "   ", "…", "my hovercraft is full of eels", "\x00\x1b[2J"])
def test_nothing_is_guessed(text: str) -> None:
    assert search(text) == ()


def test_what_stands_behind_the_limit_is_not_read() -> None:
    far = "x " * PASTED_CHARACTERS + "SSL_ERROR_BAD_CERT_DOMAIN"
    assert search(far) == ()


@pytest.mark.slow
@given(st.text(max_size=200))
def test_anything_can_be_pasted(text: str) -> None:
    assert len(search(text)) <= MOST_HITS
