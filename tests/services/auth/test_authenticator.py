"""Logging in, by password and by SASL: who gets in, and that the others learn nothing."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec

import pytest
import scramp

from mailclad.base.secret import Secret
from mailclad.base.tls_policy import TlsFacts
from mailclad.services.auth import app_password
from mailclad.services.auth.authenticator import (
    Authenticated,
    AuthenticationFailed,
    AuthenticationMalformed,
    AuthenticationUnavailable,
    Authenticator,
    Challenge,
    Exchange,
    MechanismUnknown,
    Use,
)
from mailclad.store.model import Account, Scope
from tests.protocols.sasl.scram_client import ScramClient
from tests.services.auth.fakes import END_POINT, EXPORTER, TLS, TLS12, Setting, now

P = ParamSpec("P")
CHOSEN = b"correct horse battery"
LETTERS = "abcdefghijklmnop"
PEER = "192.0.2.1"


@pytest.fixture
def ada(setting: Setting) -> Account:
    async def make() -> Account:
        await setting.provision.add_domain("example.org")
        account = await setting.provision.add_account("ada@example.org", Secret(CHOSEN))
        await setting.provision.add_app_password(
            "ada@example.org", "phone", Scope.RECEIVE, LETTERS
        )
        return account

    return now(make())


def log_in(
    setting: Setting,
    login: str,
    password: bytes,
    use: Use = Use.IMAP,
    peer: str = PEER,
) -> Account:
    return now(setting.authenticator.password(login, Secret(password), use, peer))


def outcome(attempt: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> str:
    try:
        attempt(*args, **kwargs)
    except (AuthenticationFailed, AuthenticationUnavailable, AuthenticationMalformed) as problem:
        return f"{type(problem).__name__}: {problem}"
    return "in"


@pytest.mark.parametrize(
    "login", ["ada@example.org", "ADA@Example.ORG", "ada", "Ada", "ada@EXAMPLE.org"]
)
@pytest.mark.parametrize("password", [CHOSEN, LETTERS.encode(), b"ABCD efgh IJKL mnop"])
def test_the_right_password(setting: Setting, ada: Account, login: str, password: bytes) -> None:
    assert log_in(setting, login, password) == ada


def test_a_bare_name_needs_exactly_one_domain(setting: Setting, ada: Account) -> None:
    now(setting.provision.add_domain("example.net"))

    with pytest.raises(AuthenticationFailed):
        log_in(setting, "ada", CHOSEN)


def test_a_password_typed_on_another_keyboard(setting: Setting, ada: Account) -> None:
    now(setting.provision.set_password(ada.address, Secret("garçon à la mode".encode())))

    assert log_in(setting, ada.address, "garc\u0327on a\u0300 la mode".encode()) == ada


WRONG = [
    ("ada@example.org", b"wrong password", Use.IMAP),
    ("nobody@example.org", b"wrong password", Use.IMAP),
    ("nobody@example.net", b"wrong password", Use.IMAP),
    ("off@example.org", b"wrong password", Use.IMAP),
    ("off@example.org", CHOSEN, Use.IMAP),
    ("appless@example.org", b"wrong password", Use.IMAP),
    ("not an address", b"wrong password", Use.IMAP),
    ("x" * 5000, b"wrong password", Use.IMAP),
    ("\udcff@example.org", b"wrong password", Use.IMAP),
    ("ada@example.org", b"\xff\xff", Use.IMAP),
    ("nobody@example.org", b"\xff\xff", Use.IMAP),
    ("ada@example.org", b"", Use.IMAP),
    ("ada@example.org", b"x" * 5000, Use.IMAP),
]
WRONG_LETTERS = [
    ("ada@example.org", LETTERS.encode(), Use.SUBMISSION),  # made for receiving
    ("off@example.org", LETTERS.encode(), Use.IMAP),
    ("ada@example.org", b"qqqqqqqqqqqqqqqq", Use.IMAP),
    ("nobody@example.org", b"qqqqqqqqqqqqqqqq", Use.IMAP),
    ("nobody@example.org", LETTERS.encode(), Use.IMAP),
]


@pytest.fixture
def off(setting: Setting, ada: Account) -> Account:
    """A disabled account with ada's passwords, and an account without any."""

    async def make() -> Account:
        account = await setting.provision.add_account("off@example.org", Secret(CHOSEN))
        await setting.provision.add_app_password("off@example.org", "x", Scope.ALL, LETTERS)
        await setting.provision.set_disabled("off@example.org", True)
        await setting.provision.add_account("appless@example.org")
        return account

    return now(make())


