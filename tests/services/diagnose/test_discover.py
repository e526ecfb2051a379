import asyncio
import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from mailclad.base.https import HttpsProblem, Response
from mailclad.base.resolver import DnsProblem, Mx, Srv
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.discover import MAX_REDIRECTS, Discoverer
from mailclad.services.diagnose.discovery import MAX_CLIENT_HOSTS, Discovery, Source
from mailclad.services.diagnose.target import parse_target
from tests.dns.fake import FakeResolver
from tests.services.diagnose.web import FakeWeb, redirect

AUTOCONFIG = "https://autoconfig.example.test/mail/config-v1.1.xml"
WELL_KNOWN = "https://example.test/.well-known/autoconfig/mail/config-v1.1.xml"
PACC = "https://ua-auto-config.example.test/.well-known/user-agent-configuration.json"

Web = Mapping[str, bytes | Response | HttpsProblem]


def autoconfig(host: str = "mail.example.test", mode: str = "SSL", port: int = 993) -> bytes:
    return (
        '<clientConfig><emailProvider><incomingServer type="imap">'
        f"<hostname>{host}</hostname><port>{port}</port><socketType>{mode}</socketType>"
        '</incomingServer><outgoingServer type="smtp">'
        f"<hostname>{host}</hostname><port>465</port><socketType>SSL</socketType>"
        "</outgoingServer></emailProvider></clientConfig>"
    ).encode()


def imap(host: str, port: int = 993, tls: TlsMode = TlsMode.IMPLICIT) -> Endpoint:
    return Endpoint(MailProtocol.IMAP, host, port, tls)


def discover(
    text: str,
    dns: Mapping[tuple[str, str], Any] | None = None,
    web: Web | None = None,
) -> Discovery:
    resolver, https = FakeResolver(dns), FakeWeb(web)
    found = asyncio.run(Discoverer(resolver, https).discover(parse_target(text)))
    assert not any("ada" in url for url in https.asked)
    assert all(url.startswith("https://") for url in https.asked)
    return found


def test_autoconfig_is_found() -> None:
    found = discover("ada@example.test", web={AUTOCONFIG: autoconfig()})
    assert imap("mail.example.test") in found.promised
    assert found.places[imap("mail.example.test")][0].place == "autoconfig.example.test"
    assert not any(seen.source is Source.COMMON for seen in found.sources)


def test_well_known_autoconfig_through_redirects() -> None:
    there = "https://provider.test/config.xml"
    found = discover(
        "ada@example.test",
        web={WELL_KNOWN: redirect(there), there: autoconfig("imap.provider.test")},
    )
    assert imap("imap.provider.test") in found.promised


def test_redirects_in_a_circle_end() -> None:
    web = FakeWeb({AUTOCONFIG: redirect(AUTOCONFIG)})
    found = asyncio.run(Discoverer(FakeResolver(), web).discover(parse_target("a@example.test")))
    (seen,) = (one for one in found.sources if one.source is Source.AUTOCONFIG)
    assert seen.problem == f"more than {MAX_REDIRECTS} redirects"
    assert web.asked.count(AUTOCONFIG) == MAX_REDIRECTS + 1


def test_settings_without_encryption_are_looked_at_with_it() -> None:
    found = discover("ada@example.test", web={AUTOCONFIG: autoconfig(mode="plain", port=143)})
    assert imap("mail.example.test", 143, TlsMode.STARTTLS) in found.promised


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Response(404, {}, b""), "status 404"),
        (b"<html/>", "some other XML"),
        (HttpsProblem("broken"), "broken"),
        (b"<clientConfig/>", "names no server"),
    ],
)
def test_why_a_source_says_nothing(answer: bytes | Response | HttpsProblem, why: str) -> None:
    found = discover("ada@example.test", web={AUTOCONFIG: answer})
    (seen,) = (one for one in found.sources if one.source is Source.AUTOCONFIG)
    assert why in seen.problem


def pacc(*, digest_of: bytes | None) -> Discovery:
    body = (
        b'{"protocols": {"imap": {"host": "i.example.test"}, "smtp": {"host": "s.example.test"}}}'
    )
    digest = base64.b64encode(hashlib.sha256(digest_of or body).digest())
    record = (
        {}
        if digest_of == b""
        else {("_ua-auto-config.example.test", "TXT"): [b"v=UAAC1; a=sha256; d=" + digest]}
    )
    return discover("ada@example.test", record, {PACC: body})


