"""How much TLS a server must show, and what happens where it does not (RFC 7672, 8461, 8689)."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mailclad.base.resolver import Answer, DnsBogus, Mx, Tlsa
from mailclad.base.secret import Secret
from mailclad.engines.sqlite.verify import verify
from mailclad.mail.dane import public_key_info
from mailclad.mail.mta_sts import StsMode, StsPolicy
from mailclad.mail.tls_rpt import PolicyType, ResultType
from mailclad.mail.tls_verdict import TlsLevel
from mailclad.protocols.smtp.client.login import Login
from mailclad.services.certificates.private_ca import PrivateCa
from mailclad.services.deliver.route import Relay, Route, Routes
from mailclad.services.deliver.sts import StsFound
from mailclad.store.queue import RecipientState, Return
from mailclad.store.tls_use import DELIVERY
from tests.services.deliver.world import DAY, LETTER, FakeMx, World

WAITING = RecipientState.WAITING
BOB = "bob@peer.test"
PEER = ("peer.test", "MX")
MX = Mx(10, "mx.peer.test")
OPTIONAL = b"Subject: x\r\ntls-Required:  No \r\n\r\nhello\r\n"

Scenario = Callable[[World], Awaitable[None]]


@pytest.fixture
def run(tmp_path: Path, ca: PrivateCa) -> Callable[..., None]:
    def run(scenario: Scenario, routes: Routes = Routes()) -> None:
        async def main() -> None:
            async with asyncio.timeout(30), World(tmp_path, ca, routes) as made:
                await scenario(made)

        asyncio.run(main())
        assert verify(tmp_path) == []

    return run


Run = Callable[..., None]


def tlsa_of(mx: FakeMx) -> Tlsa:
    der = x509.load_pem_x509_certificates(mx.chain_pem)[0].public_bytes(Encoding.DER)
    key = public_key_info(der)
    assert key is not None
    return Tlsa(3, 1, 1, hashlib.sha256(key).digest())


WRONG = Tlsa(3, 1, 1, b"x" * 32)
UNUSABLE = Tlsa(1, 1, 1, b"x" * 32)


def sts(mode: StsMode, *mx: str) -> StsFound:
    return StsFound(StsPolicy("peer.test", "1", mode, mx, 86400, ("version: STSv1",)))


async def only(w: World, message: object) -> str:
    """The one recipient waits; its answer."""
    ((state, answer),) = await w.settled(message)  # type: ignore[arg-type]
    assert state is WAITING
    return answer


# --- DANE ---


@pytest.mark.rfc("7672", "2.2")
def test_dane(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX, tlsa_of(mx))
        w.start()
        message = await w.queue(BOB)
        assert await w.settled(message) == []
        assert mx.in_tls == [True]
        (attempt,) = await w.attempts(message)
        assert attempt.verified == "the certificate matches TLSA 3 1 1 (DANE)"
        ((policy, failure),) = w.notes.sessions
        assert (policy.policy_type, policy.policy_domain) == (PolicyType.TLSA, "mx.peer.test")
        assert failure is None
        assert w.watch.sessions == [(DELIVERY, "TLSv1.3", "peer.test")]

    run(scenario)


def test_dane_mismatch_is_deferred_whatever_mta_sts_says(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX, WRONG)
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "mx.peer.test")
        w.start()
        assert "4.7.5" in await only(w, await w.queue(BOB))
        assert mx.messages == []
        ((policy, failure),) = w.notes.sessions
        assert policy.policy_type is PolicyType.TLSA
        assert failure is not None
        assert failure.result_type is ResultType.TLSA_INVALID

    run(scenario)


def test_dane_and_no_starttls(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", tls=False)
        for number, record in enumerate((WRONG, UNUSABLE), 1):
            w.signed("peer.test", MX, record)
            if number == 1:
                w.start()
            assert "4.7.10" in await only(w, await w.queue(BOB))
        assert mx.messages == []

    run(scenario)


def test_unusable_records_demand_tls_alone(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX, UNUSABLE)
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        assert w.targets[0][1].level is TlsLevel.ENCRYPT
        assert mx.in_tls == [True]

    run(scenario)


def test_bogus_records_make_a_host_unreachable(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX)
        w.dns["_25._tcp.mx.peer.test", "TLSA"] = DnsBogus("the signatures do not prove it")
        other = await w.server("mx2.peer.test")
        w.start()
        assert "signatures" in await only(w, await w.queue(BOB))
        assert mx.connections == 0
        assert w.notes.sessions[0][1].result_type is ResultType.DNSSEC_INVALID  # type: ignore[union-attr]
        w.secure("peer.test", "MX", MX, Mx(20, "mx2.peer.test"))
        assert await w.settled(await w.queue(BOB)) == []
        assert other.messages == [LETTER]

    run(scenario)


@pytest.mark.parametrize(
    ("name", "kind", "record"),
    [
        ("peer.test", "MX", MX),
        ("mx.peer.test", "A", "192.0.2.7"),
        ("_25._tcp.mx.peer.test", "TLSA", WRONG),
    ],
)
def test_what_dnssec_does_not_vouch_for_is_not_dane(
    run: Run, name: str, kind: str, record: object
) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        w.signed("peer.test", MX, WRONG)
        w.dns[name, kind] = [record]  # as it was, but not signed
        w.start()
        assert await w.settled(await w.queue(BOB)) == []

    run(scenario)


@pytest.mark.rfc("7672", "2.2.3")
@pytest.mark.parametrize("base", ["real.test", "mx.peer.test"])
def test_dane_behind_an_alias(run: Run, base: str) -> None:
    """The name behind it first, then the alias itself; the base's name goes out as SNI."""

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX)
        for kind, records in (("A", ("192.0.2.77",)), ("AAAA", ())):
            w.dns["mx.peer.test", kind] = Answer("real.test", records, secure=True)
        w.secure(f"_25._tcp.{base}", "TLSA", tlsa_of(mx))
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        ((_, demand),) = w.targets
        assert demand.level is TlsLevel.VERIFY
        assert demand.names[0] == base
        assert set(demand.names) == {base, "mx.peer.test", "peer.test"}

    run(scenario)