@pytest.mark.rfc("9051", "11.7")
@pytest.mark.parametrize(("login", "password", "use"), WRONG + WRONG_LETTERS)
def test_every_failure_is_alike_in_words_and_in_work(
    setting: Setting,
    off: Account,
    monkeypatch: pytest.MonkeyPatch,
    login: str,
    password: bytes,
    use: Use,
) -> None:
    """T-AU2: the slow hash runs once, the keyed one by the password's form, the store once."""
    keyed = 0
    digest = app_password.digest

    def counted(secret: bytes, letters: bytes) -> bytes:
        nonlocal keyed
        keyed += 1
        return digest(secret, letters)

    monkeypatch.setattr(app_password, "digest", counted)
    before, asked = setting.argon2.verified, setting.directory.asked

    said = outcome(log_in, setting, login, password, use)

    assert said == "AuthenticationFailed: The login name or the password is wrong."
    assert setting.argon2.verified == before + 1
    assert setting.directory.asked == asked + 1
    assert keyed == (app_password.letters_of(password) is not None)


def test_an_app_password_costs_no_slow_hash(setting: Setting, ada: Account) -> None:
    log_in(setting, ada.address, LETTERS.encode())

    assert setting.argon2.verified == 0


def test_scopes(setting: Setting, ada: Account) -> None:
    async def make() -> tuple[str, str]:
        add = setting.provision.add_app_password
        return (
            (await add(ada.address, "mailer", Scope.SEND)).letters,
            (await add(ada.address, "laptop", Scope.ALL)).letters,
        )

    sending, everything = now(make())
    allowed = {
        (password, use): outcome(log_in, setting, "ada", password.encode(), use) == "in"
        for password in (LETTERS, sending, everything)
        for use in Use
    }

    assert [use for (password, use), fits in allowed.items() if password == LETTERS and fits] == [
        Use.IMAP,
        Use.POP3,
    ]
    assert not allowed[sending, Use.IMAP]
    assert allowed[sending, Use.SUBMISSION]
    assert allowed[everything, Use.SUBMISSION]
    assert allowed[everything, Use.IMAP]
    assert not allowed[everything, Use.WEB]


def test_a_right_password_is_hashed_once_in_five_minutes(setting: Setting, ada: Account) -> None:
    log_in(setting, "ada", CHOSEN)
    log_in(setting, "ada", CHOSEN, Use.SUBMISSION)
    assert setting.argon2.verified == 1

    setting.clock.seconds += 301
    log_in(setting, "ada", CHOSEN)
    assert setting.argon2.verified == 2


def test_a_changed_password_is_forgotten_at_once(setting: Setting, ada: Account) -> None:
    log_in(setting, "ada", CHOSEN)
    now(setting.provision.set_password("ada@example.org", Secret(b"another password")))

    with pytest.raises(AuthenticationFailed):
        log_in(setting, "ada", CHOSEN)
    assert log_in(setting, "ada", b"another password") == ada


def test_a_disabled_account_is_out_at_once(setting: Setting, ada: Account) -> None:
    log_in(setting, "ada", CHOSEN)
    now(setting.provision.set_disabled("ada@example.org", True))

    for password in (CHOSEN, LETTERS.encode()):
        with pytest.raises(AuthenticationFailed):
            log_in(setting, "ada", password)


def test_a_store_that_does_not_answer_is_temporary(setting: Setting, ada: Account) -> None:
    setting.directory.failing = True

    with pytest.raises(AuthenticationUnavailable):
        log_in(setting, "ada", CHOSEN)


def test_the_owner_gets_in_while_others_guess(setting: Setting, ada: Account) -> None:
    """T-AU1: fifty wrong passwords from one address, a hundred from a hundred more."""
    log_in(setting, "ada", CHOSEN, peer="198.51.100.7")
    for _ in range(50):
        outcome(log_in, setting, "ada", b"guess", peer="203.0.113.9")
    for host in range(100):
        outcome(log_in, setting, "ada", b"guess", peer=f"127.0.0.{host}")

    assert setting.argon2.verified < 120, "most of the fifty were turned away unchecked"
    start = setting.clock.seconds
    assert log_in(setting, "ada", CHOSEN, peer="198.51.100.7") == ada
    assert log_in(setting, "ada", LETTERS.encode(), peer="203.0.113.9") == ada
    assert setting.clock.seconds == start, "known places and app passwords do not wait"
    assert log_in(setting, "ada", CHOSEN, peer="198.51.100.8") == ada
    assert setting.clock.seconds <= start + 5


