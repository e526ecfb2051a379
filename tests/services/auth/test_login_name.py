"""What is typed as a login name, and the key it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.auth.login_name import LOGIN_OCTETS, NOBODY, directory_key
from tests.services.auth.fakes import FakeDirectory, now


@pytest.mark.parametrize(
    ("login", "domains", "key"),
    [
        ("Ada@Example.org", [], "ada@example.org"),
        ("ada", ["example.org"], "ada@example.org"),
        ("ada", [], NOBODY),
        ("ada", ["example.org", "example.net"], NOBODY),
        ("ada@", ["example.org"], NOBODY),
        ("", ["example.org"], NOBODY),
        ("a b", ["example.org"], NOBODY),
        ("ada\0@example.org", ["example.org"], NOBODY),
        ("\udc80@example.org", ["example.org"], NOBODY),
        ("x" * (LOGIN_OCTETS + 1), ["example.org"], NOBODY),
        ("a@" + "b" * 300 + ".org", ["example.org"], NOBODY),
    ],
)
def test_login_names(login: str, domains: list[str], key: str) -> None:
    assert now(directory_key(FakeDirectory(names=domains), login)) == key


@given(st.text(max_size=40))
def test_any_login_name_becomes_a_key(login: str) -> None:
    now(directory_key(FakeDirectory(names=["example.org"]), login)).encode()
