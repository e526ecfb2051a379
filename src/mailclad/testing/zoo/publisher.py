"""What the certificates of the zoo point to: their issuers, and lists of what was revoked.

RFC 5280 §4.2.1.13, §4.2.2.1; over HTTP as everywhere.  Answers one request and closes.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from mailclad.testing.zoo.peer import Gone, Peer


async def publish(published: Mapping[str, bytes], peer: Peer) -> None:
    by_path = {urlsplit(url).path.encode(): octets for url, octets in published.items()}
    try:
        _, path, *_ = (await peer.line()).split(b" ")
        while await peer.line():
            pass
        await peer.say(_answer(by_path.get(path)))
    except (Gone, ValueError):
        pass
    finally:
        peer.close()


def _answer(octets: bytes | None) -> bytes:
    status = "404 Not Found" if octets is None else "200 OK"
    body = octets or b""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + body