def test_a_full_queue_of_hashes_is_temporary(setting: Setting, ada: Account) -> None:
    setting.checker._waiting = 10_000

    for _ in range(20):  # and it is not counted as guessing
        with pytest.raises(AuthenticationUnavailable):
            log_in(setting, "ada", CHOSEN)
    setting.checker._waiting = 0
    assert log_in(setting, "ada", CHOSEN) == ada
    assert log_in(setting, "ada", LETTERS.encode()) == ada


# --- SASL -----------------------------------------------------------------------------


def test_nothing_is_offered_without_tls(setting: Setting) -> None:
    offered = setting.authenticator.mechanisms

    assert offered(None) == offered(None, with_login=True) == ()
    assert offered(TLS) == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN")
    assert offered(TLS, with_login=True)[-1] == "LOGIN"


def test_what_is_offered_can_be_begun(setting: Setting) -> None:
    for name in setting.authenticator.mechanisms(TLS, with_login=True):
        setting.authenticator.begin(name.lower(), Use.SUBMISSION, PEER, TLS)
    for name in ("CRAM-MD5", "", "DIGEST-MD5", "LOGIN"):
        with pytest.raises(MechanismUnknown):
            setting.authenticator.begin(name, Use.IMAP, PEER, TLS)


def talk(
    authenticator: Authenticator,
    mechanism: str,
    *responses: bytes | Callable[[bytes], bytes] | None,
    use: Use = Use.IMAP,
    tls: TlsFacts = TLS,
) -> list[Challenge | Authenticated]:
    """Each response in turn; a function makes one from the last challenge."""
    exchange = authenticator.begin(mechanism, use, PEER, tls)
    said: list[Challenge | Authenticated] = []
    for response in responses:
        said.append(
            now(_step(exchange, response(_data(said[-1])) if callable(response) else response))
        )
    return said


def _data(said: Challenge | Authenticated) -> bytes:
    assert isinstance(said, Challenge)
    return said.data


async def _step(exchange: Exchange, response: bytes | None) -> Challenge | Authenticated:
    return await exchange.step(response)


PLAIN = b"\0ada@example.org\0" + CHOSEN


def test_plain(setting: Setting, ada: Account) -> None:
    done = Authenticated(ada, "PLAIN")

    assert talk(setting.authenticator, "plain", PLAIN) == [done]
    assert talk(setting.authenticator, "PLAIN", None, PLAIN) == [Challenge(b""), done]
    assert talk(setting.authenticator, "PLAIN", b"ADA@example.org" + PLAIN) == [done]
    assert talk(setting.authenticator, "PLAIN", b"\0ada\0" + CHOSEN) == [done]


def test_nobody_acts_for_another(setting: Setting, off: Account) -> None:
    for authzid in (b"appless@example.org", b"nobody@example.org", b"root", b"\x01"):
        with pytest.raises(AuthenticationFailed):
            talk(setting.authenticator, "PLAIN", authzid + PLAIN)


def test_broken_syntax_is_said_to_be_that(setting: Setting) -> None:
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"):
        with pytest.raises(AuthenticationMalformed):
            talk(setting.authenticator, mechanism, b"nonsense")
    with pytest.raises(AuthenticationMalformed):
        talk(setting.authenticator, "LOGIN", b"", use=Use.SUBMISSION)


def test_login(setting: Setting, ada: Account) -> None:
    said = talk(setting.authenticator, "LOGIN", None, b"ada", CHOSEN, use=Use.SUBMISSION)

    assert said == [
        Challenge(b"Username:"), Challenge(b"Password:"), Authenticated(ada, "LOGIN"),
    ]  # fmt: skip


@pytest.mark.parametrize("password", [CHOSEN, LETTERS.encode()])
@pytest.mark.parametrize(
    ("mechanism", "header", "binding", "tls"),
    [
        ("SCRAM-SHA-256", b"n,,", b"", TLS),
        ("SCRAM-SHA-256", b"n,a=ada,", b"", TLS),
        ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,", EXPORTER, TLS),
        ("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,", END_POINT, TLS),
        ("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,", END_POINT, TLS12),
    ],
)
def test_scram(
    setting: Setting,
    ada: Account,
    mechanism: str,
    header: bytes,
    binding: bytes,
    tls: TlsFacts,
    password: bytes,
) -> None:
    client = ScramClient(b"Ada@example.org", password, header, binding)

    said = talk(setting.authenticator, mechanism, None, client.first(), client.final, b"", tls=tls)

    assert said[-1] == Authenticated(ada, mechanism)
    assert said[-2] == Challenge(client.server_final)


