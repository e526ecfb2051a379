"""Which host serves what; programs' questions; what a stranger's Host, path or body can do."""

import asyncio
from urllib.parse import quote

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import Message

from mailclad.app.config import Config
from mailclad.app.settings.mta_sts import MtaStsConfig
from mailclad.app.settings.server import ServerConfig
from mailclad.app.web_hosts import our_hosts
from mailclad.base.tls_policy import TlsMode
from mailclad.mail.discovery.autoconfig import parse_autoconfig
from mailclad.mail.discovery.pacc import parse_pacc
from mailclad.mail.discovery.xml_tree import read_tree
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.client_setup.mobileconfig import write_mobileconfig
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.web.body import MOST_OCTETS, read_body
from mailclad.web.errors import refusal
from mailclad.web.programs import ProgramParts
from mailclad.web.site import site
from tests.services.client_setup.read_autodiscover import parse_autodiscover
from tests.services.client_setup.read_mobileconfig import parse_mobileconfig
from tests.web import asking

DOMAINS = ["example.org", "example.net", "xn--bcher-kva.test"]
IMAP = Endpoint(MailProtocol.IMAP, "mx.example.org", 993, TlsMode.IMPLICIT)
SMTP = Endpoint(MailProtocol.SUBMISSION, "mx.example.org", 465, TlsMode.IMPLICIT)
CONFIG = Config(server=ServerConfig(hostname="mx.example.org"))
AUTOCONFIG = "/mail/config-v1.1.xml"
WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
PACC = "/.well-known/user-agent-configuration.json"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
HTML = ("accept", "text/html")


async def domains() -> list[str]:
    return DOMAINS


async def page(_request: Request) -> Response:
    return HTMLResponse("<p>for people")


async def bug(_request: Request) -> Response:
    raise ValueError("a secret of ours")


PARTS = ProgramParts(
    domains,
    lambda domain, address: ClientSettings(address, domain, (IMAP, SMTP)),
    write_mobileconfig,
    "https://mx.example.org/setup",
)
APPLICATION = site(
    PARTS,
    [Route("/", page), Route("/bug", bug)],
    our_hosts(CONFIG, domains),
    lambda domain: MtaStsConfig().policy(domain, "mx.example.org"),
    host_name="mx.example.org",
    public=True,
)


def get(host: str, path: str, **more: object) -> tuple[int, dict[str, str], bytes]:
    return asking.get(APPLICATION, path, host, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "path"),
    [
        ("autoconfig.example.org", AUTOCONFIG),
        ("autoconfig.example.net", WELL_KNOWN),
        ("example.net", WELL_KNOWN),
        ("AUTOCONFIG.Example.Org.:443", AUTOCONFIG),
    ],
)
def test_autoconfig_of_the_hosts_domain(host: str, path: str) -> None:
    status, headers, body = get(host, path, query=b"emailaddress=x%40elsewhere.test")
    domain = host.lower().removeprefix("autoconfig.").rstrip(":43.")
    assert status == 200
    assert headers["content-type"] == "text/xml; charset=utf-8"
    assert [(one.port, one.tls) for one in parse_autoconfig(body, domain)] == [
        (993, TlsMode.IMPLICIT),
        (465, TlsMode.IMPLICIT),
    ]
    assert f"<domain>{domain}</domain>".encode() in body
    assert b"elsewhere" not in body


def test_the_servers_own_name_goes_by_the_address() -> None:
    body = get("mx.example.org", WELL_KNOWN, query=b"emailaddress=a%40example.net")[2]
    assert b"<domain>example.net</domain>" in body
    assert b"<domain>example.org</domain>" in get("mx.example.org", WELL_KNOWN)[2]
    status, _, body = get("mx.example.org", WELL_KNOWN, query=b"emailaddress=a%40other.test")
    assert status == 404
    assert b"other" not in body


@pytest.mark.parametrize(
    ("host", "address", "domain"),
    [
        ("mail.example.org", "a@example.net", "example.net"),
        ("autoconfig.example.org", "A@Example.NET", "example.net"),
        ("mail.example.net", "a@bücher.test", "xn--bcher-kva.test"),
        ("mail.example.net", "a@\u2126.test", "example.net"),
        ("mail.example.net", "", "example.net"),
    ],
)
def test_an_address_of_ours_counts_before_the_host(host: str, address: str, domain: str) -> None:
    query = f"emailaddress={quote(address)}".encode()
    status, _, body = get(host, WELL_KNOWN, query=query)
    assert status == 200
    assert f"<domain>{domain}</domain>".encode() in body


def test_a_server_of_several_domains_answers_for_all_under_its_own_name() -> None:
    """An SRV record leads Outlook to the server's name, and so does the set-up page."""
    body = question("ada@example.net")
    answer = get("mail.example.org", AUTODISCOVER, method="POST", body=body)[2]
    assert b"<LoginName>ada@example.net</LoginName>" in answer
    status, _, body = get(
        "mail.example.org", "/profile.mobileconfig", query=b"address=ada%40example.net"
    )
    assert status == 200
    assert b"ada@example.net" in body


def test_pacc() -> None:
    status, headers, body = get("ua-auto-config.example.org", PACC)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert {one.port for one in parse_pacc(body)} == {993, 465}


