"""The HTTPS client against real TLS servers on loopback that answer rightly and wrongly."""

import asyncio
import gc
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from mailclad.base.https import (
    HttpsCertificateRefused,
    HttpsProblem,
    Request,
    Response,
)
from mailclad.base.resolver import DnsProblem
from mailclad.servers.https_client import (
    HEAD_OCTETS,
    MAX_ADDRESSES,
    MAX_TARGET_OCTETS,
    HttpsClient,
    Place,
    parse_url,
    write_request,
)
from mailclad.servers.outbound import is_public
from mailclad.servers.tls import ClientTrust
from tests.certificates import Made, make
from tests.dns.fake import FakeResolver
from tests.servers.https_site import Site, plain
from tests.servers.loopback import run_on

HOST = "mta-sts.example.test"
ROOT = make("root", authority=True)
LEAF = make("leaf", [HOST], ROOT)
NAMES = FakeResolver({(HOST, "A"): ["127.0.0.1"]})


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> ClientTrust:
    file = tmp_path_factory.mktemp("trust") / "ca.pem"
    file.write_bytes(ROOT.pem)
    return ClientTrust(file)


def anywhere(_: str) -> bool:
    return True


def fetched(
    loop: str,
    trust: ClientTrust,
    answer: Iterable[bytes],
    *,
    leaf: Made | None = LEAF,
    request: Request = Request(f"https://{HOST}/policy?x=1"),
    hang: bool = False,
    rude: bool = False,
    requests: list[bytes] | None = None,
) -> Response:
    """What the client makes of this answer; ``request``'s URL gets the server's port."""

    async def work() -> Response:
        async with Site(leaf) as site:
            site.answer, site.hang, site.rude = answer, hang, rude
            url = request.url.replace(HOST, f"{HOST}:{site.port}")
            client = HttpsClient(NAMES, trust, permits=anywhere)
            try:
                return await client.fetch(replace(request, url=url))
            finally:
                (requests if requests is not None else []).extend(site.requests)

    response = run_on(loop, work)
    assert isinstance(response, Response)
    return response


def test_a_page_is_fetched(loop: str, trust: ClientTrust) -> None:
    requests: list[bytes] = []
    response = fetched(loop, trust, plain(b"hello"), requests=requests)
    assert (response.status, response.body) == (200, b"hello")
    assert response.headers["content-type"] == "text/plain"
    assert requests[0].startswith(b"GET /policy?x=1 HTTP/1.1\r\nHost: mta-sts.example.test:")
    assert b"\r\nConnection: close\r\n" in requests[0]


def test_something_is_posted(loop: str, trust: ClientTrust) -> None:
    requests: list[bytes] = []
    request = Request(f"https://{HOST}/", b"report" * 40_000, "application/tlsrpt+gzip")
    response = fetched(
        loop, trust, plain(b"", status="201 Created"), request=request, requests=requests
    )
    assert response.status == 201
    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert b"\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Length: 240000" in head
    assert body == request.body