@pytest.mark.parametrize(
    ("digest_of", "doubt"),
    [
        (None, ""),
        (b"other", "the digest does not agree with the document"),
        (b"", "the digest is missing"),
    ],
)
def test_pacc(digest_of: bytes | None, doubt: str) -> None:
    found = pacc(digest_of=digest_of)
    assert imap("i.example.test") in found.promised
    (seen,) = (one for one in found.sources if one.source is Source.PACC)
    assert seen.doubt == doubt


def test_srv() -> None:
    found = discover(
        "example.test",
        {
            ("_imaps._tcp.example.test", "SRV"): [Srv(0, 1, 993, "m.example.test")],
            ("_submissions._tcp.example.test", "SRV"): [Srv(0, 1, 465, "m.example.test")],
            ("_imap._tcp.example.test", "SRV"): [Srv(0, 0, 0, "")],
        },
    )
    assert imap("m.example.test") in found.promised
    refused = [service for seen in found.sources for service in seen.refused]
    assert refused == [(MailProtocol.IMAP, TlsMode.STARTTLS)]


def test_a_provider_by_its_name_and_by_its_mx() -> None:
    by_name = discover("ada@gmail.com")
    by_mx = discover("ada@example.test", {("example.test", "MX"): [Mx(1, "aspmx.l.google.com")]})
    for found in (by_name, by_mx):
        assert found.provider is not None
        assert imap("imap.gmail.com") in found.promised
    assert [one.port for one in by_mx.to_look_at()["imap.gmail.com"]] == [993]
    assert [one.port for one in by_mx.to_look_at()["aspmx.l.google.com"]] == [25]


def test_what_the_provider_behind_the_mx_publishes() -> None:
    url = "https://autoconfig.host.test/mail/config-v1.1.xml"
    found = discover(
        "ada@example.test",
        {("example.test", "MX"): [Mx(1, "mx.host.test")]},
        {url: autoconfig("imap.host.test")},
    )
    assert imap("imap.host.test") in found.promised


def test_usual_names_each_machine_once() -> None:
    found = discover(
        "ada@example.test",
        {
            ("example.test", "MX"): [Mx(20, "backup.test"), Mx(10, "mx.example.test")],
            ("mx.example.test", "A"): ["192.0.2.1"],
            ("mail.example.test", "A"): ["192.0.2.1"],
            ("imap.example.test", "A"): ["192.0.2.2"],
            ("example.test", "A"): ["192.0.2.1"],
        },
    )
    looked = found.to_look_at()
    assert list(looked) == ["mx.example.test", "imap.example.test", "backup.test"]
    assert {one.port for one in looked["mx.example.test"]} == {
        25, 465, 587, 993, 143, 995, 110, 4190, 443,
    }  # fmt: skip
    assert [one.port for one in looked["backup.test"]] == [25]
    assert {(one.host, one.port) for one in found.promised} == {
        ("mx.example.test", 25),
        ("backup.test", 25),
    }


def test_a_bare_name_without_mail_is_a_host() -> None:
    found = discover("mail.example.test", {("mail.example.test", "A"): ["192.0.2.1"]})
    assert found.domain == ""
    assert len(found.to_look_at()["mail.example.test"]) == 9


def test_a_domain_without_mx_may_take_mail_itself() -> None:
    found = discover("ada@example.test", {("example.test", "A"): ["192.0.2.1"]})
    assert found.exchanges == ("example.test",)
    assert discover("ada@example.test").exchanges == ()


def test_a_host_with_a_port() -> None:
    found = discover("mail.example.test:993")
    assert found.to_look_at() == {"mail.example.test": (imap("mail.example.test"),)}


def test_hosts_are_limited() -> None:
    servers = "".join(
        f'<incomingServer type="imap"><hostname>h{n}.test</hostname><port>993</port>'
        "<socketType>SSL</socketType></incomingServer>"
        for n in range(10)
    )
    document = f"<clientConfig><e>{servers}</e></clientConfig>".encode()
    found = discover("ada@example.test", web={AUTOCONFIG: document})
    assert len(found.to_look_at()) == MAX_CLIENT_HOSTS


def test_disagreements_are_told() -> None:
    found = discover(
        "ada@example.test",
        {("_imaps._tcp.example.test", "SRV"): [Srv(0, 1, 993, "old.example.test")]},
        {AUTOCONFIG: autoconfig()},
    )
    (words,) = found.disagreements()
    assert words.endswith(": autoconfig mail.example.test:993; SRV old.example.test:993")


def test_the_dns_may_fail() -> None:
    kinds = [
        ("example.test", "MX"),
        ("_imaps._tcp.example.test", "SRV"),
        ("mail.example.test", "A"),
    ]
    found = discover("ada@example.test", dict.fromkeys(kinds, DnsProblem("no answer")))
    assert found.mx.problem == "no answer"
    assert not found.to_look_at()
