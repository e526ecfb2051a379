"""The scanner: standard, broken and hostile messages."""

# ruff: noqa: E501 - a case is one line of a table

import mmap
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailclad.mail import mime
from mailclad.mail.headers import MAX_FIELDS, MAX_HEADER_OCTETS
from mailclad.mail.mime import MANY_DASHES, MAX_BOUNDARY_OCTETS, MAX_DEPTH, MAX_PARTS, scan
from mailclad.mail.parts import Part

TYPE = b"Content-Type: multipart/mixed; boundary=%b\r\n\r\n"


def walk(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from walk(child)


def types(message: bytes) -> list[str]:
    return [part.media_type for part in walk(scan(message))]


def bodies(message: bytes) -> list[bytes]:
    """Of the parts without children."""
    found = [part for part in walk(scan(message)) if not part.children]
    return [message[part.body_start : part.body_end] for part in found]


@pytest.mark.rfc("2046", "5.1.1")
@pytest.mark.parametrize("line_end", [b"\r\n", b"\n"])
def test_the_example_of_the_standard(line_end: bytes) -> None:
    message = b"""From: Nathaniel Borenstein <nsb@bellcore.com>
To: Ned Freed <ned@innosoft.com>
Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)
Subject: Sample message
MIME-Version: 1.0
Content-type: multipart/mixed; boundary="simple boundary"

This is the preamble.  It is to be ignored, though it
is a handy place for composition agents to include an
explanatory note to non-MIME conformant readers.

--simple boundary

This is implicitly typed plain US-ASCII text.
It does NOT end with a linebreak.
--simple boundary
Content-type: text/plain; charset=us-ascii

This is explicitly typed plain US-ASCII text.
It DOES end with a linebreak.

--simple boundary--

This is the epilogue.  It is also to be ignored.
""".replace(b"\n", line_end)
    part = scan(message)

    assert types(message) == ["multipart/mixed", "text/plain", "text/plain"]
    first, second = bodies(message)
    assert first.endswith(b"It does NOT end with a linebreak.")
    assert second.endswith(b"It DOES end with a linebreak." + line_end)
    assert [child.lines for child in part.children] == [1, 2]
    assert part.lines == message[part.body_start :].count(b"\n")
    assert part.body_end == len(message)
    assert part.children[1].charset == "us-ascii"


@pytest.mark.rfc("2046", "5.1.5")
def test_a_digest_holds_messages() -> None:
    message = (
        b"Content-Type: multipart/digest; boundary=a\r\n\r\n--a\r\n\r\nSubject: 1\r\n\r\none\r\n"
        b"--a\r\nContent-Type: text/html\r\n\r\ntwo\r\n--a--\r\n"
    )
    assert types(message) == ["multipart/digest", "message/rfc822", "text/plain", "text/html"]
    assert bodies(message) == [b"one", b"two"]


@pytest.mark.rfc("2046", "5.1.2")
def test_an_outer_boundary_ends_what_is_open_inside() -> None:
    message = (
        TYPE % b"out" + b"--out\r\n" + TYPE % b"in" + b"--in\r\n\r\none\r\n"
        b"--out\r\nContent-Type: message/rfc822\r\n\r\n"
        + TYPE
        % b"deep"
        + b"--deep\r\n\r\ntwo\r\n"
        b"--out--\r\nepilogue\r\n--in\r\n\r\nno part\r\n"
    )
    assert bodies(message) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"--b\r\n\r\none\r\n--b\r\n\r\ntwo", [b"one", b"two"]),
        (b"--b\r\n\r\none\r\n--b--", [b"one"]),
        (b"--b \t\r\n\r\none\r\n--b-- \r\n", [b"one"]),
        (b"--b\r\n\r\none\r\n--bb\r\n--b-\r\n --b\r\n--B\r\n--b--\r\n", [b"one\r\n--bb\r\n--b-\r\n --b\r\n--B"]),
        (b"--b\r\n\r\n\r\n--b\r\n\r\n--b--\r\n", [b"", b""]),
        (b"--b\r\n--b\r\n--b--\r\n", [b"", b""]),
        (b"--b\r\nX: y\r\n--b--\r\n", [b""]),
        (b"--b\r\nno header\r\n\r\ntext\r\n--b--\r\n", [b"no header\r\n\r\ntext"]),
        (b"--b\r\nX: y\r\n--c\r\nZ: a\r\n\r\ntext\r\n--b--\r\n", [b"text"]),
        (b"--b\n\none\n--b--\n", [b"one"]),
        (b"--b\r\r\n\r\none\r\r\n--b--\r\n", [b"one\r"]),
        (b"--b\r\n\r\n\0\xff\r\n--b--\r\n", [b"\0\xff"]),
        (b"no boundary", [b"no boundary"]),
        (b"--b--\r\nno part", [b"--b--\r\nno part"]),
        (b"", [b""]),
    ],
)  # fmt: skip
def test_boundaries_of_the_world(body: bytes, found: list[bytes]) -> None:
    assert bodies(TYPE % b"b" + body) == found


