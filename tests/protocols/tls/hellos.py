"""First flights: a foreign client's real ones, and ones made by hand."""

import contextlib
import ssl
from collections.abc import Iterable


def real_hello(name: str | None = "mail.test", alpn: Iterable[str] = ("imap",)) -> bytes:
    """Return what the standard library's client says first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    outgoing = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def vector(width: int, content: bytes) -> bytes:
    return len(content).to_bytes(width, "big") + content


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + vector(2, content)


def server_name(name: bytes) -> bytes:
    return extension(0, vector(2, b"\0" + vector(2, name)))


def hello_message(extensions: bytes | None, suites: bytes = b"\x13\x01\xc0\x2b") -> bytes:
    body = b"\x03\x03" + bytes(32) + vector(1, b"sess") + vector(2, suites) + vector(1, b"\0")
    if extensions is not None:
        body += vector(2, extensions)
    return b"\x01" + vector(3, body)


def records(message: bytes, octets: int = 16384) -> bytes:
    """Cut a message into records of so many octets."""
    cuts = range(0, len(message), octets)
    return b"".join(b"\x16\x03\x01" + vector(2, message[at : at + octets]) for at in cuts)
