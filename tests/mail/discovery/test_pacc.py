import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.pacc import MAX_DIGESTS, has_digest, parse_pacc, record_name, url
from mailclad.mail.discovery.settings import MAX_SETTINGS_OCTETS, SettingsProblem
from mailclad.mail.endpoint import Endpoint, MailProtocol

USUAL = b"""{"protocols": {"imap": {"host": "imap.example.test"},
 "smtp": {"host": "smtp.example.test"},
 "managesieve": {"host": "imap.example.test"}, "jmap": {"url": "https://api.example.test/"}},
 "authentication": {"password": true}, "info": {"provider": {"name": "Example"}}}"""


def record(octets: bytes) -> bytes:
    return b"v=UAAC1; a=sha256; d=" + base64.b64encode(hashlib.sha256(octets).digest())


def test_usual() -> None:
    assert parse_pacc(USUAL) == (
        Endpoint(MailProtocol.IMAP, "imap.example.test", 993, TlsMode.IMPLICIT),
        Endpoint(MailProtocol.SUBMISSION, "smtp.example.test", 465, TlsMode.IMPLICIT),
        Endpoint(MailProtocol.SIEVE, "imap.example.test", 4190, TlsMode.STARTTLS),
    )


def test_names() -> None:
    assert (
        url("a.test") == "https://ua-auto-config.a.test/.well-known/user-agent-configuration.json"
    )
    assert record_name("a.test") == "_ua-auto-config.a.test"


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"protocols": {"imap": {"host": 3}}}',
        b'{"protocols": {"imap": {"host": "a b"}}}',
        b'{"protocols": {"imap": {"host": "\\ud800"}}}',
        b'{"protocols": {}, "x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b" " * (MAX_SETTINGS_OCTETS + 1),
    ],
)
def test_hostile_documents_are_refused(octets: bytes) -> None:
    with pytest.raises(SettingsProblem):
        parse_pacc(octets)


@pytest.mark.parametrize(
    ("answers", "agrees"),
    [
        ([], None),
        ([b"v=spf1 -all"], None),
        ([record(USUAL)], True),
        ([record(b"old"), record(USUAL)], True),
        ([record(b"old")], False),
        ([record(USUAL).replace(b"sha256", b"md5")], False),
        ([b"v=UAAC1; a=sha256; d=!"], False),
        ([b"v=UAAC1;"], False),
        ([b"V=UAAC1; d=;"], None),
        ([record(USUAL).replace(b"; ", b";")], True),
    ],
)
def test_digest(answers: list[bytes], agrees: bool | None) -> None:
    assert has_digest(USUAL, answers) is agrees


@given(st.binary() | st.binary().map(lambda tail: b'{"protocols": {"imap": ' + tail))
def test_anything_is_settings_or_a_problem(octets: bytes) -> None:
    with contextlib.suppress(SettingsProblem):
        parse_pacc(octets)


@given(st.lists(st.binary() | st.binary().map(lambda tail: b"v=UAAC1;" + tail)))
def test_no_record_raises(answers: list[bytes]) -> None:
    assert has_digest(USUAL, answers) in {None, False}


def test_of_very_many_records_the_first_are_looked_at() -> None:
    others = [record(str(number).encode()) for number in range(MAX_DIGESTS)]
    assert has_digest(USUAL, [*others[1:], record(USUAL)]) is True
    assert has_digest(USUAL, [*others, record(USUAL)]) is False
