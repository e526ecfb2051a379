"""Servers that mail is handed to: tried as they are set, without a password."""

import asyncio
import socket
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from mailclad.app.config import Config
from mailclad.app.doctor_relay import has_relay_for_all, try_relays
from mailclad.app.settings.deliver import DeliverConfig, RouteConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.base.resolver import DnsProblem
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.services.diagnose.catalogue import misfits, tell
from mailclad.services.diagnose.found import Found
from mailclad.testing import MailServer
from tests.dns.fake import FakeResolver
from tests.ports import free_ports
from tests.services.diagnose.test_doctor_rules import NOW

pytestmark = pytest.mark.slow

KNOWN = FakeResolver(
    {
        ("localhost", "A"): ["127.0.0.1"],
        ("other.test", "A"): ["127.0.0.1"],
        ("broken.test", "A"): DnsProblem("nobody answers"),
    }
)


def look(route: RouteConfig, *more: RouteConfig, ca: Path | None = None) -> Sequence[Found]:
    config = Config(
        server=ServerConfig(hostname="localhost"), deliver=DeliverConfig(route=(route, *more))
    )
    found = asyncio.run(try_relays(config, KNOWN, ca))
    assert [text for one in found for text in misfits(one)] == []
    return found


def relay(host: str = "localhost", **more: object) -> RouteConfig:
    return RouteConfig(domain="*", host=host, **more)  # type: ignore[arg-type]


def test_relays_that_are_well(mail: MailServer) -> None:
    starttls = relay(port=mail.port("submission", "starttls"))
    implicit = relay(port=mail.port("submission", "implicit"), tls=TlsMode.IMPLICIT)
    assert look(starttls, implicit, ca=mail.ca) == []


def test_a_certificate_that_is_not_the_relays(mail: MailServer) -> None:
    port = mail.port("submission", "starttls")
    (found,) = look(relay("other.test", port=port), ca=mail.ca)
    assert found.id == "HOST-816"
    assert "not for other.test" in found.values["why"]
    (found,) = look(relay(port=port))
    assert "not trusted here" in found.values["why"]
    assert look(relay(port=port, policy=TlsLevel.ENCRYPT)) == []


def test_relays_that_nobody_reaches() -> None:
    (port,) = free_ports(1)
    routes = relay(port=port), RouteConfig(domain="example.org", host="localhost", port=port)
    (found,) = look(*routes)
    (told,) = tell([found], NOW)
    assert f"localhost, port {port} (STARTTLS), and this did not work: " in told.saw
    assert found.values["domains"] == "all others, example.org"
    (found,) = look(relay("nowhere.test"))
    assert found.values["why"] == "nowhere.test has no address in the DNS"
    (found,) = look(relay("broken.test"))
    assert found.values["why"] == "it could not be looked up: nobody answers"


def test_a_relay_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.app.doctor_relay.RELAY_SECONDS", 0.2)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        (found,) = look(relay(port=silent.getsockname()[1]))
    assert found.values["why"] == "it did not answer within 0.2 seconds"


def test_large_providers_are_not_asked_where_one_server_takes_all() -> None:
    some = RouteConfig(domain="example.org", host="localhost")
    assert has_relay_for_all(DeliverConfig(route=(relay(),)))
    assert not has_relay_for_all(DeliverConfig(route=(some, RouteConfig(domain="*"))))


def test_mail_that_stays_here_needs_no_relay() -> None:
    config = Config(
        server=ServerConfig(hostname="localhost"),
        deliver=DeliverConfig(enabled=False, route=(relay("nowhere.test"),)),
    )
    assert list(asyncio.run(try_relays(config, KNOWN, None))) == []
