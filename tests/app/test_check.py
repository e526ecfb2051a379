"""``check`` from end to end: our own server, a stub of the DNS, nothing else."""

import asyncio
from collections.abc import Iterator

import pytest

from mailclad.app.check import Asking, check_target, sign_in
from mailclad.base.secret import Secret
from mailclad.mail.endpoint import MailProtocol
from mailclad.protocols.smtp.client.login import Login
from mailclad.services.diagnose.check import Checked
from mailclad.services.diagnose.found import Level
from mailclad.services.diagnose.target import parse_target
from mailclad.services.diagnose.told import Told
from mailclad.testing import MailServer
from tests.dns.server import Records, StubDns

DOMAIN = "example.test"


@pytest.fixture(scope="module")
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        server.add_account("ada@example.test", password="right one")
        yield server


def zones(mail: MailServer) -> Records:
    """The server's ports are unusual ones: SRV records lead there."""
    services = {
        "_imaps": ("imap", "implicit"),
        "_imap": ("imap", "starttls"),
        "_pop3s": ("pop3", "implicit"),
        "_pop3": ("pop3", "starttls"),
        "_submissions": ("submission", "implicit"),
        "_submission": ("submission", "starttls"),
    }
    srv = {
        f"{label}._tcp.{DOMAIN}": {"SRV": [f"0 1 {mail.ports[place]} localhost."]}
        for label, place in services.items()
    }
    return {
        DOMAIN: {"MX": ["0 ."]},
        "localhost": {"A": ["127.0.0.1"]},
        **srv,
    }


def check(mail: MailServer, text: str, records: Records | None = None) -> Checked:
    steps: list[tuple[int, int]] = []

    async def run() -> Checked:
        async with StubDns(zones(mail) if records is None else records) as dns:
            asking = Asking((dns.address,), mail.ca)
            return await check_target(
                parse_target(text), asking, lambda _, done, of: steps.append((done, of))
            )

    checked = asyncio.run(run())
    assert all(done <= of for done, of in steps)
    return checked


def bad(checked: Checked) -> list[Told]:
    """What a person would be troubled with."""
    return [told for told in checked.report.findings if told.level in {Level.PROBLEM, Level.WATCH}]


def test_a_healthy_server_found_by_its_domain(mail: MailServer) -> None:
    checked = check(mail, "ada@example.test")
    read, send, _, safe = checked.report.answers
    assert [read.level, send.level, safe.level] == [Level.OK] * 3
    assert [told.id for told in bad(checked) if told.found.endpoint] == []
    assert checked.report.found_in == f"_imaps._tcp.{DOMAIN}, confirmed by connecting"
    assert {seen.words for seen in checked.report.endpoints} == {"works"}


@pytest.mark.parametrize(
    ("service", "tls"),
    [
        ("imap", "implicit"),
        ("imap", "starttls"),
        ("pop3", "implicit"),
        ("pop3", "starttls"),
        ("submission", "implicit"),
        ("submission", "starttls"),
    ],
)
def test_one_port_is_recognised(mail: MailServer, service: str, tls: str) -> None:
    checked = check(mail, f"localhost:{mail.ports[service, tls]}")
    assert bad(checked) == []
    (seen,) = checked.report.endpoints
    assert (seen.endpoint.protocol, seen.endpoint.tls, seen.words) == (service, tls, "works")


def test_a_domain_that_does_not_exist(mail: MailServer) -> None:
    checked = check(mail, "ada@nowhere.test")
    assert checked.report.exit_status == 2
    assert "CONN-101" in [told.id for told in bad(checked)]


def signed_in(mail: MailServer, password: str, *, trusting: bool = True) -> Checked:
    checked = check(mail, "ada@example.test")
    login = Login("ada@example.test", Secret(password.encode()))
    asking = Asking(authorities=mail.ca if trusting else None)
    return asyncio.run(sign_in(checked, login, asking))


def test_signing_in(mail: MailServer) -> None:
    assert not any(told.id.startswith("AUTH") for told in bad(signed_in(mail, "right one")))


def test_signing_in_with_a_wrong_password(mail: MailServer) -> None:
    told = [one for one in bad(signed_in(mail, "wrong one")) if one.id.startswith("AUTH")]
    protocols = [one.found.endpoint.protocol for one in told if one.found.endpoint]
    assert [one.id for one in told] == ["AUTH-501", "AUTH-501"]
    assert protocols == [MailProtocol.IMAP, MailProtocol.SUBMISSION]
    assert "wrong one" not in repr(told)


def test_no_password_goes_to_who_does_not_prove_again_who_it_is(mail: MailServer) -> None:
    """As if another server had come in its place since the check."""
    told = signed_in(mail, "right one", trusting=False).report.findings
    levels = [one.level for one in told if one.id.startswith("AUTH")]
    assert levels == [Level.CANNOT_CHECK] * 2
