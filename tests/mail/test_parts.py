"""Part numbers and the stored map."""

import pytest

from mailclad.mail.mime import scan
from mailclad.mail.parts import PartMap, pack_parts, unpack_parts

# RFC 9051 §6.4.5.1, its example
COMPLEX = b"""\
Content-Type: multipart/mixed; boundary=a

--a

1
--a
Content-Type: application/octet-stream

2
--a
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=b

--b

3.1
--b
Content-Type: application/octet-stream

3.2
--b--
--a
Content-Type: multipart/mixed; boundary=c

--c
Content-Type: image/gif

4.1
--c
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=d

--d

4.2.1
--d
Content-Type: multipart/alternative; boundary=e

--e

4.2.2.1
--e
Content-Type: text/richtext

4.2.2.2
--e--
--d--
--c--
--a--
"""


def stored(message: bytes) -> PartMap:
    return unpack_parts(pack_parts(scan(message)))


def body(message: bytes, numbers: tuple[int, ...]) -> bytes | None:
    part = stored(message).find(numbers)
    return None if part is None else message[part.body_start : part.body_end]


@pytest.mark.rfc("9051", "6.4.5.1")
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_parts_are_found_by_their_numbers(line_end: bytes) -> None:
    message = COMPLEX.replace(b"\n", line_end)
    for text in ("1", "2", "3.1", "3.2", "4.1", "4.2.1", "4.2.2.1", "4.2.2.2"):
        numbers = tuple(int(number) for number in text.split("."))
        assert body(message, numbers) == text.encode()
    for wanted in ((0,), (5,), (1, 1), (3, 3), (4, 2, 1, 1), (4, 2, 2, 3), (1,) * 1_000):
        assert body(message, wanted) is None


@pytest.mark.rfc("9051", "6.4.5.1")
def test_a_part_that_holds_a_message_says_so() -> None:
    tree = stored(COMPLEX)
    third = tree.find((3,))

    assert third is not None
    assert third.is_message
    assert third.media_type == "message/rfc822"
    assert third.children[0].is_multipart
    assert not tree.is_message


@pytest.mark.rfc("9051", "6.4.5.1")
def test_a_single_message_has_one_part_which_is_itself() -> None:
    message = b"Subject: x\r\n\r\nhello"

    assert body(message, (1,)) == b"hello"
    assert body(message, ()) == b"hello"
    assert body(message, (2,)) is None
    assert body(message, (1, 1)) is None


def test_a_message_that_is_a_message_has_part_1_and_1_1() -> None:
    message = b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhello"

    assert body(message, (1,)) == b"Subject: in\r\n\r\nhello"
    assert body(message, (1, 1)) == b"hello"
    assert body(message, (1, 2)) is None
    assert body(message, (1, 1, 1)) is None


def test_the_stored_map_says_what_the_scan_found() -> None:
    part = scan(COMPLEX)
    tree = stored(COMPLEX)

    def facts(one: object) -> tuple[object, ...]:
        names = ("header_start", "body_start", "body_end", "lines", "octets", "media_type")
        children = one.children  # type: ignore[attr-defined]
        return *(getattr(one, name) for name in names), tuple(facts(child) for child in children)

    assert facts(part) == facts(tree)
    assert len(pack_parts(part)) < 60 * 15
