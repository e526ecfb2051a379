"""Counting: what becomes of handshakes in memory, in floods, and when the store fails."""

import asyncio
from dataclasses import replace

import pytest

from mailclad.base.tls_policy import Service, TlsFacts
from mailclad.services.tls_watch.meeting import Meeting, kind_of, program_words
from mailclad.services.tls_watch.watch import WAITING_FAILURES, WAITING_SESSIONS, Watching
from mailclad.store.errors import StoreUnavailable
from mailclad.store.tls_use import FailureKind, TlsUse, TlsUseCounter
from tests.services.clock import NOW, StandingClock
from tests.services.tls_watch.hellos import RSA_ONLY, THUNDERBIRD, WINDOWS_7, hello, offer_of

ADA = "ada@example.org"


def meeting(
    flight: bytes,
    address: str = "192.0.2.7",
    *,
    sent: int | None = None,
    received: int | None = None,
    reason: str = "no",
    certificate: str = "",
    late: bool = False,
    in_clear: bool = False,
) -> Meeting:
    return Meeting(
        Service.IMAP, 993, address, flight, sent, received, reason, certificate, late, in_clear
    )


class Notebook(TlsUseCounter):
    """Takes what is written down, unless it is broken."""

    def __init__(self) -> None:
        self.broken = False
        self.taken: list[TlsUse] = []

    async def add_tls_use(self, use: TlsUse) -> None:
        if self.broken:
            raise StoreUnavailable("the disk is full")
        self.taken.append(use)


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
def watch(notebook: Notebook) -> Watching:
    return Watching(notebook, StandingClock())


def written(watch: Watching, notebook: Notebook) -> TlsUse:
    asyncio.run(watch.flush())
    return notebook.taken.pop()


def facts(version: str = "TLSv1.3", flight: bytes = THUNDERBIRD) -> TlsFacts:
    return TlsFacts(
        version, "suite", "X25519", None, None, False, lambda: None, lambda: b"", offer_of(flight)
    )


@pytest.mark.parametrize(
    ("seen", "kind"),
    [
        (meeting(WINDOWS_7, sent=70), FailureKind.OLD_VERSIONS),
        (meeting(b"\x80\x2e\x01\x03\x01" + bytes(40)), FailureKind.OLD_VERSIONS),
        (meeting(RSA_ONLY, sent=40), FailureKind.NOTHING_SHARED),
        (meeting(THUNDERBIRD, received=42), FailureKind.DISTRUST),
        (meeting(THUNDERBIRD, received=48), FailureKind.DISTRUST),
        (meeting(THUNDERBIRD, certificate="mail.test"), FailureKind.LEFT),
        (meeting(THUNDERBIRD, sent=120), FailureKind.OTHER_PROTOCOL),
        (meeting(THUNDERBIRD, in_clear=True), FailureKind.TLS_TOO_SOON),
        (meeting(THUNDERBIRD, late=True), FailureKind.SLOW),
        (meeting(THUNDERBIRD, received=80), FailureKind.BROKEN),
        (meeting(b"", late=True), FailureKind.WAITED),
        (meeting(b""), FailureKind.TOUCHED),
        (meeting(b"a1 CAPABILITY\r\n"), FailureKind.SPOKE_PLAIN),
        (meeting(b"EHLO me\r\n"), FailureKind.SPOKE_PLAIN),
        (meeting(b"GET / HTTP/1.1\r\n"), FailureKind.HTTP),
        (meeting(b"\x03\0\0\x13\x0e\xe0"), FailureKind.GARBAGE),
        (meeting(b"what is this?\r\n"), FailureKind.GARBAGE),
        (meeting(b"\x16\x03\x01\0\x05hello"), FailureKind.GARBAGE),
    ],
)
def test_kinds_of_failures(seen: Meeting, kind: FailureKind) -> None:
    found = seen.hello
    assert kind_of(seen, found.offer if found is not None else None) is kind


def test_a_browser_that_connects_ahead_is_no_wrong_setting() -> None:
    ahead = replace(meeting(b"", late=True), service=Service.HTTPS)
    assert kind_of(ahead, None) is FailureKind.TOUCHED


