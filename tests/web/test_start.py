"""The start page says how to connect, offers the CA, and loads nothing from elsewhere."""

import pytest
from starlette.applications import Starlette

from mailclad.web.start import CA_TYPE, Setting, StartFacts, start_routes
from tests.web import asking

FACTS = StartFacts(
    hostname="mail.example.org",
    settings=(Setting("Reading (IMAP)", 993, "SSL/TLS"), Setting("<script>", 465, "SSL/TLS")),
    ca_pem=b"-----BEGIN CERTIFICATE-----\n",
)


def get(path: str, facts: StartFacts = FACTS) -> tuple[int, dict[str, str], bytes]:
    return asking.get(Starlette(routes=start_routes(facts)), path)


def test_the_page_has_every_setting_and_escapes_it() -> None:
    status, headers, body = get("/")
    assert status == 200
    text = body.decode()
    assert "993" in text
    assert "465" in text
    assert "mail.example.org" in text
    assert "<script>" not in text
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/start.css"])
def test_nothing_comes_from_elsewhere(path: str) -> None:
    _, _, body = get(path)
    assert b"http://" not in body
    assert b"https://" not in body


def test_the_authority_can_be_downloaded() -> None:
    status, headers, body = get("/ca.pem")
    assert (status, headers["content-type"], body) == (200, CA_TYPE, FACTS.ca_pem)


def test_without_a_private_authority_there_is_nothing_to_trust() -> None:
    public = StartFacts(FACTS.hostname, FACTS.settings, None)
    assert get("/ca.pem", public)[0] == 404
    assert b"Trust this server" not in get("/", public)[2]