def test_only_the_head_is_asked_for(loop: str, trust: ClientTrust) -> None:
    """The length is that of a body which never comes (RFC 9110 §9.3.2)."""
    requests: list[bytes] = []
    response = fetched(
        loop,
        trust,
        [b"HTTP/1.1 103 Early Hints\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
        request=Request(f"https://{HOST}/", head=True),
        requests=requests,
        hang=True,
    )
    assert (response.status, response.body) == (200, b"")
    assert requests[0].startswith(b"HEAD / HTTP/1.1\r\n")


def test_every_field_of_one_name_is_kept(loop: str, trust: ClientTrust) -> None:
    head = b"HTTP/1.1 204 No\r\nLink: <a>\r\nX: y\r\nLINK:  <b>, <c> \r\n\r\n"
    response = fetched(loop, trust, [head])
    assert response.headers == {"link": "<a>", "x": "y"}
    assert response.values("link") == ("<a>", "<b>, <c>")
    assert response.values("y") == ()


CLEAR = Request(f"http://{HOST}/ca.der", plain=True)


@pytest.mark.parametrize("answer", [plain(b"hello"), [b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo"]])
def test_in_the_clear_where_the_caller_wants_it(
    loop: str, trust: ClientTrust, answer: list[bytes]
) -> None:
    requests: list[bytes] = []
    response = fetched(loop, trust, answer, leaf=None, request=CLEAR, requests=requests)
    assert response.body == b"hello"
    assert requests[0].startswith(b"GET /ca.der HTTP/1.1\r\nHost: mta-sts.example.test:")


def test_who_allows_the_clear_still_gets_tls_for_https(loop: str, trust: ClientTrust) -> None:
    request = Request(f"https://{HOST}/", plain=True)
    assert fetched(loop, trust, plain(b"hello"), request=request).body == b"hello"
    with pytest.raises(HttpsCertificateRefused):
        fetched(loop, trust, plain(b"hello"), leaf=make("leaf", [HOST]), request=request)


def test_one_address_is_asked_whatever_the_dns_says(loop: str, trust: ClientTrust) -> None:
    requests: list[bytes] = []
    request = Request("http://mta-sts.example.test/x", plain=True, address="127.0.0.1")

    async def work() -> Response:
        async with Site(None) as site:
            url = request.url.replace(HOST, f"elsewhere.test:{site.port}")
            client = HttpsClient(FakeResolver(), trust, permits=anywhere)
            response = await client.fetch(replace(request, url=url))
            requests.extend(site.requests)
            return response

    assert run_on(loop, work).body == b"hello"
    assert b"\r\nHost: elsewhere.test:" in requests[0]


def test_in_the_clear_the_limits_are_the_same(loop: str, trust: ClientTrust) -> None:
    with pytest.raises(HttpsProblem, match="longer than 10 octets"):
        fetched(loop, trust, plain(b"x" * 11), leaf=None, request=replace(CLEAR, octets=10))

    async def inside() -> None:
        client = HttpsClient(NAMES, trust, permits=is_public)
        with pytest.raises(HttpsProblem, match="not on the open Internet"):
            await client.fetch(CLEAR)
        with pytest.raises(HttpsProblem, match=r"10\.0\.0\.1 is not on the open"):
            await client.fetch(replace(CLEAR, address="10.0.0.1"))

    run_on(loop, inside)


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"],
        [
            b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ],
        [bytes([octet]) for octet in plain(b"hello")[0]],
        [plain(b"hello")[0] + b"HTTP/1.1 500 Later\r\nContent-Length: 3\r\n\r\nbad"],
    ],
)
def test_ways_to_say_hello(loop: str, trust: ClientTrust, answer: list[bytes]) -> None:
    response = fetched(loop, trust, answer)
    assert (response.status, response.body) == (200, b"hello")
    assert "x" not in response.headers


@pytest.mark.rfc(9112, "9.8")
@pytest.mark.parametrize("rude", [False, True])
def test_a_body_without_a_length_is_whole_after_a_goodbye(
    loop: str, trust: ClientTrust, rude: bool
) -> None:
    answer = [b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo"]
    if not rude:
        assert fetched(loop, trust, answer).body == b"hello"
        return
    with pytest.raises(HttpsProblem, match="before its answer was whole"):
        fetched(loop, trust, answer, rude=True)


def test_a_redirect_is_an_answer(loop: str, trust: ClientTrust) -> None:
    answer = [b"HTTP/1.1 302 Found\r\nLocation: https://evil.test/\r\nContent-Length: 0\r\n\r\n"]
    assert fetched(loop, trust, answer).status == 302


SMALL = Request(f"https://{HOST}/", octets=1000)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (plain(b"x" * 1001), "longer than 1000 octets"),
        (
            [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9000],
            "longer",
        ),
        ([b"HTTP/1.1 200 OK\r\nX: ", b"y" * 2 * HEAD_OCTETS, b"\r\n\r\n"], "longer"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * HEAD_OCTETS], "longer"),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n" * HEAD_OCTETS], "longer"),
        ([b"220 mail.example.test ESMTP\r\n"], "not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"], "not HTTP"),
        ([b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"], "not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello"], "before its answer was whole"),
        ([b"HTTP/1.1 200 OK\r\n"], "before its answer was whole"),
        ([b"HTTP/1.1 103 Early Hints\r\n\r\n"], "before its answer was whole"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"], "before its answer"),
        ([], "before its answer was whole"),
    ],
)
def test_what_is_no_whole_answer(
    loop: str, trust: ClientTrust, answer: list[bytes], words: str
) -> None:
    with pytest.raises(HttpsProblem, match=words):
        fetched(loop, trust, answer, request=SMALL)


@pytest.mark.parametrize(
    "answer", [[], [b"HTTP/1.1 200 OK\r\n"], [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"]]
)
def test_silence_has_an_end(loop: str, trust: ClientTrust, answer: list[bytes]) -> None:
    with pytest.raises(HttpsProblem, match=r"more than 0\.2 seconds"):
        fetched(loop, trust, answer, hang=True, request=replace(SMALL, seconds=0.2))


def test_a_slow_drip_has_an_end(loop: str, trust: ClientTrust) -> None:
    """Octets that come do not buy time."""

    async def work() -> None:
        async with Site(LEAF) as site:
            site.answer = (b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 1000)
            site.pause_seconds = 0.01
            client = HttpsClient(NAMES, trust, permits=anywhere)
            with pytest.raises(HttpsProblem, match="seconds"):
                await client.fetch(Request(f"https://{HOST}:{site.port}/", seconds=0.2))

    run_on(loop, work)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (make("leaf", ["example.test"], ROOT), "not for mta-sts"),
        (make(HOST, [], ROOT), "not for mta-sts"),
        (make("leaf", ["*.*.test"], ROOT), "not for mta-sts"),
        (make("leaf", [HOST], ROOT, days=-1), "expired"),
        (make("leaf", [HOST]), "signed by itself"),
        (make("leaf", [HOST], make("other root", authority=True)), "not trusted"),
        (make("leaf", [HOST], ROOT, purpose=ExtendedKeyUsageOID.CLIENT_AUTH), "not meant for"),
    ],
)
def test_nothing_is_said_to_whom_cannot_prove_it(
    loop: str, trust: ClientTrust, leaf: Made, words: str
) -> None:
    requests: list[bytes] = []
    with pytest.raises(HttpsCertificateRefused, match=words):
        fetched(loop, trust, plain(b"hello"), leaf=leaf, requests=requests)
    assert requests == []


def test_an_impostor_at_one_address_does_not_hide_the_host_at_another(
    loop: str, trust: ClientTrust
) -> None:
    names = FakeResolver({(HOST, "A"): ["127.0.0.1", "127.0.0.2"]})

    async def work() -> None:
        async with Site(make("leaf", ["other.test"], ROOT), "127.0.0.1") as wrong:
            client = HttpsClient(names, trust, permits=anywhere)
            request = Request(f"https://{HOST}:{wrong.port}/")
            with pytest.raises(HttpsCertificateRefused):
                await client.fetch(request)
            async with Site(LEAF, "127.0.0.2", wrong.port):
                assert (await client.fetch(request)).body == b"hello"
            assert wrong.requests == []

    run_on(loop, work)


def test_a_star_covers_the_host(loop: str, trust: ClientTrust) -> None:
    leaf = make("leaf", ["*.example.test"], ROOT)
    assert fetched(loop, trust, plain(b"hello"), leaf=leaf).body == b"hello"


def test_the_server_learns_the_name(loop: str, trust: ClientTrust) -> None:
    async def work() -> list[str | None]:
        async with Site(LEAF) as site:
            client = HttpsClient(NAMES, trust, permits=anywhere)
            await client.fetch(Request(f"https://{HOST.upper()}.:{site.port}/"))
            return site.server_names

    assert run_on(loop, work) == [HOST]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "inside.test", "nat64.test", "both.test"])
