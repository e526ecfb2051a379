"""One POST, and every way in which its answer can be none."""

import asyncio
from collections.abc import Sequence

import pytest

from mailclad.base.octets import Octets
from mailclad.servers.filter_socket import Place, parse_place
from mailclad.servers.http_post import RESPONSE_OCTETS, BadResponse, HttpPost, parse_url

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
PATIENCE = 10


def posted(
    answer: bytes, parts: Sequence[Octets] = (b"body",), start: int = 0
) -> tuple[bytes, bytes]:
    """The answer's body, and the request as the server saw it."""
    seen = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.extend(head)
        length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        seen.extend(await reader.readexactly(length))
        writer.write(answer)
        writer.close()

    async def whole() -> bytes:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server, asyncio.timeout(PATIENCE):
            port = server.sockets[0].getsockname()[1]
            post = HttpPost(Place(host="127.0.0.1", port=port), "filter.example", "/checkv2")
            return await post([("A", "b"), ("Evil", "x\r\nB: c\0")], parts, start)

    return asyncio.run(whole()), bytes(seen)


def test_the_request() -> None:
    large = b"x" * 300_000
    answer, request = posted(OK, (b"first", b"..." + large), 3)
    assert answer == b"{}"
    assert request == (
        b"POST /checkv2 HTTP/1.1\r\nHost: filter.example\r\nConnection: close\r\n"
        b"A: b\r\nEvil: x??B: c?\r\nContent-Length: 300005\r\n\r\nfirst" + large
    )


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\n{}",
    ],
)
def test_answers_in_each_form(answer: bytes) -> None:
    assert posted(answer)[0] == b"{}"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "closed before"),
        (b"HTTP/1.1 200 OK\r\n", "closed before"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", "closed before"),
        (b"220 mail.example ESMTP\r\n", "not HTTP"),
        (b"\0\0\0\x01c", "not HTTP"),
        (b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", "the status 500"),
        (b"HTTP/1.1 204 No\r\n\r\n", "the status 204"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * RESPONSE_OCTETS, "more than|not HTTP"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * RESPONSE_OCTETS,
            "more than",
        ),
    ],
    ids=range(9),
)
def test_answers_that_are_none(answer: bytes, reason: str) -> None:
    with pytest.raises(BadResponse, match=reason):
        posted(answer)


@pytest.mark.parametrize(
    ("url", "place", "host"),
    [
        ("http://127.0.0.1", Place(host="127.0.0.1", port=11333), "127.0.0.1"),
        ("http://filter:80/", Place(host="filter", port=80), "filter:80"),
        ("http://[::1]:80", Place(host="::1", port=80), "[::1]:80"),
        ("unix:/run/rspamd.sock", Place(path="/run/rspamd.sock"), "localhost"),
    ],
)
def test_urls(url: str, place: Place, host: str) -> None:
    assert parse_url(url, 11333, "/checkv2") == HttpPost(place, host, "/checkv2")


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:11333", "https://x", "http://", "http://x/y", "http://x:y", "unix:run",
            "http://x:70000", "http://u:p@x"]
)  # fmt: skip
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url, 11333, "/checkv2")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("unix:/run/x.sock", Place(path="/run/x.sock")),
        ("inet:127.0.0.1:8891", Place(host="127.0.0.1", port=8891)),
        ("inet:filter.example:1", Place(host="filter.example", port=1)),
        ("inet6:[::1]:8891", Place(host="::1", port=8891)),
    ],
)
def test_places(text: str, place: Place) -> None:
    assert parse_place(text) == place


@pytest.mark.parametrize(
    "text", ["", "unix:x", "/run/x", "inet:8891@localhost", "inet:x", "inet:x:0", "inet:x:65536",
             "inet:::1:25", "local:/run/x"]
)  # fmt: skip
def test_places_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="neither unix:/path nor inet:host:port"):
        parse_place(text)
