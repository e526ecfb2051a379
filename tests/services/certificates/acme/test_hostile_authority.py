"""What an authority must not do, and what it gets for it."""

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from structlog.testing import capture_logs

from mailclad.base.secret import Secret
from mailclad.services.certificates.acme.account import ExternalAccount
from mailclad.services.certificates.acme.conversation import (
    ANSWER_OCTETS,
)
from mailclad.services.certificates.acme.order import AuthorityFailed, OrderFailed
from tests.acme.authority import Answered
from tests.acme.world import IMAP, NAMES, Play, World
from tests.certificates import make
from tests.services.certificates.pki import of_unknown_curve

END = b"-----END CERTIFICATE-----\n"


def odd_issuer(chain: bytes) -> bytes:
    return of_unknown_curve(chain[chain.index(END) + len(END) :])


OTHER_KEY = generate_private_key(SECP256R1())


def other_key(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder._public_key = OTHER_KEY.public_key()
    return builder


def without_names(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder._extensions = [
        one
        for one in builder._extensions
        if not isinstance(one.value, x509.SubjectAlternativeName)
    ]
    return builder


def another_name(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    names = x509.SubjectAlternativeName([x509.DNSName(name) for name in (*NAMES, "evil.test")])
    return without_names(builder).add_extension(names, critical=False)


def ended(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder._not_valid_before = datetime(2020, 1, 1, tzinfo=UTC)
    builder._not_valid_after = datetime(2020, 2, 1, tzinfo=UTC)
    return builder


def for_clients(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    builder._extensions = [
        one for one in builder._extensions if not isinstance(one.value, x509.ExtendedKeyUsage)
    ]
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return builder.add_extension(purposes, critical=False)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        (other_key, "for another key"),
        (without_names, "names are others"),
        (another_name, r"names are others than those ordered \(evil\.test\)"),
        (ended, "check the clock"),
        (for_clients, "not meant for servers"),
    ],
)
def test_a_certificate_that_was_not_ordered_is_not_used(
    play: Play, shape: Any, words: str
) -> None:
    async def work(world: World) -> None:
        world.authority.shape = shape
        with pytest.raises(AuthorityFailed, match=words):
            await world.obtain()

    play(work)


def test_a_certificate_whose_time_comes_today_is_kept(play: Play) -> None:
    """The clock is late: thrown away it would be ordered again, and five are given in a week."""

    async def work(world: World) -> None:
        world.clock.at -= 14 * 3600
        assert (await world.obtain()).names == NAMES
        world.clock.at -= 24 * 3600
        with pytest.raises(AuthorityFailed, match="check the clock"):
            await world.obtain()

    play(work)


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        (lambda chain: b"hello", "no chain"),
        (of_unknown_curve, "for another key"),
        (lambda chain: chain[: chain.index(END) + len(END)] + odd_issuer(chain), "not in order"),
        (lambda chain: chain + make("stray").pem, "not in order"),
        (lambda chain: chain * 6, "more than 10"),
        (lambda chain: b"", "no chain"),
    ],
)
def test_a_chain_that_is_none(play: Play, chain: Any, words: str) -> None:
    async def work(world: World) -> None:
        world.authority.rechain = chain
        with pytest.raises(AuthorityFailed, match=words):
            await world.obtain()

    play(work)


DEEP = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
REDIRECT = [("Location", "https://ca.test/dir")]


@pytest.mark.parametrize("path", ["/dir", "/account", "/order", "/authz", "/finalize"])
@pytest.mark.parametrize(
    "answered",
    [
        Answered(200, b""),
        Answered(200, b"[]"),
        Answered(200, b"\xff\xfe{}"),
        Answered(200, DEEP),
        Answered(200, b'{"status": 5, "newNonce": [], "meta": null}'),
        Answered(301, b"", REDIRECT),
        Answered(404, b"<html>"),
        Answered(400, DEEP),
        Answered(400, {"type": 7}),
        Answered(403, {"type": "urn:other:error", "detail": "\x1b[31mred\x1b[0m\u202e"}),
    ],
)
def test_answers_that_are_none(play: Play, path: str, answered: Answered) -> None:
    async def work(world: World) -> None:
        world.authority.instead[path] = answered
        with pytest.raises(AuthorityFailed) as caught:
            await world.obtain()
        assert str(caught.value).isprintable()
        assert len(str(caught.value)) < 1000

    play(work)


RED = "\x1b[31m\u202e"


@pytest.mark.parametrize(
    "alter",
    [
        {"status": RED},
        {"finalize": f"https://{RED}/"},
        {"status": "valid", "certificate": f"https://ca.test/{RED}"},
        {"authorizations": [f"{RED}https://ca.test/"]},
        {"identifiers": [{"type": "ip", "value": RED}]},
    ],
)
def test_no_answer_disturbs_a_terminal(play: Play, alter: dict[str, Any]) -> None:
    async def work(world: World) -> None:
        world.authority.alter = lambda order: order | alter
        with pytest.raises(AuthorityFailed) as caught:
            await world.obtain()
        assert str(caught.value).isprintable()

    play(work)


def test_no_list_of_an_authority_disturbs_a_terminal(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.profiles = {RED: ""}
        with pytest.raises(AuthorityFailed) as profile:
            await world.obtain(profile="tls")
        world.authority.offers = [RED]
        with pytest.raises(OrderFailed) as proof:
            await world.obtain()
        closed = Answered(200, {"status": RED}, [("Location", "https://ca.test/1")])
        world.authority.instead["/account"] = closed
        world.accounts.kept.clear()
        with pytest.raises(AuthorityFailed) as account:
            await world.obtain()
        for caught in (profile, proof, account):
            assert str(caught.value).isprintable()

    play(work)


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/dir", "/authz"])
def test_an_answer_that_is_too_long(play: Play, path: str) -> None:
    async def work(world: World) -> None:
        long = b'{"status": "' + b"x" * ANSWER_OCTETS + b'"}'
        world.authority.instead[path] = Answered(200, long)
        with pytest.raises(AuthorityFailed, match="longer than"):
            await world.obtain()

    play(work)


def test_an_authority_without_nonces(play: Play) -> None:
    async def work(world: World) -> None:
        for nonce in ("", "not base64url!", "x" * 2000):
            world.authority.instead["/nonce"] = Answered(200, b"", [("Replay-Nonce", nonce)])
            with pytest.raises(AuthorityFailed, match="no nonce"):
                await world.obtain()

    play(work)


@pytest.mark.parametrize("token", ["../../etc/passwd", "a b", "", "\u00fc", "x" * 600])
def test_a_token_that_is_none(play: Play, token: str) -> None:
    async def work(world: World) -> None:
        challenge = {"type": "http-01", "url": f"{world.authority.base}/chall/0", "token": token}
        body = {
            "identifier": {"type": "dns", "value": "mail.example.test"},
            "status": "pending",
            "challenges": [challenge],
        }
        world.authority.instead["/authz"] = Answered(200, body)
        with pytest.raises(OrderFailed):
            await world.obtain("mail.example.test")
        assert world.authority.solvers[0].presented == []

    play(work)


def test_only_what_was_ordered_is_proved(play: Play) -> None:
    async def work(world: World) -> None:
        body = {
            "identifier": {"type": "dns", "value": "victim.test"},
            "status": "pending",
            "challenges": [
                {"type": "http-01", "url": f"{world.authority.base}/chall/0", "token": "abc"}
            ],
        }
        world.authority.instead["/authz"] = Answered(200, body)
        with pytest.raises(AuthorityFailed, match="that was not ordered"):
            await world.obtain()
        assert world.authority.solvers[0].presented == []

    play(work)


def test_another_order_than_was_asked_for(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.alter = lambda order: order | {"identifiers": [IMAP]}
        with pytest.raises(AuthorityFailed, match="another order"):
            await world.obtain()

    play(work)


def test_nothing_secret_is_said(play: Play) -> None:
    async def work(world: World) -> None:
        world.authority.customers["kid-7"] = b"secret octets"
        given = ExternalAccount("kid-7", Secret(b"c2VjcmV0IG9jdGV0cw"))
        with capture_logs() as logs:
            await world.obtain(external_account=given)
        said = f"{logs} {given} {world.accounts.kept}"
        assert "c2VjcmV0" not in said
        assert "PRIVATE" not in said

    play(work)