def test_addresses_inside_are_not_connected_to(loop: str, trust: ClientTrust, host: str) -> None:
    names = FakeResolver(
        {
            ("inside.test", "A"): ["10.0.0.1"],
            ("nat64.test", "AAAA"): ["64:ff9b::7f00:1"],
            ("both.test", "A"): ["127.0.0.1", "192.168.1.1"],
            ("both.test", "AAAA"): ["fd00::1"],
        }
    )

    async def work() -> None:
        client = HttpsClient(names, trust, permits=is_public)
        with pytest.raises(HttpsProblem, match="not on the open Internet"):
            await client.fetch(Request(f"https://{host}/"))

    run_on(loop, work)


def test_the_next_address_is_tried(loop: str, trust: ClientTrust) -> None:
    names = FakeResolver(
        {(HOST, "A"): ["127.0.0.9", "127.0.0.1"], (HOST, "AAAA"): DnsProblem("no answer")}
    )

    async def work() -> Response:
        async with Site(LEAF) as site:
            client = HttpsClient(names, trust, permits=anywhere)
            return await client.fetch(Request(f"https://{HOST}:{site.port}/"))

    assert run_on(loop, work).body == b"hello"


def test_not_every_address_of_many_is_tried(loop: str, trust: ClientTrust) -> None:
    tried: list[str] = [f"127.0.0.{number}" for number in range(1, 20)]

    async def work() -> str:
        client = HttpsClient(FakeResolver({(HOST, "A"): tried}), trust, permits=anywhere)
        with pytest.raises(HttpsProblem) as caught:
            await client.fetch(Request(f"https://{HOST}:1/"))
        return str(caught.value)

    assert run_on(loop, work).count("; ") == MAX_ADDRESSES - 1


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({}, "no address"),
        ({(HOST, "A"): DnsProblem("lost"), (HOST, "AAAA"): DnsProblem("lost")}, "looked up: lost"),
        ({(HOST, "A"): ["127.0.0.1"]}, "cannot be reached: 127.0.0.1: "),
    ],
)
def test_nobody_is_there(loop: str, trust: ClientTrust, known: Any, words: str) -> None:
    async def work() -> None:
        client = HttpsClient(FakeResolver(known), trust, permits=anywhere)
        with pytest.raises(HttpsProblem, match=words):
            await client.fetch(Request(f"https://{HOST}:1/"))

    run_on(loop, work)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://a.test", Place("a.test", 443, "/")),
        ("https://A.test.:8443/x%20y?z#f", Place("a.test", 8443, "/x%20y?z")),
        ("https://bücher.test/", Place("xn--bcher-kva.test", 443, "/")),
        ("https://[2001:db8::1]/", Place("2001:db8::1", 443, "/")),
    ],
)
def test_urls(url: str, place: Place) -> None:
    assert parse_url(url) == place
    assert parse_url(url, plain=True) == place