def test_scram_ends_with_an_empty_answer(setting: Setting, ada: Account) -> None:
    client = ScramClient(b"ada", CHOSEN)
    with pytest.raises(AuthenticationMalformed):
        talk(setting.authenticator, "SCRAM-SHA-256", client.first(), client.final, b"thanks")


@pytest.mark.parametrize(
    ("mechanism", "header", "binding", "tls"),
    [
        ("SCRAM-SHA-256", b"y,,", b"", TLS),
        ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,", END_POINT, TLS),
        ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,", EXPORTER, TLS12),
        ("SCRAM-SHA-256-PLUS", b"p=tls-unique,,", b"x", TLS),
        ("SCRAM-SHA-256", b"n,a=nobody@example.org,", b"", TLS),
    ],
)
def test_scram_with_the_right_password_over_the_wrong_channel(
    setting: Setting, ada: Account, mechanism: str, header: bytes, binding: bytes, tls: TlsFacts
) -> None:
    """T-CB1."""
    client = ScramClient(b"ada@example.org", CHOSEN, header, binding)

    with pytest.raises(AuthenticationFailed):
        talk(setting.authenticator, mechanism, client.first(), client.final, b"", tls=tls)


@pytest.mark.parametrize(
    ("login", "password", "use"),
    [
        (b"ada@example.org", b"wrong", Use.IMAP),
        (b"ada@example.org", LETTERS.encode(), Use.SUBMISSION),
        (b"off@example.org", CHOSEN, Use.IMAP),
        (b"off@example.org", LETTERS.encode(), Use.IMAP),
        (b"nobody@example.org", b"wrong", Use.IMAP),
        (b"not an address", b"wrong", Use.IMAP),
    ],
)
def test_scram_failures_are_alike(
    setting: Setting, off: Account, login: bytes, password: bytes, use: Use
) -> None:
    """T-AU2: a salt that stays, the same count, the same number of keys tried."""
    client = ScramClient(login, password)
    saw: list[bytes] = []

    def final(server_first: bytes) -> bytes:
        saw.append(server_first.partition(b",")[2])
        return client.final(server_first)

    for _ in range(2):
        with pytest.raises(AuthenticationFailed):
            talk(setting.authenticator, "SCRAM-SHA-256", client.first(), final, use=use)
    assert saw[0] == saw[1]
    assert len(saw[0]) == len(b"s=,i=10000") + 24
    claim = now(setting.verifier.claim(login.decode(), use, PEER, None))
    assert len(setting.verifier.scram_secrets(claim).keys) == 8


def test_nonces_are_fresh(setting: Setting, ada: Account) -> None:
    """T-AU5: what proved an exchange proves no other."""
    client = ScramClient(b"ada", CHOSEN)
    finals: list[bytes] = []

    def final(server_first: bytes) -> bytes:
        finals.append(client.final(server_first))
        return finals[0]

    assert talk(setting.authenticator, "SCRAM-SHA-256", client.first(), final, b"")
    with pytest.raises(AuthenticationFailed):
        talk(setting.authenticator, "SCRAM-SHA-256", client.first(), final, b"")


def test_guessing_by_scram_is_throttled_too(setting: Setting, off: Account) -> None:
    start = setting.clock.seconds
    for _ in range(6):
        client = ScramClient(b"ada", b"guess")
        outcome(talk, setting.authenticator, "SCRAM-SHA-256", client.first(), client.final)

    assert setting.clock.seconds >= start + 3


def test_a_foreign_scram_client(setting: Setting, ada: Account) -> None:
    peer = scramp.ScramClient(
        ["SCRAM-SHA-256-PLUS"], "ada", CHOSEN.decode(), ("tls-server-end-point", END_POINT)
    )

    def final(server_first: bytes) -> bytes:
        peer.set_server_first(server_first.decode())
        return bytes(peer.get_client_final().encode())

    def end(server_final: bytes) -> bytes:
        peer.set_server_final(server_final.decode())
        return b""

    first = peer.get_client_first().encode()
    assert talk(setting.authenticator, "SCRAM-SHA-256-PLUS", first, final, end)[-1] == (
        Authenticated(ada, "SCRAM-SHA-256-PLUS")
    )


def test_failures_wait_in_a_loop_like_anyone(setting: Setting, ada: Account) -> None:
    """The same through a real loop, with the real sleep handed over."""

    async def attempts() -> list[str]:
        found = []
        for _ in range(4):
            try:
                await setting.authenticator.password("ada", Secret(b"no"), Use.IMAP, PEER)
            except AuthenticationFailed as problem:
                found.append(str(problem))
        return found

    assert len(set(asyncio.run(attempts()))) == 1