# --- MTA-STS ---


@pytest.mark.rfc("8461", "5")
def test_sts_enforced(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.dns[PEER] = [Mx(5, "evil.test"), MX]
        evil = await w.server("evil.test")
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "*.peer.test")
        w.start()
        message = await w.queue(BOB)
        assert await w.settled(message) == []
        assert evil.connections == 0
        assert mx.in_tls == [True]
        refused, taken = await w.attempts(message)
        assert (refused.host, refused.address) == ("evil.test", "")
        assert "not among the servers" in refused.answer
        assert taken.verified.endswith("(MTA-STS (enforce))")
        kinds = [(p.policy_type, f and f.result_type) for p, f in w.notes.sessions]
        assert kinds == [
            (PolicyType.STS, ResultType.VALIDATION_FAILURE),
            (PolicyType.STS, None),
        ]

    run(scenario)


@pytest.mark.parametrize("tls", [False, True])
def test_sts_that_fails(run: Run, tls: bool) -> None:
    """STARTTLS stripped (T-NS3), or a certificate for another name: enforced, then tested."""

    async def scenario(w: World) -> None:
        mx = await w.server("other.test" if tls else "mx.peer.test", tls=tls)
        w.servers["mx.peer.test"] = mx
        w.dns["mx.peer.test", "A"] = ["192.0.2.3"]
        w.dns[PEER] = [MX]
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "mx.peer.test")
        w.start()
        await only(w, await w.queue(BOB))
        assert mx.in_tls == []
        w.sts.policies["peer.test"] = sts(StsMode.TESTING, "mx.peer.test")
        assert await w.settled(await w.queue(BOB)) == []
        assert mx.in_tls == [tls]
        found = {f.result_type for _, f in w.notes.sessions if f is not None}
        expected = (
            ResultType.CERTIFICATE_HOST_MISMATCH if tls else ResultType.STARTTLS_NOT_SUPPORTED
        )
        assert found == {expected}
        assert len(w.notes.sessions) == 2

    run(scenario)