def test_a_url_in_the_clear() -> None:
    place = parse_url("http://a.test:80/x", plain=True)
    assert place == Place("a.test", 80, "/x", "http")
    assert place.authority == "a.test"
    with pytest.raises(HttpsProblem):
        parse_url("ftp://a.test/", plain=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://a.test/",
        "ftp://a.test/",
        "https:///x",
        "https://user:pass@a.test/",
        "https://a.test:99999/",
        "https://a.test/x y",
        "https://a.test/x\u00fc",
        "https://[::1/",
        "https://a b.test/",
        "https://a\x0bb.test/",
        "https://a..test/",
        "https://a.test/" + "x" * MAX_TARGET_OCTETS,
    ],
)
def test_what_is_no_url_for_us(url: str) -> None:
    with pytest.raises(HttpsProblem):
        parse_url(url)


@pytest.mark.parametrize("url", ["https://a.test/x\r\nHost: b.test", "https://a\r\nb.test/"])
def test_no_line_is_smuggled_into_a_request(url: str) -> None:
    try:
        place = parse_url(url)
    except HttpsProblem:
        return
    assert write_request(Request(url), place).count(b"\r\n") == 6


@pytest.mark.slow
def test_who_stops_waiting_leaves_nothing_behind(loop: str, trust: ClientTrust) -> None:
    """Whenever he does: no exception that nobody fetches is told of by the event loop."""
    told: list[dict[str, Any]] = []

    async def work() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))
        async with Site(LEAF) as site:
            client = HttpsClient(NAMES, trust, permits=anywhere)
            for turns in range(25):
                fetching = asyncio.create_task(
                    client.fetch(Request(f"https://{HOST}:{site.port}/"))
                )
                for _ in range(turns):
                    await asyncio.sleep(0)
                fetching.cancel()
                await asyncio.gather(fetching, return_exceptions=True)
                for _ in range(5):
                    await asyncio.sleep(0)
                gc.collect()

    run_on(loop, work)
    assert told == []


def test_no_authority_is_trusted_by_accident(loop: str, tmp_path: Path) -> None:
    """The system's authorities do not know the tests' root."""
    with pytest.raises(HttpsCertificateRefused):
        fetched(loop, ClientTrust(), plain(b"hello"))


def test_a_closed_port_is_told_in_words(loop: str, trust: ClientTrust) -> None:
    async def work() -> None:
        client = HttpsClient(FakeResolver({}), trust, permits=lambda _: True)
        with pytest.raises(HttpsProblem, match=r"127\.0\.0\.1: connection refused$"):
            await client.fetch(Request("https://127.0.0.1:1/"))

    run_on(loop, work)
