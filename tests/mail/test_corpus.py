"""Every message of the corpus, as it lies there and with CRLF line ends.

The corpus belongs to others and is not in the project: it lies beside it, or where
MAILCLAD_CORPUS says.  Elsewhere these tests have nothing to do.
"""

import email
import email.message
import os
import re
from collections.abc import Iterator
from email.header import decode_header
from pathlib import Path

import pytest

from mailclad.mail.encoded_word import decode_text
from mailclad.mail.headers import select_fields
from mailclad.mail.mime import scan, scan_fields
from mailclad.mail.parts import Part

BESIDE = Path(__file__).parents[3] / "shared" / "corpus"
CORPUS = Path(os.environ.get("MAILCLAD_CORPUS") or BESIDE)
FILES = sorted(path for path in CORPUS.glob("*/*") if path.suffix in {".eml", ".txt"})

pytestmark = pytest.mark.slow


def messages() -> Iterator[tuple[str, bytes]]:
    for path in FILES:
        octets = path.read_bytes()
        yield f"{path.parent.name}/{path.name}", octets
        yield f"{path.parent.name}/{path.name} with CRLF", re.sub(rb"\r?\n", b"\r\n", octets)


def walk(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from walk(child)


def test_the_corpus_is_there_where_it_is_said_to_be() -> None:
    assert FILES or not (CORPUS.exists() or "MAILCLAD_CORPUS" in os.environ)


def test_parts_lie_in_their_places() -> None:
    for name, octets in messages():
        for part in walk(scan(octets)):
            at = part.body_start
            assert part.header_start <= at <= part.body_end <= len(octets), name
            assert part.lines == octets[at : part.body_end].count(b"\n"), name
            for child in part.children:
                assert at <= child.header_start, name
                at = child.body_end
            assert at <= part.body_end, name


def test_header_and_body_put_together_are_the_message() -> None:
    for name, octets in messages():
        part, fields = scan_fields(octets)
        header = octets[: part.body_start]

        assert header + octets[part.body_start : part.body_end] == octets, name
        assert select_fields(header, set(), invert=True) == b"".join(
            [field[0] for field in fields]
        )


SEEN_OTHERWISE = {
    "cpython/data_msg_15.txt",  # a boundary used for two multiparts: the inner ends first here
    "cpython/data_msg_37.txt",  # boundaries one behind the other: empty parts here
    "cpython/data_msg_39.txt",  # a boundary used for two multiparts
}


def types_by_email(message: email.message.Message) -> list[str]:
    """As the standard library sees it, but for what it takes apart inside message/*."""
    content_type = message.get_content_type().split()[0]
    payload = message.get_payload()
    if content_type.startswith("message/") and content_type != "message/rfc822":
        return [content_type]
    inner = payload if isinstance(payload, list) else []
    if content_type.startswith("multipart/") and not inner:
        return ["text/plain"]  # shown as its text here
    return [content_type] + [found for part in inner for found in types_by_email(part)]  # type: ignore[arg-type]


def test_the_standard_library_sees_the_same_parts() -> None:
    different = []
    for path in FILES:
        octets = path.read_bytes()
        if b"\n" not in octets or b"\0" in octets:  # it takes a bare CR for a line end
            continue
        ours = [part.media_type for part in walk(scan(octets))]
        if ours != types_by_email(email.message_from_bytes(octets)):
            different.append(f"{path.parent.name}/{path.name}")

    assert set(different) <= SEEN_OTHERWISE


def test_the_standard_library_reads_the_same_subjects() -> None:
    different = []
    for path in FILES:
        octets = path.read_bytes()
        subject = email.message_from_bytes(octets)["subject"]
        if not isinstance(subject, str) or not subject.isascii() or b"\n" not in octets:
            continue
        try:
            words = [
                word if isinstance(word, str) else word.decode(charset or "ascii")
                for word, charset in decode_header(subject)
            ]
        except (LookupError, ValueError):
            continue
        ours = decode_text(scan(octets).values.get(b"subject", b""))
        if "".join(ours.split()) != "".join("".join(words).split()):
            different.append((f"{path.parent.name}/{path.name}", ours, "".join(words)))

    assert different == []
