"""What devices' use and set-up pages are told of sign-ins, by password and by SCRAM alike."""

from contextlib import suppress

import pytest

from mailclad.base.secret import Secret
from mailclad.services.auth.authenticator import Authenticator
from mailclad.services.auth.outcome import AuthenticationFailed, Use
from mailclad.services.auth.sign_ins import FailedSignIn, SignIn, SignIns
from mailclad.services.auth.verifier import Verifier
from mailclad.store.model import Account, AppPassword
from tests.protocols.sasl.scram_client import ScramClient
from tests.services.auth.fakes import SECRET, TLS, Setting, now
from tests.services.auth.test_authenticator import LETTERS, PEER, talk

CHOSEN = "correct horse battery"
OTHER_LETTERS = "qqqqqqqqqqqqqqqq"


class Notebook(SignIns):
    def __init__(self) -> None:
        self.told: list[SignIn | FailedSignIn] = []

    def signed_in(self, sign_in: SignIn) -> None:
        self.told.append(sign_in)

    def failed(self, failed: FailedSignIn) -> None:
        self.told.append(failed)


class House:
    """Ada has a password and two devices; everything about sign-ins is written down."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.notebook = setting, Notebook()
        verifier = Verifier(
            setting.directory,
            SECRET.reveal(),
            setting.checker,
            setting.throttle,
            setting.clock,
            setting.clock.sleep,
            self.notebook,
        )
        self._authenticator = Authenticator(verifier)
        provision = setting.provision
        now(provision.add_domain("example.org"))
        self.ada: Account = now(provision.add_account("ada@example.org", Secret(CHOSEN.encode())))
        now(provision.add_app_password(self.ada.address, "phone"))
        now(provision.add_app_password(self.ada.address, "tablet", secret=LETTERS))

    @property
    def tablet(self) -> AppPassword:
        return self.setting.directory.kept[self.ada.address].app_passwords[1]

    def sign_in(self, mechanism: str, login: str, password: str) -> SignIn | FailedSignIn:
        with suppress(AuthenticationFailed):
            if mechanism == "LOGIN":
                secret = Secret(password.encode())
                now(self._authenticator.password(login, secret, Use.IMAP, PEER, TLS))
            elif mechanism == "PLAIN":
                talk(self._authenticator, mechanism, f"\0{login}\0{password}".encode())
            else:
                client = ScramClient(login.encode(), password.encode())
                talk(self._authenticator, mechanism, client.first(), client.final, b"")
        (told,) = self.notebook.told
        return told


@pytest.fixture
def house(setting: Setting) -> House:
    return House(setting)


MECHANISMS = pytest.mark.parametrize("mechanism", ["LOGIN", "PLAIN", "SCRAM-SHA-256"])


@MECHANISMS
def test_the_device_is_named(house: House, mechanism: str) -> None:
    told = house.sign_in(mechanism, "ada@example.org", LETTERS)
    assert told == SignIn(house.ada, house.tablet, Use.IMAP, PEER, "TLSv1.3")


@MECHANISMS
def test_the_chosen_password_is_no_devices(house: House, mechanism: str) -> None:
    told = house.sign_in(mechanism, "ada@example.org", CHOSEN)
    assert told == SignIn(house.ada, None, Use.IMAP, PEER, "TLSv1.3")


@MECHANISMS
@pytest.mark.parametrize(("password", "form"), [(OTHER_LETTERS, True), ("wrong", False)])
def test_a_wrong_password_is_told_by_its_form_where_it_is_seen(
    house: House, mechanism: str, password: str, form: bool
) -> None:
    told = house.sign_in(mechanism, "ada@example.org", password)
    seen = None if mechanism.startswith("SCRAM") else form
    assert told == FailedSignIn(house.ada, Use.IMAP, PEER, True, seen)


@MECHANISMS
@pytest.mark.parametrize("login", ["nobody@example.org", "ada@example.net", "bob"])
def test_nobodys_address(house: House, mechanism: str, login: str) -> None:
    """A bare name is one too, where there is one domain alone."""
    told = house.sign_in(mechanism, login, "wrong")
    assert isinstance(told, FailedSignIn)
    assert (told.account, told.whole_address) == (None, True)


@MECHANISMS
@pytest.mark.parametrize("login", ["ada", "bob"])
def test_with_two_domains_a_bare_name_is_too_short(
    house: House, mechanism: str, login: str
) -> None:
    now(house.setting.provision.add_domain("example.net"))
    told = house.sign_in(mechanism, login, LETTERS)
    assert isinstance(told, FailedSignIn)
    assert (told.account, told.whole_address) == (None, False)