def question(address: str, schema: str = "outlook") -> bytes:
    space = "http://schemas.microsoft.com/exchange/autodiscover"
    return (
        f'<?xml version="1.0"?><Autodiscover xmlns="{space}/outlook/requestschema/2006"><Request>'
        f"<EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>"
        f"{space}/{schema}/responseschema/2006a</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    ).encode()


@pytest.mark.parametrize("path", [AUTODISCOVER, "/Autodiscover/Autodiscover.xml"])
def test_autodiscover(path: str) -> None:
    body = question("Nobody.Knows@example.org")
    status, _, answer = get("autodiscover.example.org", path, method="POST", body=body)
    assert status == 200
    assert parse_autodiscover(answer) == (IMAP, SMTP)
    assert b"<LoginName>Nobody.Knows@example.org</LoginName>" in answer
    status, headers, body = get("autodiscover.example.org", path)
    assert (status, headers["allow"]) == (405, "POST")
    assert b"https://mx.example.org/setup" in body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "600"),
        (b"<a", "600"),
        (b"<Autodiscover/>", "600"),
        (question("a" * 321), "600"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "600"),
        (question("ada@example.org", "mobilesync"), "601"),
        (question("ada@elsewhere.test"), "500"),
        (question("&lt;script&gt;"), "500"),
    ],
)
def test_autodiscover_refuses_in_its_own_form(body: bytes, code: str) -> None:
    _, _, answer = get("example.org", AUTODISCOVER, method="POST", body=body)
    error = next(read_tree(answer).named("Error")).texts()
    assert error["ErrorCode"] == code
    assert error["Message"]
    assert b"elsewhere" not in answer


def test_a_body_is_not_taken_beyond_its_limit() -> None:
    whole = b" " * MOST_OCTETS
    assert get("example.org", AUTODISCOVER, method="POST", body=whole)[0] == 200
    assert get("example.org", AUTODISCOVER, method="POST", body=whole + b" ")[0] == 413


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.web.body.BODY_SECONDS", 0.01)

    async def slowly() -> tuple[int, bytes]:
        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        fields = {b"content-type": b"application/x-www-form-urlencoded"}
        request = Request(
            {"type": "http", "method": "POST", "headers": [*fields.items()]}, receive
        )
        try:
            await read_body(request)
        except HTTPException as problem:
            return problem.status_code, bytes(refusal(request, problem.status_code).body)
        raise AssertionError

    status, body = asyncio.run(slowly())
    assert (status, body) == (408, b"That took too long to arrive.\n")


def test_autodiscover_by_json() -> None:
    path = "/autodiscover/autodiscover.json"
    status, _, body = get("example.org", path, query=b"Protocol=AutodiscoverV1")
    assert status == 200
    assert b'"Url":"https://example.org/autodiscover/autodiscover.xml"' in body
    assert get("example.org", f"{path}/v1.0/a@b", query=b"Protocol=ActiveSync")[0] == 400


def test_the_profile_is_the_same_whoever_is_there() -> None:
    status, headers, body = get(
        "example.org", "/profile.mobileconfig", query=b"address=ada%40example.org"
    )
    assert status == 200
    assert headers["content-type"] == "application/x-apple-aspen-config"
    assert parse_mobileconfig(body) == (IMAP, SMTP)
    assert b"<key>IncomingPassword" not in body
    nobody = get("example.org", "/profile.mobileconfig", query=b"address=bob%40example.org")
    assert nobody[0] == 200


@pytest.mark.parametrize("address", ["", "ada", "ada%40other.test", "%3Cb%3E%40example.org%20"])
def test_no_profile_without_an_address_of_ours(address: str) -> None:
    query = f"address={address}".encode()
    status, _, body = get("example.org", "/profile.mobileconfig", query=query)
    assert status in {400, 404}
    assert b"<b>" not in body


@pytest.mark.parametrize(
    "host",
    [
        "elsewhere.test",
        "autoconfig.elsewhere.test",
        "x.autoconfig.example.org",
        "192.0.2.1",
        "[::1]",
    ],
)
def test_other_hosts_are_refused(host: str) -> None:
    status, _, body = get(host, "/")
    assert status == 421
    assert b"mx.example.org" in body
    assert b"elsewhere" not in body


@pytest.mark.parametrize("host", ["", "a b", "mx.example.org@x", "mx.example.org/", "é.test"])
def test_what_is_no_host_is_told_as_that(host: str) -> None:
    assert get(host, "/")[0] == 400


def test_two_hosts_are_none() -> None:
    assert get("example.org", "/", headers=[("host", "elsewhere.test")])[0] == 400


def test_hosts_of_programs_lead_people_to_the_pages() -> None:
    status, headers, _ = get("autoconfig.example.org", "/")
    assert (status, headers["location"]) == (302, "https://mx.example.org/setup")
    status, _, body = get("autoconfig.example.org", "/bug", headers=[HTML])
    assert status == 404
    style = body.split(b'stylesheet" href="')[1].split(b"?")[0].decode()
    assert get("autoconfig.example.org", style)[0] == 200
    assert get("example.org", "/")[0] == 200


@pytest.mark.parametrize(
    ("host", "path"), [("example.org", "/"), ("example.org", "/nothing"), ("elsewhere.test", "/")]
)
def test_every_answer_has_the_headers(host: str, path: str) -> None:
    headers = get(host, path)[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_a_bug_is_told_without_its_details() -> None:
    status, headers, body = get("example.org", "/bug", headers=[HTML])
    assert status == 500
    assert headers["content-type"].startswith("text/html")
    assert b"secret" not in body
