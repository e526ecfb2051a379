"""First flights of programs that are not here, by what is known of them."""

from collections.abc import Iterable

from mailclad.base.tls_offer import Offer
from mailclad.protocols.tls.client_hello import ClientHello, read_client_hello
from tests.protocols.tls.hellos import extension, records, server_name, vector


def numbers(*wanted: int) -> bytes:
    return b"".join(number.to_bytes(2, "big") for number in wanted)


def hello(
    suites: Iterable[int],
    *,
    version: int = 0x0303,
    versions: Iterable[int] = (),
    groups: Iterable[int] = (0x17, 0x18),
    others: Iterable[int] = (),
    name: bytes = b"mail.test",
    random: bytes = bytes(32),
) -> bytes:
    """A whole ClientHello in one record."""
    extensions = server_name(name) + extension(10, vector(2, numbers(*groups)))
    if offered := numbers(*versions):
        extensions += extension(43, vector(1, offered))
    extensions += b"".join(extension(kind, b"") for kind in others)
    body = numbers(version) + random + vector(1, b"") + vector(2, numbers(*suites))
    body += vector(1, b"\0") + vector(2, extensions)
    return records(b"\x01" + vector(3, body))


def offer_of(flight: bytes) -> Offer:
    found = read_client_hello(flight)
    assert isinstance(found, ClientHello)
    return found.offer


WINDOWS_7 = hello((0xC014, 0xC013, 0x35, 0x2F, 0xC00A, 0xC009, 0x38, 0x32, 0x0A), version=0x0301)
OS_X_10_9 = hello((0xFF, 0xC024, 0xC023, 0xC00A, 0xC009, 0xC007), groups=(0x17, 0x18, 0x19))
THUNDERBIRD = hello(
    (0x1301, 0x1303, 0x1302, 0xC02B, 0xC02F, 0xCCA9, 0xCCA8),
    versions=(0x0304, 0x0303),
    others=(23, 28),
)
RSA_ONLY = hello((0xC030, 0xC02F, 0x9D, 0x9C))
NMAP = hello((0x2F, 0x0A, 0x13, 0x39, 0x04, 0xFF))
