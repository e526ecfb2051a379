"""Failures in sentences, and who would fail with less."""

from dataclasses import replace

import pytest

from mailclad.services.diagnose.catalogue import entries
from mailclad.services.tls_watch.known import PEOPLE_NAMED, know
from mailclad.services.tls_watch.preview import preview
from mailclad.services.tls_watch.told import Account, tell
from mailclad.store.tls_use import (
    DELIVERY,
    NOISE,
    FailureKind,
    TlsFailure,
    TlsNoise,
    TlsSession,
    Visitor,
)
from tests.services.clock import NOW
from tests.services.tls_watch.hellos import (
    NMAP,
    OS_X_10_9,
    RSA_ONLY,
    THUNDERBIRD,
    WINDOWS_7,
    offer_of,
)

ADA, BOB = "ada@example.org", "bob@example.org"
NETWORK = "192.0.2.7/32"
FAILURE = TlsFailure(
    hour=NOW // 3_600,
    service="imap",
    port=993,
    address="192.0.2.7",
    network=NETWORK,
    kind=FailureKind.OLD_VERSIONS,
    offer=offer_of(WINDOWS_7),
    server_name="mail.test",
    alpn="",
    sent_alert=70,
    received_alert=None,
    reason="unsupported protocol",
    certificate="",
    number=4,
    last_at=NOW,
)
TRUSTED = Visitor(NETWORK, ADA, "", None)


def told(*failures: TlsFailure, visitors: tuple[Visitor, ...] = ()) -> Account:
    return tell(failures, (), know(visitors))


def sentence(failure: TlsFailure, *visitors: Visitor) -> str:
    (group,) = told(failure, visitors=visitors).groups
    return group.sentence


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (FAILURE, "Outlook or another program on Windows 7 or 8 offers only TLS 1.0."),
        (replace(FAILURE, offer=None), "An unknown program offers only SSL 2.0's greeting."),
        (
            replace(
                FAILURE,
                kind=FailureKind.DISTRUST,
                offer=offer_of(THUNDERBIRD),
                received_alert=42,
                certificate="mail.test, from R10, until 2026-03-31",
            ),
            (
                "What looks like Thunderbird (60 or later) or Firefox does not take our"
                " certificate (it says: bad certificate), which was the one for mail.test, from"
                " R10, until 2026-03-31."
            ),
        ),
        (
            replace(FAILURE, kind=FailureKind.NOTHING_SHARED, offer=offer_of(RSA_ONLY)),
            "An unknown program takes only certificates with an RSA key.",
        ),
        (
            replace(FAILURE, kind=FailureKind.NOTHING_SHARED, offer=offer_of(OS_X_10_9)),
            (
                "Apple Mail or another program on OS X 10.9 or 10.10 (or iOS 5 to 8) offers"
                " TLS 1.2, but none of its modern kinds of encryption."
            ),
        ),
    ],
)
def test_sentences(failure: TlsFailure, words: str) -> None:
    assert sentence(failure) == words


def test_a_person_is_named_who_signs_in_from_there() -> None:
    assert f"on Windows 7 or 8 of {ADA} offers only" in sentence(FAILURE, TRUSTED)
    assert f"of {ADA} or {BOB} " in sentence(FAILURE, TRUSTED, replace(TRUSTED, who=BOB))
    elsewhere = replace(TRUSTED, network="192.0.2.8/32")
    assert ADA not in sentence(FAILURE, elsewhere)


def test_an_office_names_nobody() -> None:
    office = [replace(TRUSTED, who=f"u{n}@example.org") for n in range(PEOPLE_NAMED + 1)]
    assert "@" not in sentence(FAILURE, *office)


def test_a_program_is_called_as_it_has_called_itself() -> None:
    said = Visitor("", BOB, "Outlook 2013", FAILURE.offer)
    assert sentence(FAILURE, said).startswith("What looks like Outlook 2013 offers only TLS 1.0")
    another = replace(said, program="The Bat")  # two programs with the same TLS: neither
    assert "Windows 7" in sentence(FAILURE, said, another)


def test_rsa_is_advised_where_only_rsa_helps() -> None:
    failure = replace(FAILURE, kind=FailureKind.NOTHING_SHARED, offer=offer_of(RSA_ONLY))
    (group,) = told(failure).groups
    assert "rsa = true" in group.remedy


def test_a_programs_own_remedy_is_for_its_age_alone() -> None:
    assert "KB3140245" in told(FAILURE).groups[0].remedy
    distrust = replace(FAILURE, kind=FailureKind.DISTRUST)
    assert "KB3140245" not in told(distrust).groups[0].remedy


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - NOISE))
def test_every_kind_has_a_sentence_and_a_finding(kind: FailureKind) -> None:
    (group,) = told(replace(FAILURE, kind=kind, certificate="x")).groups
    assert group.sentence.endswith(".")
    assert group.remedy
    assert group.finding in entries()


def test_no_remedy_weakens_anything() -> None:
    for kind in sorted(set(FailureKind) - NOISE):
        (group,) = told(replace(FAILURE, kind=kind)).groups
        for word in ("accept", "ignore", "exception"):
            assert word not in group.remedy.lower()


@pytest.mark.parametrize("name", ["x; rm -rf ~", "$(id)", "-h", "a\nb", ""])
def test_a_strangers_name_is_no_command(name: str) -> None:
    failure = replace(FAILURE, kind=FailureKind.DISTRUST, server_name=name)
    (group,) = told(failure).groups
    assert group.remedy.startswith("A person saw a warning about the certificate.")
    assert "mailclad check NAME, as it stands in the program" in group.remedy


def test_people_come_before_strangers_and_scanners_are_noise() -> None:
    stranger = replace(FAILURE, network="x", address="198.51.100.1", kind=FailureKind.DISTRUST)
    scanner = replace(FAILURE, offer=offer_of(NMAP), number=9)
    noise = [TlsNoise(1, "imap", 993, FailureKind.GARBAGE, 70, NOW)]
    account = tell([stranger, FAILURE, scanner], noise, know([TRUSTED]))
    assert [group.who for group in account.groups] == [(ADA,), ()]
    assert account.noise == {"no TLS": 70, "Nmap's service detection": 9}


def test_rows_of_one_group_are_added() -> None:
    later = replace(FAILURE, hour=FAILURE.hour + 1, address="192.0.2.9", last_at=NOW + 9)
    (group,) = told(FAILURE, later).groups
    assert (group.number, group.last_at) == (8, NOW + 9)
    assert group.addresses == {"192.0.2.7": 4, "192.0.2.9": 4}


SESSION = TlsSession(1, "imap", "TLSv1.2", "s", "g", ADA, "", "", offer_of(WINDOWS_7), 3, NOW)


def test_who_would_fail_with_less() -> None:
    sessions = [
        SESSION,
        replace(SESSION, suite="another", number=2),
        replace(SESSION, version="TLSv1.3", who=BOB, number=95),
        replace(SESSION, service=DELIVERY, who="old.example", offer=None, number=10),
        replace(SESSION, who="", offer=None, number=50),
    ]
    found = preview(sessions, "1.3")
    assert (found.total, found.lost) == (160, 65)
    assert [(one.who, one.number) for one in found.people] == [(ADA, 5), ("", 50)]
    assert "Windows 7" in found.people[0].program.name
    assert [(one.who, one.number) for one in found.servers] == [("old.example", 10)]
    assert preview(sessions, "1.2").lost == 0