def test_a_boundary_that_begins_like_another_is_not_taken_for_it() -> None:
    message = (
        TYPE % b"b"
        + b"--b\r\n"
        + TYPE % b"bb"
        + b"--bb\r\n\r\n1\r\n--bb--\r\n--b\r\n\r\n2\r\n--b--"
    )

    assert types(message) == ["multipart/mixed", "multipart/mixed", "text/plain", "text/plain"]
    assert bodies(message) == [b"1", b"2"]


def test_a_boundary_used_twice_belongs_to_the_inner() -> None:
    inner = b"--b\r\n\r\n%d\r\n"
    message = (
        TYPE % b"b"
        + b"--b\r\n"
        + TYPE % b"b"
        + inner % 1
        + inner % 2
        + b"--b--\r\n"
        + inner % 3
        + b"--b--"
    )

    assert [len(child.children) for child in scan(message).children] == [2, 0]
    assert bodies(message) == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        (b"Content-Type: multipart/mixed\r\n", "text/plain"),
        (b"Content-Type: multipart/mixed; boundary=\r\n", "text/plain"),
        (b"Content-Type: multipart/mixed; boundary=absent\r\n", "text/plain"),
        (b"Content-Type: multipart/mixed; boundary=" + b"b" * (MAX_BOUNDARY_OCTETS + 1), "text/plain"),
        (b"Content-Type: nonsense\r\n", "text/plain"),
        (b"Content-Type: IMAGE/PNG\r\n", "image/png"),
        (b"content-type: a/b\r\nContent-Type: c/d\r\n", "a/b"),
        (b"", "text/plain"),
    ],
)  # fmt: skip
def test_the_type_of_a_message(header: bytes, media_type: str) -> None:
    assert types(header + b"\r\n--b\r\n\r\n--" + b"b" * (MAX_BOUNDARY_OCTETS + 1))[0] == media_type


@pytest.mark.parametrize(
    ("value", "encoding"),
    [
        (b"BASE64", "base64"),
        (b" 8bit (c)", "8bit"),
        (b"", "7bit"),
        (b"x-uu", "x-uu"),
        (b"=", "7bit"),
    ],
)
def test_the_transfer_encoding(value: bytes, encoding: str) -> None:
    assert scan(b"Content-Transfer-Encoding: " + value + b"\r\n\r\n").transfer_encoding == encoding


@pytest.mark.parametrize(
    ("value", "charset"),
    [(b"UTF-8", "utf-8"), (b'"us-ascii"', "us-ascii"), (b"", ""), (b"x" * 100, "x" * 64)],
)
def test_the_character_set(value: bytes, charset: str) -> None:
    assert scan(b"Content-Type: text/plain; charset=" + value + b"\r\n\r\n").charset == charset


def test_a_character_set_said_in_a_character_set() -> None:
    header = b"Content-Type: text/plain; charset*=us-ascii''KOI8-R\r\n\r\n"

    assert scan(header).charset == "koi8-r"


@pytest.mark.parametrize(
    "message", [b"", b"\r\n", b"\n", b"\r", b"text", b"\0", b"--", b"a:", b"\n--b"]
)
def test_the_smallest_messages_have_one_part(message: bytes) -> None:
    part = scan(message)

    assert (part.header_start, part.body_end, part.children) == (0, len(message), ())


# --- limits: beyond them the rest is one opaque part ------------------------------


def nested(depth: int) -> bytes:
    return b"".join([TYPE % b"b%d" % n + b"--b%d\r\n" % n for n in range(depth)]) + b"\r\ndeep"


def test_multiparts_beyond_the_depth_are_one_part() -> None:
    assert types(nested(MAX_DEPTH)) == ["multipart/mixed"] * MAX_DEPTH + ["text/plain"]
    found = types(nested(10_000))

    assert found == ["multipart/mixed"] * MAX_DEPTH + ["application/octet-stream"]


def test_messages_beyond_the_depth_are_one_part() -> None:
    found = types(b"Content-Type: message/rfc822\r\n\r\n" * 10_000 + b"deep")

    assert found == ["message/rfc822"] * MAX_DEPTH + ["application/octet-stream"]