def test_a_policy_that_could_not_be_had_is_reported(run: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        w.dns[PEER] = [MX]
        w.sts.policies["peer.test"] = StsFound(None, ResultType.STS_POLICY_FETCH_ERROR)
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        ((policy, failure),) = w.notes.sessions
        assert policy.policy_type is PolicyType.NO_POLICY_FOUND
        assert failure is not None
        assert failure.result_type is ResultType.STS_POLICY_FETCH_ERROR

    run(scenario)


# --- the message's own wish ---


@pytest.mark.rfc("8689", "4.2.1")
def test_requiretls(run: Run) -> None:
    async def scenario(w: World) -> None:
        without = await w.server("mx1.peer.test")
        with_it = await w.server("mx2.peer.test", offers=("REQUIRETLS",))
        w.dns[PEER] = [Mx(1, "mx1.peer.test"), Mx(2, "mx2.peer.test")]
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "*.peer.test")
        w.start()
        message = await w.queue(BOB, requiretls=True)
        assert await w.settled(message) == []
        assert without.messages == []
        assert with_it.messages == [LETTER]
        assert any("REQUIRETLS" in line for line in with_it.lines)
        assert await w.settled(await w.queue(BOB)) == []
        assert without.messages == [LETTER]

    run(scenario)


@pytest.mark.rfc("8689", "5")
@pytest.mark.parametrize(
    ("proven", "tls", "status"),
    [(True, True, b"5.7.30"), (True, False, b"5.7.10"), (False, True, b"5.7.10")],
)
def test_requiretls_refused(run: Run, proven: bool, tls: bool, status: bytes) -> None:
    """Nobody can do it: the sender is told at once, with the header alone."""

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", tls=tls)
        w.dns[PEER] = [MX]
        if proven:
            w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "mx.peer.test")
        w.start()
        message = await w.queue(BOB, requiretls=True, ret=Return.FULL)
        assert await w.settled(message) == []
        assert mx.messages == []
        (notice,) = await w.inbox()
        assert b"Status: " + status in notice
        assert b"\r\nhello\r\n" not in notice

    run(scenario)


@pytest.mark.rfc("8461", "5.1")
def test_the_last_attempt_looks_for_a_new_policy(run: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test", tls=False)
        w.dns[PEER] = [MX]
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "mx.peer.test")
        w.start()
        message = await w.queue(BOB)
        await only(w, message)
        assert w.sts.last == [False]
        assert await w.again(message, 5 * DAY) == []
        assert w.sts.last == [False, True]
        await w.settled(await w.queue(BOB, requiretls=True))
        assert w.sts.last == [False, True, True]

    run(scenario)


def test_requiretls_waits_for_a_server_that_may_be_able(run: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx1.peer.test")
        w.dns["mx2.peer.test", "A"] = ["192.0.2.99"]  # does not answer now
        w.dns[PEER] = [Mx(1, "mx1.peer.test"), Mx(2, "mx2.peer.test")]
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "*.peer.test")
        w.start()
        assert "4.4.1" in await only(w, await w.queue(BOB, requiretls=True))

    run(scenario)


@pytest.mark.parametrize("offers", [(), ("REQUIRETLS",)])
def test_a_notice_with_requiretls_goes_even_without(run: Run, offers: tuple[str, ...]) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        far = await w.server("mx.far.test", offers=offers)
        w.dns[PEER] = [MX]
        w.dns["far.test", "MX"] = [Mx(1, "mx.far.test")]
        w.start()
        await w.queue(BOB, requiretls=True, sender="zoe@far.test")
        await w.until(lambda: bool(far.messages))
        (mail,) = [line for line in far.lines if line.startswith("MAIL")]
        assert ("REQUIRETLS" in mail) is bool(offers)

    run(scenario)


@pytest.mark.rfc("8689", "4.2.2")
@pytest.mark.parametrize("dane", [True, False])
def test_tls_required_no_is_stopped_by_no_policy(run: Run, dane: bool) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", tls=False)
        if dane:
            w.signed("peer.test", MX, WRONG)
        else:
            w.dns[PEER] = [MX]
            w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "else.test")
        w.start()
        await only(w, await w.queue(BOB))
        assert await w.settled(await w.queue(BOB, octets=OPTIONAL)) == []
        assert mx.messages == [OPTIONAL]
        # In the body it means nothing, and REQUIRETLS overrides it.
        body = b"Subject: x\r\n\r\nTLS-Required: No\r\n"
        await only(w, await w.queue(BOB, octets=body))
        assert await w.settled(await w.queue(BOB, octets=OPTIONAL, requiretls=True)) == [] or dane
        assert mx.messages == [OPTIONAL]

    run(scenario)


