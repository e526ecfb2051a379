"""What an administrator can make, and what is refused in which words."""

import re

import pytest

from mailclad.base.secret import Secret
from mailclad.mail.address import AddressProblem
from mailclad.services.auth.outcome import Use
from mailclad.services.provision.accounts import APP_PASSWORDS_MOST, ProvisionProblem
from mailclad.store.errors import AccountNotFound
from mailclad.store.model import Scope
from tests.services.auth.fakes import Setting, now

PASSWORD = Secret(b"correct horse")


@pytest.fixture
def provision(setting: Setting) -> Setting:
    now(setting.provision.add_domain("example.org"))
    return setting


def test_names_are_normalised(provision: Setting) -> None:
    make = provision.provision
    assert now(make.add_domain("B\u00dcCHER.Example.")) == "xn--bcher-kva.example"
    account = now(make.add_account("Ada@EXAMPLE.org", PASSWORD, " Ada Lovelace "))

    assert (account.address, account.display_name) == ("ada@example.org", "Ada Lovelace")
    now(make.set_disabled("ADA@example.org", True))
    assert now(provision.directory.find_account("ada@example.org")).disabled
    now(make.remove_account("ada@Example.org"))
    assert now(provision.directory.accounts()) == []
    now(make.remove_domain("b\u00fccher.example"))
    assert now(provision.directory.domains()) == ["example.org"]


@pytest.mark.parametrize(
    ("password", "words"),
    [
        (b"short", "shorter than 8"),
        ("\u00e9\u00e9\u00e9\u00e9".encode(), "shorter than 8"),
        (b"", "empty"),
        (b"with\ttab in it", "control character"),
        (b"\xff" * 10, "UTF-8"),
        (b"x" * 2_000, "longer than 1,024"),
    ],
)
def test_passwords_that_are_refused(provision: Setting, password: bytes, words: str) -> None:
    with pytest.raises(ProvisionProblem, match=words) as refused:
        now(provision.provision.add_account("ada@example.org", Secret(password)))

    assert "Choose" in str(refused.value)
    assert now(provision.directory.accounts()) == [], "nothing was made"


def test_a_new_password_keeps_the_salt_and_the_app_passwords(provision: Setting) -> None:
    make = provision.provision
    now(make.add_account("ada@example.org", PASSWORD))
    letters = now(make.add_app_password("ada@example.org", "phone")).letters
    before = provision.directory.kept["ada@example.org"]
    now(make.set_password("ada@example.org", Secret(b"battery staple")))
    after = provision.directory.kept["ada@example.org"]

    assert (before.salt, before.iterations) == (after.salt, after.iterations)
    assert before.scram != after.scram
    assert after.app_passwords == before.app_passwords
    log_in = provision.authenticator.password
    for password in (b"battery staple", letters.encode()):
        now(log_in("ada", Secret(password), Use.SUBMISSION, "192.0.2.1"))


def test_app_passwords(provision: Setting) -> None:
    make = provision.provision
    now(make.add_account("ada@example.org"))
    letters = now(make.add_app_password("ada@example.org", "Old printer", Scope.SEND)).letters
    given = now(make.add_app_password("ada@example.org", "x", secret="BENCH plain secret")).letters

    assert re.fullmatch("[a-z]{16}", letters)
    assert given == "benchplainsecret"
    first, second = now(make.app_passwords("ada@example.org"))
    assert (first.name, first.scope, second.scope) == ("Old printer", Scope.SEND, Scope.ALL)
    assert letters.encode() not in first.digest
    now(make.remove_app_password("ada@example.org", first.id))
    assert now(make.app_passwords("ada@example.org")) == (second,)


def test_there_are_not_too_many_app_passwords(provision: Setting) -> None:
    make = provision.provision
    now(make.add_account("ada@example.org"))
    now(make.add_app_password("ada@example.org", "phone"))
    kept = provision.directory.kept["ada@example.org"]
    for _ in range(APP_PASSWORDS_MOST - 1):
        same = kept.app_passwords[0]
        now(
            provision.directory.add_app_password(
                kept.account.id, same.name, same.scope, same.digest, same.scram, 0
            )
        )

    with pytest.raises(ProvisionProblem, match="64 app passwords already"):
        now(make.add_app_password("ada@example.org", "one more"))


@pytest.mark.parametrize("secret", ["short", "benchplainsecre1", "\u00e9" * 16])
def test_app_passwords_made_elsewhere_have_the_form(provision: Setting, secret: str) -> None:
    now(provision.provision.add_account("ada@example.org"))

    with pytest.raises(ProvisionProblem, match="16 letters"):
        now(provision.provision.add_app_password("ada@example.org", "x", secret=secret))


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101, "\u202etxt"])
def test_names_are_one_line(provision: Setting, name: str) -> None:
    now(provision.provision.add_account("ada@example.org"))

    with pytest.raises(ProvisionProblem, match="one line"):
        now(provision.provision.add_app_password("ada@example.org", name))


def test_aliases(provision: Setting) -> None:
    make = provision.provision
    alias = now(make.set_alias("Info@example.org", "Ada@example.org", "grace@example.net"))
    catch_all = now(make.set_catch_all("EXAMPLE.org", "ada@example.org"))

    assert (alias.address, alias.targets) == (
        "info@example.org", ("ada@example.org", "grace@example.net"),
    )  # fmt: skip
    assert catch_all.address == "*@example.org"
    now(make.remove_alias("info@example.org"))
    now(make.remove_catch_all("example.org"))
    assert now(provision.directory.aliases()) == []
    with pytest.raises(ProvisionProblem, match="at least one address"):
        now(make.set_alias("info@example.org"))


def test_aliases_lead_elsewhere_as_it_was_written(provision: Setting) -> None:
    make = provision.provision
    alias = now(make.set_alias("info@example.org", "Ada@example.org", "Bob+X@BÜCHER.example"))
    assert alias.targets == ("ada@example.org", "Bob+X@xn--bcher-kva.example")
    for target in ("bob@[192.0.2.1]", "bob@localhost"):
        with pytest.raises(ProvisionProblem, match="not an address that mail can be sent on to"):
            now(make.set_alias("info@example.org", target))


def test_what_is_no_address_or_domain(provision: Setting) -> None:
    make = provision.provision
    too_long = "a" * 65 + "@example.org"
    for address in ("ada", "*@example.org", "ada@", "a b@example.org", too_long):
        with pytest.raises(AddressProblem):
            now(make.add_account(address))
    for domain in ("", "a b", "[192.0.2.1]", "-x.org", "."):
        with pytest.raises(AddressProblem):
            now(make.add_domain(domain))
    with pytest.raises(AccountNotFound, match="no account nobody"):
        now(make.set_password("nobody@example.org", PASSWORD))