@pytest.mark.parametrize("part", [b"--b\r\n\r\nx\r\n", b"--b\r\n"])
def test_parts_beyond_the_number_belong_to_the_last(part: bytes) -> None:
    message = TYPE % b"b" + part * 100_000 + b"--b--\r\n"
    found = scan(message)

    assert len(found.children) == MAX_PARTS - 1
    assert found.children[-1].body_end == found.body_end == len(message)


def test_parts_beyond_the_number_close_all_that_is_open() -> None:
    message = TYPE % b"a" + b"--a\r\n" + TYPE % b"b" + b"--b\r\n" * 2_000 + b"--a\r\n\r\nx"

    assert len(list(walk(scan(message)))) == MAX_PARTS
    assert len(scan(message).children) == 1


def test_headers_beyond_the_octets_are_not_read() -> None:
    padding = b"X: " + b"x" * MAX_HEADER_OCTETS + b"\r\n"
    message = b"Content-Type: a/b\r\n" + padding + b"Content-Id: c\r\n\r\nbody"
    part = scan(message)

    assert part.media_type == "a/b"
    assert b"content-id" not in part.values
    assert message[part.body_start :] == b"body"
    assert types(TYPE % b"b" + b"--b\r\n" + padding + b"\r\n\r\n--b\r\nContent-Type: a/b\r\n\r\n")[
        2:
    ] == ["text/plain"]


def test_fields_beyond_the_number_are_not_read() -> None:
    fields = b"X: y\r\n" * MAX_FIELDS

    assert scan(fields + b"Content-Type: a/b\r\n\r\n").media_type == "text/plain"
    assert types(TYPE % b"b" + b"--b\r\n" + fields + b"\r\n--b\r\nContent-Type: a/b\r\n\r\n")[
        2:
    ] == ["text/plain"]


# --- linear: nothing is looked at again and again ----------------------------------


class Counted(bytes):
    """Counts the octets that searches and slices touch."""

    touched = 0

    def find(self, *arguments: Any) -> int:
        at = super().find(*arguments)
        start = arguments[1] if len(arguments) > 1 else 0
        Counted.touched += (at if at >= 0 else len(self)) - start
        return at

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        Counted.touched += len(found) if isinstance(found, bytes) else 1
        return found


class CountedPattern:
    """A compiled pattern that counts the octets between where it begins and where it ends."""

    def __init__(self, pattern: re.Pattern[bytes]) -> None:
        self.pattern = pattern

    def search(self, octets: bytes, start: int = 0) -> re.Match[bytes] | None:
        match = self.pattern.search(octets, start)
        Counted.touched += (match.end() if match else len(octets)) - start
        return match

    def match(self, octets: bytes, start: int = 0) -> re.Match[bytes] | None:
        match = self.pattern.match(octets, start)
        Counted.touched += match.end() - start if match else 0
        return match


