"""SASLprep: the examples of RFC 4013 §3 and our limits."""

import pytest

from mailclad.protocols.sasl.prep import PASSWORD_OCTETS, PrepProblem, prepare_password


@pytest.mark.rfc("4013", "3")
@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("pass\u00a0word", "pass word"),
        ("e\u0301t\u00e9", "\u00e9t\u00e9"),
        ("correct horse", "correct horse"),
        ("\U0001f511 key", "\U0001f511 key"),
    ],
)
def test_one_form_for_what_looks_alike(typed: str, prepared: str) -> None:
    assert prepare_password(typed.encode()) == prepared.encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"", b"\x07", b"a\0b", b"tab\there", "\u0627\u200e".encode(), b"\xff\xfe", b"\xc3",
        "\u00ad".encode(), "\ue000".encode(), "x\u0085".encode(), "\ufffd".encode(),
        b"x" * (PASSWORD_OCTETS + 1), b"\xed\xa0\x80",
    ],
)  # fmt: skip
def test_what_cannot_be_a_password(octets: bytes) -> None:
    with pytest.raises(PrepProblem):
        prepare_password(octets)


def test_the_longest_password() -> None:
    assert prepare_password(b"x" * PASSWORD_OCTETS) == b"x" * PASSWORD_OCTETS
