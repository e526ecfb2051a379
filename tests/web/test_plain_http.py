"""Port 80: challenges are answered under any host, our hosts lead to HTTPS, nothing else does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.web.host import host_of
from mailclad.web.plain_http import plain_application
from tests.web import asking

TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"
PATH = f"/.well-known/acme-challenge/{TOKEN}"
KEPT = {TOKEN: f"{TOKEN}.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI"}
ASKED: list[str] = []


def kept(token: str) -> str | None:
    ASKED.append(token)
    return KEPT.get(token)


async def is_ours(host: str) -> bool:
    return host in {"mail.test", "a.test"}


APP = plain_application(kept, is_ours, 443)


@pytest.mark.rfc(8555, "8.3")
@pytest.mark.parametrize("host", ["mail.test", "elsewhere.test", "192.0.2.7", "", "[::1]:80", "["])
def test_a_challenge_is_answered_under_any_host(host: str) -> None:
    status, headers, body = asking.get(APP, PATH, host)
    assert (status, body.decode()) == (200, KEPT[TOKEN])
    assert headers["content-type"].startswith("text/plain")
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/acme-challenge/",
        "/.well-known/acme-challenge/other",
        PATH + "/",
        PATH + "\n",
        "/.well-known/acme-challenge/../acme-challenge/" + TOKEN,
        "/.well-known/acme-challenge/" + "a" * 129,
        "/.well-known/acme-challenge/täken",
    ],
)
def test_what_is_no_token_of_ours_is_not_found(path: str) -> None:
    ASKED.clear()
    status, _, body = asking.get(APP, path, "mail.test")
    assert (status, body) == (404, b"There is no such challenge.\n")
    assert ASKED in ([], ["other"])


@pytest.mark.parametrize(
    ("host", "raw", "query", "location"),
    [
        ("mail.test", b"/", b"", "https://mail.test/"),
        ("MAIL.test.", b"/a%2fb", b"q=%0d%0a", "https://mail.test/a%2fb?q=%0d%0a"),
        ("a.test:80", b"//evil.test/", b"", "https://a.test//evil.test/"),
        ("a.test:80", b"/@evil.test", b"", "https://a.test/@evil.test"),
    ],
)
def test_our_hosts_lead_to_the_same_place_by_https(
    host: str, raw: bytes, query: bytes, location: str
) -> None:
    status, headers, _ = asking.get(APP, "/", host, raw_path=raw, query=query)
    assert (status, headers["location"]) == (301, location)


def test_another_port_of_ours_is_said() -> None:
    application = plain_application(kept, is_ours, 8443)
    _, headers, _ = asking.get(application, "/x", "mail.test:8080")
    assert headers["location"] == "https://mail.test:8443/x"


@pytest.mark.parametrize(
    "host",
    [
        "evil.test",
        "",
        "mail.test@evil.test",
        "evil.test/mail.test",
        "mail.test:80@evil.test",
        "mail.test evil.test",
        "mail.test\\evil.test",
        "mail.test:x",
        "192.0.2.7",
        "[::1]",
        "[",
    ],
)
def test_nobody_is_sent_to_a_host_that_is_not_ours(host: str) -> None:
    status, headers, _ = asking.get(APP, "/", host)
    assert status == 421
    assert "location" not in headers


@pytest.mark.parametrize(
    "raw", [b"", b"*", b"@evil.test", b".evil.test/", b"/\r\nSet-Cookie: a=b"]
)
def test_what_is_no_path_leads_nowhere(raw: bytes) -> None:
    status, headers, _ = asking.get(APP, "/", "mail.test", raw_path=raw)
    assert status == 404
    assert "location" not in headers


def test_without_pages_nothing_leads_to_them() -> None:
    application = plain_application(kept, is_ours, None)
    assert asking.get(application, "/", "mail.test")[0] == 404
    assert asking.get(application, PATH, "mail.test")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE"])
def test_nothing_is_taken(method: str) -> None:
    status, headers, _ = asking.get(APP, PATH, "mail.test", method=method)
    assert (status, headers["allow"]) == (405, "GET, HEAD")


def test_head_is_answered() -> None:
    assert asking.get(APP, PATH, method="HEAD")[0] == 200


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=60))
def test_whatever_is_asked_leads_to_us_or_nowhere(host: bytes, raw: bytes, query: bytes) -> None:
    status, headers, _ = asking.get(APP, "/", host.decode("latin-1"), raw_path=raw, query=query)
    if status == 301:
        assert headers["location"].startswith(("https://mail.test/", "https://a.test/"))
        assert headers["location"].isprintable()


@given(st.binary(max_size=400))
def test_a_host_is_a_name_or_nothing(value: bytes) -> None:
    found = host_of({"type": "http", "headers": [(b"host", value)]})
    assert found == found.lower()
    assert not set(found) & set(":/@[] \\\r\n")


def test_of_several_hosts_none_counts() -> None:
    headers = [(b"host", b"a.test"), (b"x", b"y"), (b"host", b"b.test")]
    assert host_of({"type": "http", "headers": headers}) == ""
    assert host_of({"type": "http", "headers": []}) == ""
    assert host_of({"type": "websocket"}) == ""