HOSTILE = {
    "no blank line": TYPE % b"b" + (b"--b\r\nX: " + b"y" * 500 + b"\r\n") * 900,
    "dashes in headers": TYPE % b"b" + (b"--b\r\nX: " + b"y\n--z" * 100 + b"\r\n") * 500,
    "dashes in a body": TYPE % b"b" + b"--b\r\n" + TYPE % b"c" + b"\n--" * 100_000,
    "nearly the boundary": TYPE % b"b" + b"--b\r\n" + b"\n--bx" * 100_000,
    "deep, then long": nested(49) + b"\r\nx" * 100_000,
    "deep, then dashes": nested(49) + b"\r\n--x" * 100_000,
    "many open messages": (b"Content-Type: message/rfc822\r\n\r\n") * 49 + b"x\r\n" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_each_octet_is_looked_at_a_few_times(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a region searched again for each part or level, the count would be fifty times more."""
    for pattern in ("_HEADER_END", "_HEADER_END_OR_DASHES", "_DASHES", "_LINE"):
        monkeypatch.setattr(mime, pattern, CountedPattern(getattr(mime, pattern)))
    exact = mime._Scanner._exact_patterns
    monkeypatch.setattr(
        mime._Scanner, "_exact_patterns", lambda self: [CountedPattern(one) for one in exact(self)]
    )
    Counted.touched = 0

    scan(Counted(HOSTILE[name]))

    assert Counted.touched < 8 * len(HOSTILE[name])


MANY = b"\r\n--x" * (2 * MANY_DASHES)


@pytest.mark.parametrize("end", [b"--b", b"--b--", b"--b \t", b"--b -- ", b"--b--\r\nepilogue"])
@pytest.mark.parametrize(
    "inner", [b"", b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"]
)
def test_a_boundary_is_found_behind_many_dashes(end: bytes, inner: bytes) -> None:
    in_body = TYPE % b"b" + b"--b\r\n" + inner + b"\r\none" + MANY + b"\r\n" + end
    in_header = TYPE % b"b" + b"--b\r\n" + inner + b"X: y" + MANY + b"\r\n" + end

    assert bodies(in_body)[0] == b"one" + MANY
    assert bodies(in_header)[0] == b""
    assert bodies(in_header.replace(end, b"\r\none\r\n" + end))[0] == b"one"


def test_each_multipart_looks_for_its_own_boundary_behind_many_dashes() -> None:
    inner = TYPE % b"c" + MANY + b"\r\n--c\r\n\r\none\r\n--c--\r\n"
    nearly = b"\r\n--bx" * (2 * MANY_DASHES)
    message = TYPE % b"b" + nearly + b"\r\n--b\r\n" + inner + MANY + b"\r\n--b\r\n\r\ntwo" + MANY
    message += b"\r\n--b--"

    assert bodies(message) == [b"one", b"two" + MANY]


@pytest.mark.parametrize(
    "start", [b"", b"Content-Type: multipart/mixed; boundary=c\r\n\r\n", b"X: y"]
)
def test_lines_with_dashes_are_not_looked_at_one_by_one(
    start: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    look = mime._Scanner._boundary_at

    def counted(scanner: Any, line: int) -> Any:
        looks.append(line)
        return look(scanner, line)

    monkeypatch.setattr(mime._Scanner, "_boundary_at", counted)

    scan(TYPE % b"b" + b"--b\r\n" + start + b"\r\n--bx" * 10_000)

    assert len(looks) < 4 * MANY_DASHES


# --- properties ------------------------------------------------------------------

PIECES = [
    b"Content-Type: multipart/mixed; boundary=a\r\n", b"Content-Type: multipart/digest; boundary=b\n",
    b"Content-Type: message/rfc822\r\n", b"Content-Type: multipart/alternative; boundary=aa\r\n",
    b"--a\r\n", b"--aa\r\n", b"--b\n", b"--a--\r\n", b"--b--", b"\r\n", b"\n", b"\r", b"--", b"X: y\r\n", b" ",
    b"text", b"\0\xff",
]  # fmt: skip
MESSAGES = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join) | st.binary()


def check_places(part: Part, start: int, end: int, octets: bytes) -> None:
    """Parts lie in their parent, apart and in order, and their line counts are true."""
    assert start <= part.header_start <= part.body_start <= part.body_end <= end
    assert part.lines == octets[part.body_start : part.body_end].count(b"\n")
    at = part.body_start
    for child in part.children:
        check_places(child, at, part.body_end, octets)
        at = child.body_end


@pytest.mark.slow
@given(MESSAGES)
@example(b"\n--a")
@example(TYPE % b"a" + b"--a\r\nContent-Type: message/rfc822\r\n\r\nX: y\r\n--a--")
@example(TYPE % b"a" + b"--a\r\nContent-Type: message/rfc822\r\n\r\nX: y\r\n\r\n--a--")
def test_any_octets_have_parts_in_their_places(message: bytes) -> None:
    part = scan(message)

    assert (part.header_start, part.body_end) == (0, len(message))
    check_places(part, 0, len(message), message)


@pytest.mark.slow
@given(
    st.lists(
        st.sampled_from([piece.replace(b"\r", b"") for piece in PIECES if piece != b"\r"])
    ).map(b"".join)
)
def test_both_line_ends_give_the_same_parts(message: bytes) -> None:
    with_crlf = message.replace(b"\n", b"\r\n")

    assert types(message) == types(with_crlf)
    assert [body.replace(b"\n", b"\r\n") for body in bodies(message)] == bodies(with_crlf)


@pytest.mark.slow
@given(st.lists(st.binary().map(lambda body: body.replace(b"--", b"==")), min_size=1, max_size=5))
def test_what_was_put_together_comes_apart(parts: list[bytes]) -> None:
    message = (
        TYPE % b"b" + b"".join([b"--b\r\nX: y\r\n\r\n%b\r\n" % part for part in parts]) + b"--b--"
    )

    assert bodies(message) == parts


def test_a_mapped_file_reads_like_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where pieces of the file meet."""
    for count in range(1, 40):
        message = (
            TYPE % b"bound" + (b"--bound\r\nX: y\r\n\r\n" + b"x\r\n" * count) * 5 + b"--bound--"
        )
        path = tmp_path / str(count)
        path.write_bytes(message)
        with (
            path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            monkeypatch.setattr(mime, "_CHUNK", 16)
            assert scan(mapped) == scan(message)
