"""App passwords: their form, and that a digest belongs to one installation."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.auth import app_password


def test_app_passwords_are_sixteen_letters_and_different() -> None:
    made = {app_password.generate() for _ in range(100)}

    assert len(made) == 100
    assert all(re.fullmatch("[a-z]{16}", one) for one in made)
    assert app_password.in_fours("abcdefghijklmnop") == "abcd efgh ijkl mnop"


@pytest.mark.parametrize(
    ("typed", "letters"),
    [
        (b"abcdefghijklmnop", b"abcdefghijklmnop"),
        (b"abcd efgh ijkl mnop", b"abcdefghijklmnop"),
        (b" ABCD EFGH IJKL MNOP ", b"abcdefghijklmnop"),
        (b"abcdefghijklmno", None),
        (b"abcdefghijklmnopq", None),
        (b"abcdefghijklmno1", None),
        (b"abcd-efgh-ijkl-mnop", None),
        (b"a" * 16 + b" " * 17, None),
        (b"", None),
        ("abcdefghijklmn\u00e9".encode(), None),
        ("abcdefghijklmno\u212a".encode(), None),
    ],
)
def test_the_form_of_an_app_password(typed: bytes, letters: bytes | None) -> None:
    assert app_password.letters_of(typed) == letters


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=16, max_size=16))
def test_fours_are_read_back(letters: str) -> None:
    assert app_password.letters_of(app_password.in_fours(letters).encode()) == letters.encode()


def test_digests_depend_on_the_installation() -> None:
    assert app_password.digest(b"one", b"a" * 16) != app_password.digest(b"two", b"a" * 16)
