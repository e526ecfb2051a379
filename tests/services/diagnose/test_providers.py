from collections import Counter

import pytest

from mailclad.mail.discovery.settings import read_host
from mailclad.mail.endpoint import STANDARD, MailProtocol
from mailclad.services.diagnose.providers import provider_of, providers


def test_every_endpoint_is_encrypted_and_on_its_standard_port() -> None:
    standard = set(STANDARD)
    for provider in providers():
        for endpoint in provider.endpoints:
            assert (endpoint.protocol, endpoint.port, endpoint.tls) in standard, endpoint
            assert read_host(endpoint.host) == endpoint.host


def test_who_has_endpoints_has_both_ways() -> None:
    for provider in providers():
        protocols = {endpoint.protocol for endpoint in provider.endpoints}
        assert not protocols or protocols >= {MailProtocol.IMAP, MailProtocol.SUBMISSION}
        assert protocols or provider.note, f"{provider.name}: how is its mail read?"


def test_no_domain_stands_twice() -> None:
    for counted in (
        Counter(domain for provider in providers() for domain in provider.domains),
        Counter(end for provider in providers() for end in provider.mx),
        Counter(provider.name for provider in providers()),
    ):
        assert [one for one, count in counted.items() if count > 1] == []


@pytest.mark.parametrize(
    ("domain", "exchanges", "name"),
    [
        ("gmail.com", [], "Gmail"),
        ("example.test", ["aspmx.l.google.com"], "Gmail"),
        ("example.test", ["smtp.google.com"], "Gmail"),
        ("example.test", ["example-test.mail.protection.outlook.com"], "Microsoft 365"),
        ("hotmail.com", ["hotmail-com.olc.protection.outlook.com"], "Outlook.com"),
        ("example.test", ["mx01.mail.icloud.com"], "iCloud"),
        ("example.test", ["in1-smtp.messagingengine.com"], "Fastmail"),
        ("example.test", ["mx.notgoogle.com"], None),
        ("example.test", [], None),
    ],
)
def test_who_serves(domain: str, exchanges: list[str], name: str | None) -> None:
    found = provider_of(domain, exchanges)
    assert (found.name if found else None) == name
