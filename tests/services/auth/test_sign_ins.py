"""What is told of each sign-in, by every way to sign in: with which password, or why not."""

import contextlib

import pytest

from mailclad.base.secret import Secret
from mailclad.services.auth.authenticator import Authenticator, Use
from mailclad.services.auth.outcome import AuthenticationFailed
from mailclad.services.auth.sign_ins import FailedSignIn, SignIn, SignIns
from mailclad.services.auth.verifier import Verifier
from mailclad.store.model import Scope
from tests.protocols.sasl.scram_client import ScramClient
from tests.services.auth.fakes import SECRET, TLS, Setting, now
from tests.services.auth.test_authenticator import talk

CHOSEN, LETTERS, PEER = "correct horse battery", "abcdefghijklmnop", "192.0.2.1"
ADA = "ada@example.org"


class Heard(SignIns):
    def __init__(self) -> None:
        self.told: list[SignIn | FailedSignIn] = []

    def signed_in(self, sign_in: SignIn) -> None:
        self.told.append(sign_in)

    def failed(self, failed: FailedSignIn) -> None:
        self.told.append(failed)


class Door:
    """Of a server with Ada, who has a phone; what was told of who knocks."""

    def __init__(self, setting: Setting) -> None:
        self.heard = Heard()
        self.setting = setting
        verifier = Verifier(
            setting.directory,
            SECRET.reveal(),
            setting.checker,
            setting.throttle,
            setting.clock,
            setting.clock.sleep,
            self.heard,
        )
        self.authenticator = Authenticator(verifier)
        now(setting.provision.add_domain("example.org"))
        self.ada = now(setting.provision.add_account(ADA, Secret(CHOSEN.encode())))
        now(setting.provision.add_app_password(ADA, "phone", Scope.ALL, LETTERS))

    def told(self) -> SignIn | FailedSignIn:
        (one,) = self.heard.told
        return one

    def by(self, way: str, login: str, password: str) -> None:
        """Whether it is taken or not."""
        use, name, octets = Use.SUBMISSION, login.encode(), password.encode()
        with contextlib.suppress(AuthenticationFailed):
            match way:
                case "PASS":
                    now(self.authenticator.password(login, Secret(octets), use, PEER, TLS))
                case "PLAIN":
                    talk(self.authenticator, way, b"\0" + name + b"\0" + octets, use=use)
                case "LOGIN":
                    talk(self.authenticator, way, None, name, octets, use=use)
                case _:
                    client = ScramClient(name, octets)
                    talk(self.authenticator, way, client.first(), client.final, b"", use=use)


WAYS = ["PASS", "PLAIN", "LOGIN", "SCRAM-SHA-256"]


@pytest.fixture
def door(setting: Setting) -> Door:
    return Door(setting)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("password", "used"), [(LETTERS, "phone"), (CHOSEN, None)])
def test_which_password_it_was_is_told(
    door: Door, way: str, password: str, used: str | None
) -> None:
    door.by(way, ADA, password)
    told = door.told()
    assert isinstance(told, SignIn)
    assert (told.app_password.name if told.app_password else None) == used
    assert (told.account, told.use, told.peer) == (door.ada, Use.SUBMISSION, PEER)
    assert told.tls_version == "TLSv1.3"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("password", "like_app_password"), [("ponmlkjihgfedcba", True), ("my birthday", False)]
)
def test_what_a_wrong_password_was_like_is_told(
    door: Door, way: str, password: str, like_app_password: bool
) -> None:
    door.by(way, ADA, password)
    like = None if way == "SCRAM-SHA-256" else like_app_password
    assert door.told() == FailedSignIn(door.ada, Use.SUBMISSION, PEER, True, like)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("login", ["nobody@example.org", "nobody"])
def test_nobody_with_the_one_domain_is_whole(door: Door, way: str, login: str) -> None:
    """Else a page would tell who is there: a short name of somebody is that account's."""
    door.by(way, login, "my birthday")
    told = door.told()
    assert isinstance(told, FailedSignIn)
    assert (told.account, told.whole_address) == (None, True)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("login", ["ada", "nobody"])
def test_a_short_name_among_two_domains_is_told(door: Door, way: str, login: str) -> None:
    now(door.setting.provision.add_domain("example.net"))
    door.by(way, login, LETTERS)
    told = door.told()
    assert isinstance(told, FailedSignIn)
    assert (told.account, told.whole_address) == (None, False)