def test_the_same_within_the_hour_is_one_row(watch: Watching, notebook: Notebook) -> None:
    for _ in range(3):
        watch.failed(meeting(WINDOWS_7, sent=70))
    watch.failed(meeting(WINDOWS_7, "192.0.2.8", sent=70))
    first, second = written(watch, notebook).failures
    assert (first.number, first.last_at, first.sent_alert) == (3, NOW, 70)
    assert (first.address, first.network) == ("192.0.2.7", "192.0.2.7/32")
    assert first.server_name == "mail.test"
    assert second.number == 1


def test_noise_has_no_addresses(watch: Watching, notebook: Notebook) -> None:
    for number in range(100):
        watch.failed(meeting(b"\x03\0garbage", f"192.0.2.{number}"))
    use = written(watch, notebook)
    assert not use.failures
    assert [(one.kind, one.number) for one in use.noise] == [(FailureKind.GARBAGE, 100)]


def test_a_flood_of_fingerprints_is_counted_by_kind(watch: Watching, notebook: Notebook) -> None:
    for number in range(WAITING_FAILURES + 50):
        watch.failed(meeting(hello((number,), version=0x0301)))
    use = written(watch, notebook)
    assert len(use.failures) == WAITING_FAILURES
    assert [(one.kind, one.number) for one in use.noise] == [(FailureKind.OLD_VERSIONS, 50)]


def test_texts_of_strangers_are_cut(watch: Watching, notebook: Notebook) -> None:
    watch.failed(meeting(hello((1,), name=b"\x1b[2J\xff" * 900), reason="\udcff" * 999))
    (one,) = written(watch, notebook).failures
    assert len(one.server_name) <= 253
    assert len(one.reason) <= 120
    (one.server_name + one.reason).encode()  # as the store will do


def test_sessions_of_people_have_names_and_those_of_strangers_none(
    watch: Watching, notebook: Notebook
) -> None:
    watch.session(Service.IMAP, facts(), "2001:db8::1:2:3", ADA, "Thunderbird 128")
    watch.session(Service.IMAP, facts("TLSv1.2"), "192.0.2.9", "")
    watch.session(Service.SMTP, facts(), "192.0.2.9", "mx.example")
    watch.session(Service.SMTP, facts("TLSv1.2"), "192.0.2.9", "old.example")
    named, stranger, new, old = written(watch, notebook).sessions
    assert (named.who, named.network) == (ADA, "2001:db8::/64")
    assert (named.program, named.offer) == ("Thunderbird 128", offer_of(THUNDERBIRD))
    assert (stranger.who, stranger.network, stranger.offer) == ("", "", None)
    assert (new.who, new.offer) == ("", None)
    assert (old.who, old.network) == ("old.example", "")


def test_a_crowd_is_counted_without_names(watch: Watching, notebook: Notebook) -> None:
    for number in range(WAITING_SESSIONS + 7):
        watch.session(Service.IMAP, facts(), "192.0.2.1", f"u{number}@example.org")
    sessions = written(watch, notebook).sessions
    assert len(sessions) == WAITING_SESSIONS + 1
    assert [one.number for one in sessions if not one.who] == [7]


def test_what_the_store_does_not_take_waits(watch: Watching, notebook: Notebook) -> None:
    notebook.broken = True
    watch.failed(meeting(WINDOWS_7, sent=70))
    watch.session(Service.IMAP, facts(), "192.0.2.1", ADA)
    watch.failed(meeting(b"GET / HTTP/1.0\r\n"))
    asyncio.run(watch.flush())
    watch.failed(meeting(WINDOWS_7, sent=70))
    notebook.broken = False
    use = written(watch, notebook)
    assert [one.number for one in use.failures] == [2]
    assert [one.number for one in use.sessions] == [1]
    assert [one.number for one in use.noise] == [1]
    asyncio.run(watch.flush())
    assert not notebook.taken


def test_what_a_program_says_of_itself() -> None:
    fields = (("Name", "Thunderbird"), ("VERSION", "128.3"), ("os", "x" * 900))
    assert program_words(fields) == "Thunderbird 128.3"
    assert program_words((("name", "y" * 900),)) == "y" * 120
    assert program_words((("name", None),)) == ""