def test_what_goes_past_a_policy_is_reported_under_it(run: Run) -> None:
    """A domain that has a policy must not read that it has none."""

    async def scenario(w: World) -> None:
        await w.server("mx.peer.test")
        w.dns[PEER] = [MX]
        elsewhere = ("mx.other.test",)
        policy = StsPolicy("peer.test", "1", StsMode.ENFORCE, elsewhere, 86400, ())
        w.sts.policies["peer.test"] = StsFound(policy)
        w.start()
        assert await w.settled(await w.queue(BOB, octets=OPTIONAL)) == []
        ((summary, failure),) = w.notes.sessions
        assert summary.policy_type is PolicyType.STS
        assert failure is not None
        assert failure.result_type is ResultType.VALIDATION_FAILURE
        assert failure.sending_mta_ip == "127.0.0.1"

    run(scenario)


@pytest.mark.rfc("8460", "3")
def test_reports_do_not_report_themselves(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", tls=False)
        w.dns[PEER] = [MX]
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "else.test")
        report = b"TLS-Report-Domain: peer.test\r\n" + OPTIONAL
        w.start()
        assert await w.settled(await w.queue(BOB, octets=report)) == []
        assert mx.messages == [report]
        assert w.notes.sessions == []
        named_below = OPTIONAL + b"TLS-Report-Domain: peer.test\r\n"
        assert await w.settled(await w.queue(BOB, octets=named_below)) == []
        assert len(w.notes.sessions) == 1

    run(scenario)


def test_a_private_address_of_ours_is_not_reported(run: Run) -> None:
    async def scenario(w: World) -> None:
        await w.server("mx.peer.test", tls=False)
        w.dns[PEER] = [MX]
        w.permits = lambda address: address != "127.0.0.1"
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        ((_, failure),) = w.notes.sessions
        assert failure is not None
        assert failure.sending_mta_ip == ""

    run(scenario)


def test_what_a_policy_stops_does_not_hold_up_what_it_does_not(run: Run) -> None:
    """Nobody shares a fate that comes of how much TLS another message needs."""

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", tls=False)
        w.signed("peer.test", MX, WRONG)
        w.connections = 1
        stopped = [await w.queue(BOB) for _ in range(6)]
        free = await w.queue(BOB, octets=OPTIONAL)
        w.start()
        for message in stopped:
            assert "4.7.10" in await only(w, message)
        assert await w.settled(free) == []
        assert mx.messages == [OPTIONAL]
        due = await w.store.next_due()
        assert due is not None
        assert due > w.clock.at

    run(scenario)


# --- the administrator ---


def relay(level: TlsLevel, login: Login | None = None) -> Routes:
    return Routes({"*": Route(Relay("smart.test", login=login), level)})


def test_a_smart_host_takes_everything_and_gets_a_password(run: Run) -> None:
    async def scenario(w: World) -> None:
        answers = {"AUTH": b"235 2.7.0 welcome\r\n"}
        smart = await w.server("smart.test", offers=("AUTH PLAIN",), answers=answers)
        w.start()
        for to in (BOB, "x@[192.0.2.1]"):
            assert await w.settled(await w.queue(to)) == []
        assert len(smart.messages) == 2
        assert len([line for line in smart.lines if line.startswith("AUTH PLAIN ")]) == 1
        assert smart.connections == 1  # for whatever domain

    run(scenario, relay(TlsLevel.VERIFY, Login("me", Secret(b"secret"))))


def test_a_smart_host_that_is_not_the_one_gets_nothing(run: Run) -> None:
    async def scenario(w: World) -> None:
        other = await w.server("other.test", offers=("AUTH PLAIN",))
        w.servers["smart.test"] = other
        w.dns["smart.test", "A"] = ["192.0.2.1"]
        w.start()
        message = await w.queue(BOB, octets=OPTIONAL)  # whatever the message wishes
        assert "not authenticated" in await only(w, message)
        assert not any(line.startswith(("AUTH", "MAIL")) for line in other.lines)

    run(scenario, relay(TlsLevel.VERIFY, Login("me", Secret(b"secret"))))


