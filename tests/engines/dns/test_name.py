"""Names as text and as octets, compared with dnspython's reading of both."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.engines.dns.name import MAX_NAME_OCTETS, is_within, read_name, write_name

labels = st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=6).filter(
    lambda found: sum(len(label) + 1 for label in found) < MAX_NAME_OCTETS
)


@given(labels)
def test_any_octets_make_the_same_name_and_text_as_elsewhere(found: list[bytes]) -> None:
    theirs = dns.name.Name([*found, b""])
    name = read_name(theirs.to_text())
    assert name == theirs.canonicalize().to_wire()
    assert name is not None
    text = write_name(name)
    assert text == theirs.canonicalize().to_text(omit_final_dot=True)
    assert text.isascii()
    assert text.isprintable()
    assert read_name(text) == name


@given(st.text(st.sampled_from("aZ.\\019 é"), max_size=300))
def test_any_text_is_a_name_or_none(text: str) -> None:
    name = read_name(text)
    if name is not None:
        assert len(name) <= MAX_NAME_OCTETS
        assert read_name(write_name(name)) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a..b",
        ".a",
        "a" * 64,
        "a." * 127 + "b",
        "x" * 9999,
        "é.test",
        "a\\",
        "a\\256",
        "a\\0b",
    ],
)
def test_what_is_no_name(text: str) -> None:
    assert read_name(text) is None


def test_the_longest_names() -> None:
    assert read_name("a." * 127) == b"\1a" * 127 + b"\0"
    assert (
        read_name("\\065" * 63 + "." + "b" * 63)
        == b"\x3f" + b"a" * 63 + b"\x3f" + b"b" * 63 + b"\0"
    )


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("a.example.test", "example.test", True),
        ("example.test", "example.test", True),
        ("a.example.test", "xample.test", False),
        ("example.test", "a.example.test", False),
        ("a.test", "b.test", False),
    ],
)
def test_zones_end_at_labels(name: str, zone: str, expected: bool) -> None:
    octets, above = read_name(name), read_name(zone)
    assert octets is not None
    assert above is not None
    assert is_within(octets, above) is expected
    assert is_within(octets, b"\0")