def test_the_administrators_word_comes_before_dane(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX, WRONG)
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        assert mx.in_tls == [False]

    run(scenario, Routes({"*.test": Route(level=TlsLevel.NONE)}))


@pytest.mark.parametrize("tls", [False, True])
def test_encryption_demanded_for_a_domain(run: Run, tls: bool) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("other.test", tls=tls)
        w.servers["mx.peer.test"] = mx
        w.dns["mx.peer.test", "A"] = ["192.0.2.3"]
        w.dns[PEER] = [MX]
        w.start()
        message = await w.queue(BOB)
        assert len(await w.settled(message)) == (0 if tls else 1)
        assert mx.in_tls == ([True] if tls else [])

    run(scenario, Routes({"peer.test": Route(level=TlsLevel.ENCRYPT)}))


# --- ways around a policy ---


def test_an_mx_that_is_an_address_does_not_get_around_mta_sts(run: Run) -> None:
    """MX records are what an attacker can forge: the policy is there for that."""

    async def scenario(w: World) -> None:
        evil = await w.server("192.0.2.66", tls=False)
        w.dns[PEER] = [Mx(10, "192.0.2.66")]
        w.sts.policies["peer.test"] = sts(StsMode.ENFORCE, "mx.peer.test")
        w.start()
        assert "not among the servers" in await only(w, await w.queue(BOB))
        assert evil.messages == []

    run(scenario)


@pytest.mark.rfc("7672", "2.2.2")
@pytest.mark.parametrize("signed", [True, False])
def test_dane_of_a_signed_alias_for_an_unsigned_host(run: Run, signed: bool) -> None:
    """Its own TLSA records count, though nothing vouches for its addresses."""

    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX, WRONG)
        for kind in ("A", "AAAA"):
            records = ("192.0.2.77",) if kind == "A" else ()
            w.dns["mx.peer.test", kind] = Answer("host.far.test", records)
        w.dns["mx.peer.test", "CNAME"] = Answer("mx.peer.test", ("host.far.test",), signed)
        w.start()
        message = await w.queue(BOB)
        if signed:
            assert "4.7.5" in await only(w, message)
            assert mx.messages == []
        else:
            assert await w.settled(message) == []

    run(scenario)


def test_a_policy_that_cannot_be_fetched_is_no_failure_of_dane(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test")
        w.signed("peer.test", MX, tlsa_of(mx))
        w.sts.policies["peer.test"] = StsFound(None, ResultType.STS_POLICY_FETCH_ERROR)
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        ((policy, failure),) = w.notes.sessions
        assert policy.policy_type is PolicyType.TLSA
        assert failure is None

    run(scenario)


def test_a_policy_of_mode_none_proves_no_server(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("mx.peer.test", offers=("REQUIRETLS",))
        w.dns[PEER] = [MX]
        w.sts.policies["peer.test"] = sts(StsMode.NONE, "mx.peer.test")
        w.start()
        assert await w.settled(await w.queue(BOB, requiretls=True)) == []
        assert mx.messages == []
        assert b"Status: 5.7.10\r\n" in (await w.inbox())[0]

    run(scenario)


def test_nobody_is_reported_to_about_a_relay_of_ours(run: Run) -> None:
    routes = Routes({"*": Route(Relay("relay.here.test"), TlsLevel.VERIFY)})

    async def scenario(w: World) -> None:
        relay = await w.server("relay.here.test")
        w.start()
        assert await w.settled(await w.queue(BOB)) == []
        assert relay.in_tls == [True]
        assert w.notes.sessions == []

    run(scenario, routes)


@pytest.mark.rfc("8689", "4.2.1")
def test_requiretls_takes_no_certificate_of_the_domain_for_its_server(run: Run) -> None:
    async def scenario(w: World) -> None:
        mx = await w.server("peer.test", offers=("REQUIRETLS",))
        w.servers["mx.peer.test"] = mx
        w.secure("peer.test", "MX", MX)
        w.secure("mx.peer.test", "A", "192.0.2.77")
        w.start()
        assert await w.settled(await w.queue(BOB, requiretls=True)) == []
        assert mx.messages == []
        assert b"Status: 5.7.10\r\n" in (await w.inbox())[0]

    run(scenario)
