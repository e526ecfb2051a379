"""DnsResolver with our own validation, against signed zones in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import dns.dnssec
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from dns.rdatatype import RdataType
from structlog.testing import capture_logs

from mailclad.base.resolver import DnsBogus, DnsProblem, Mx
from mailclad.engines.dns.cache import FAILURE_SECONDS
from mailclad.engines.dns.dnssec.chain import MAX_DS, MAX_STEPS
from mailclad.engines.dns.dnssec.proofs import MAX_DENIALS
from mailclad.engines.dns.dnssec.validator import UNABLE_SECONDS
from mailclad.engines.dns.resolver import DnsResolver
from mailclad.engines.dns.servers import Validation
from tests.dns.signing import NOW, SignedDns, SignedZone

SECURE = {
    "secure.test": {"MX": ["10 mx.secure.test."]},
    "mx.secure.test": {"A": ["192.0.2.1"]},
    "alias.secure.test": {"CNAME": ["mx.secure.test."]},
    "away.secure.test": {"CNAME": ["mx.plain.test."]},
    "*.wild.secure.test": {"A": ["192.0.2.2"]},
    "deep.down.secure.test": {"A": ["192.0.2.3"]},
}
PLAIN = {"plain.test": {"MX": ["10 mx.plain.test."]}, "mx.plain.test": {"A": ["192.0.2.4"]}}


def zones() -> list[SignedZone]:
    return [
        SignedZone("", {}),
        SignedZone("test", {}),
        SignedZone("secure.test", SECURE),
        SignedZone("plain.test", PLAIN, delegated="unsigned"),
    ]


class Time:
    def __init__(self, seconds: float = NOW) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


Talk = Callable[[DnsResolver, SignedDns], Coroutine[Any, Any, None]]


def converse(
    talk: Talk,
    *,
    signed: list[SignedZone] | None = None,
    time: Time | None = None,
    validate: Validation = "always",
    **switches: Any,
) -> None:
    """``time`` is both clocks at once."""
    signed, time = signed or zones(), time or Time()

    async def run() -> None:
        async with SignedDns(signed=signed, **switches) as dns:
            resolver = DnsResolver(
                [dns.address],
                validate=validate,
                anchors=signed[0].anchors,
                monotonic=time,
                clock=time,
            )
            await talk(resolver, dns)
            await resolver.close()

    asyncio.run(run())


def test_what_is_there() -> None:
    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        mx = await resolver.mx("secure.test")
        assert (mx.records, mx.secure, mx.ttl) == ((Mx(10, "mx.secure.test"),), True, 300)
        keys = [(".", "DNSKEY"), (".", "TLSA"), ("test", "DS"), ("test", "DNSKEY")]
        keys += [("secure.test", "DS"), ("secure.test", "DNSKEY")]
        assert dns.asked == [("secure.test", "MX"), *keys]
        alias = await resolver.addresses("alias.secure.test", 4)
        assert (alias.name, alias.records, alias.secure) == (
            "mx.secure.test",
            ("192.0.2.1",),
            True,
        )
        wild = await resolver.addresses("any.wild.secure.test", 4)
        assert (wild.records, wild.secure) == (("192.0.2.2",), True)
        assert len(dns.asked) == 9

    converse(talk)


def test_what_is_not_there() -> None:
    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        for name, exists in [("mx", True), ("down", True), ("nobody", False), ("x.mx", False)]:
            answer = await resolver.mx(f"{name}.secure.test")
            assert (answer.records, answer.exists, answer.secure) == ((), exists, True)
        assert (await resolver.mx("any.wild.secure.test")).secure
        assert (await resolver.mx("nobody")).secure

    converse(talk)


def test_an_unsigned_zone_is_proven_to_be_one() -> None:
    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        mx = await resolver.mx("plain.test")
        assert (mx.records, mx.secure) == ((Mx(10, "mx.plain.test"),), False)
        assert ("plain.test", "DS") in dns.asked
        assert not (await resolver.mx("nobody.plain.test")).secure
        away = await resolver.addresses("away.secure.test", 4)
        assert (away.records, away.secure) == (("192.0.2.4",), False)

    converse(talk)


def test_records_of_a_signed_zone_without_signatures_are_bogus() -> None:
    def strip(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            message.answer = [one for one in message.answer if one.rdtype == RdataType.MX]

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match=r"MX of secure.test: the MX record .* no signature"):
            await resolver.mx("secure.test")

    converse(talk, change=strip)


def test_an_answer_without_proof_is_bogus() -> None:
    def strip(message: dns.message.Message) -> None:
        if message.question[0].rdtype in {RdataType.MX, RdataType.A}:
            message.authority.clear()

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        for name in ("mx", "nobody", "any.wild"):
            with pytest.raises(DnsBogus, match=r"the zone secure\.test does not prove that"):
                await resolver.mx(f"{name}.secure.test")
        with pytest.raises(DnsBogus, match="may come from a wildcard"):
            await resolver.addresses("any.wild.secure.test", 4)

    converse(talk, change=strip)


def test_a_delegation_without_proof_is_bogus() -> None:
    """Whoever takes the DS away, and what says that there is none, gets no unsigned zone."""

    def strip(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.DS:
            message.answer.clear()
            message.authority.clear()

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match="the root does not prove that test is not signed"):
            await resolver.mx("plain.test")

    converse(talk, change=strip)


def test_what_a_parent_says_of_names_below_a_zone_is_no_proof() -> None:
    """RFC 6840 §4.1: its NSEC at the delegation covers them all."""
    signed = zones()

    def swap(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            nsec = signed[1].nsec(signed[2].origin)
            message.set_rcode(dns.rcode.NXDOMAIN)
            message.answer.clear()
            message.authority = [nsec, signed[1].sign(nsec)]

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        for name in ("secure.test", "mx.secure.test", "zz.secure.test"):
            with pytest.raises(DnsBogus, match="the zone test does not prove"):
                await resolver.mx(name)

    converse(talk, signed=signed, change=swap)


def test_signatures_of_another_zone_do_not_count() -> None:
    signed = zones()
    other = signed[3]
    other.signed = True

    def sign_wrongly(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            message.answer = [message.answer[0], other.sign(message.answer[0])]

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match=r"is signed by plain.test, but belongs to"):
            await resolver.mx("secure.test")

    converse(talk, signed=signed, change=sign_wrongly)


def test_what_came_from_a_wildcard_is_no_proof() -> None:
    """Its signature would be right for any name."""
    signed = zones()

    def rename(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            name = message.question[0].name
            nsec = signed[2].nsec(dns.name.from_text("*.wild.secure.test"))
            proof = [nsec, signed[2].sign(nsec)]
            message.authority = [dns.rrset.from_rdata(name, 60, one[0]) for one in proof]

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match=r"NSEC record of any.wild.secure.test is no proof"):
            await resolver.mx("any.wild.secure.test")

    converse(talk, signed=signed, change=rename)


def test_a_wildcard_delegates_nothing() -> None:
    signed = zones()
    signed[1].add(dns.name.from_text("*.test"), "DS", ["1 15 2 " + "00" * 32])
    signed[1].add(dns.name.from_text("*.test"), "MX", ["1 mx.secure.test."])

    def strip(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            strip_all(message)

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match=r"has a wildcard"):
            await resolver.mx("any.test")

    converse(talk, signed=signed, change=strip)


def test_a_proof_stands_right_below_its_zone() -> None:
    """RFC 5155 §3."""
    signed = zones()
    label = dns.dnssec.nsec3_hash("mx.secure.test", "", 0, "SHA1")

    def swap(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            owner = f"{label}.mx.secure.test."
            text = f"1 0 0 - {label} A"
            nsec3 = dns.rrset.from_text(owner, 60, "IN", "NSEC3", text)
            message.authority = [nsec3, signed[2].sign(nsec3)]

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match="does not prove"):
            await resolver.mx("mx.secure.test")

    converse(talk, signed=signed, change=swap)


@pytest.mark.parametrize("target", ["x.new.secure.test.", "mx.plain.test."])
def test_an_alias_follows_from_its_dname(target: str) -> None:
    """RFC 6672 §5.3.1: it has no signature, so it must be what the DNAME makes of the name."""
    signed = zones()
    signed[2].add(dns.name.from_text("x.new.secure.test"), "A", ["192.0.2.5"])

    def redirect(message: dns.message.Message) -> None:
        name = message.question[0].name
        if name == dns.name.from_text("x.old.secure.test"):
            dname = dns.rrset.from_text("old.secure.test.", 300, "IN", "DNAME", "new.secure.test.")
            cname = dns.rrset.from_text(name, 300, "IN", "CNAME", target)
            message.set_rcode(dns.rcode.NOERROR)
            message.answer = [dname, signed[2].sign(dname), cname]
            message.authority.clear()

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        if target == "x.new.secure.test.":
            answer = await resolver.addresses("x.old.secure.test", 4)
            assert (answer.records, answer.secure) == (("192.0.2.5",), True)
            alias = await resolver.cname("x.old.secure.test")
            assert (alias.records, alias.secure) == (("x.new.secure.test",), True)
        else:
            with pytest.raises(DnsBogus, match=r"CNAME record of x.old.* has no signature"):
                await resolver.addresses("x.old.secure.test", 4)

    converse(talk, signed=signed, change=redirect)


def test_time() -> None:
    """An answer is not kept beyond its signature, nor are keys; then nothing is right."""
    time = Time(NOW + 86400 - 100)

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        assert (await resolver.mx("secure.test")).ttl == 100
        time.seconds += 101
        with pytest.raises(DnsBogus, match=r"expired 2027-01-16 08:00 UTC"):
            await resolver.mx("secure.test")

    async def too_early(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match=r"MX of alias.* holds only from 2027-01-15 07:00 UTC"):
            await resolver.mx("alias.secure.test")

    converse(talk, time=time)
    converse(too_early, time=Time(NOW - 3601))


def test_failures_of_keys_are_remembered_for_a_while() -> None:
    time = Time()
    signed = zones()

    def spoil(message: dns.message.Message) -> None:
        question = message.question[0]
        if question.rdtype == RdataType.DNSKEY and question.name == signed[2].origin:
            message.answer.clear()

    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        for name in ("secure.test", "mx.secure.test"):
            with pytest.raises(DnsBogus, match=r"secure.test is signed, but gives no keys"):
                await resolver.mx(name)
        assert dns.asked.count(("secure.test", "DNSKEY")) == 1
        time.seconds += FAILURE_SECONDS
        dns.change = lambda _: None
        assert (await resolver.mx("secure.test")).secure

    converse(talk, signed=signed, time=time, change=spoil)


def test_equal_steps_are_asked_once() -> None:
    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        dns.hold = asyncio.Event()
        names = ("secure.test", "mx.secure.test", "nobody.secure.test")
        tasks = [asyncio.create_task(resolver.mx(name)) for name in names]
        while len(dns.asked) < len(names):
            await asyncio.sleep(0)
        dns.hold.set()
        assert all([(await task).secure for task in tasks])
        assert len(dns.asked) == len(set(dns.asked)) == 3 + 6

    converse(talk)


def strip_signatures(message: dns.message.Message) -> None:
    message.answer = [one for one in message.answer if one.rdtype != RdataType.RRSIG]


def strip_proofs(message: dns.message.Message) -> None:
    message.authority.clear()


def strip_all(message: dns.message.Message) -> None:
    strip_signatures(message)
    strip_proofs(message)


@pytest.mark.parametrize("strip", [strip_signatures, strip_proofs, strip_all])
@pytest.mark.parametrize("validate", ["auto", "always"])
def test_a_server_that_leaves_something_out(
    validate: Validation,
    strip: Callable[[dns.message.Message], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailclad.engines.dns.servers._is_loopback", lambda _: False)
    time = Time()

    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        if validate == "always":
            with pytest.raises(DnsProblem, match=r"leaves out DNSSEC's .*, and"):
                await resolver.mx("secure.test")
            return
        with capture_logs() as logs:
            asked = [resolver.mx(name) for name in ("secure.test", "plain.test", "secure.test")]
            assert not any(answer.secure for answer in await asyncio.gather(*asked))
            assert not (await resolver.mx("secure.test")).secure
        assert [log["log_level"] for log in logs] == ["warning"]
        dns.change = lambda _: None
        time.seconds += UNABLE_SECONDS
        assert (await resolver.mx("secure.test")).secure

    converse(talk, validate=validate, time=time, change=strip)


def test_a_server_that_gave_signatures_is_not_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailclad.engines.dns.servers._is_loopback", lambda _: False)
    time = Time()

    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        assert (await resolver.mx("secure.test")).secure
        dns.change = strip_all
        time.seconds += 3600
        with pytest.raises(DnsBogus, match="DNSKEY record of the root has no signature"):
            await resolver.mx("secure.test")

    converse(talk, validate="auto", time=time)


def test_a_root_with_other_keys_is_bogus() -> None:
    signed = zones()

    async def run() -> None:
        async with SignedDns(signed=signed) as dns:
            resolver = DnsResolver([dns.address], validate="always", clock=Time())
            with pytest.raises(DnsBogus, match="is there a newer version"):
                await resolver.mx("secure.test")
            await resolver.close()

    asyncio.run(run())


def test_signed_answers_come_over_tcp_too() -> None:
    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        assert (await resolver.mx("secure.test")).secure
        assert dns.tcp_asked == 7

    converse(talk, truncate=True)


def test_an_unknown_algorithm_or_digest_means_unsigned() -> None:
    """RFC 4035 §5.2; RSASHA1 is among the unknown (RFC 9905 §2)."""
    for key_tag, algorithm, digest in [(1, 99, 2), (1, 5, 2), (1, 7, 2), (1, 13, 99)]:
        signed = zones()
        text = f"{key_tag} {algorithm} {digest} {'00' * 32}"

        async def talk(resolver: DnsResolver, dns: SignedDns, text: str = text) -> None:
            secure = dns.signed[2].origin
            dns.signed[1].add(secure, "DS", [text])
            assert not (await resolver.mx("secure.test")).secure
            assert ("secure.test", "DNSKEY") not in dns.asked

        converse(talk, signed=signed)


def test_a_ds_of_sha1_counts_only_alone() -> None:
    """RFC 4509 §3."""

    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        zone = dns.signed[2]
        dns.signed[1].add(zone.origin, "DS", [zone.ds("SHA1")])
        assert (await resolver.mx("secure.test")).secure

    async def beside(resolver: DnsResolver, dns: SignedDns) -> None:
        zone = dns.signed[2]
        dns.signed[1].add(zone.origin, "DS", [zone.ds("SHA1"), zone.ds("SHA256")[:-2] + "00"])
        with pytest.raises(DnsBogus, match=r"no key of secure.test fits"):
            await resolver.mx("secure.test")

    converse(talk)
    converse(beside)


def test_no_more_labels_than_some() -> None:
    """All below the signed zone, without signatures: each might begin an unsigned zone."""
    name = "a." * (MAX_STEPS + 1) + "secure.test"
    signed = zones()
    signed[2].add(dns.name.from_text(name), "MX", ["1 mx.secure.test."])

    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        with pytest.raises(DnsProblem, match=f"more than {MAX_STEPS} labels"):
            await resolver.mx(name)
        assert len(dns.asked) <= MAX_STEPS + 8

    def strip(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            strip_all(message)

    converse(talk, signed=signed, change=strip)


def test_no_more_ds_records_than_some() -> None:
    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        zone = dns.signed[2]
        others = [f"{n} 15 2 {'00' * 32}" for n in range(MAX_DS)]
        dns.signed[1].add(zone.origin, "DS", [zone.ds("SHA256"), *others])
        with pytest.raises(DnsBogus, match=f"more than {MAX_DS}"):
            await resolver.mx("secure.test")

    converse(talk)


def test_no_more_proofs_than_some() -> None:
    def add(message: dns.message.Message) -> None:
        if message.question[0].rdtype == RdataType.MX:
            for n in range(MAX_DENIALS + 1):
                owner = f"n{n}.secure.test."
                message.authority.append(dns.rrset.from_text(owner, 60, "IN", "NSEC", ". A"))

    async def talk(resolver: DnsResolver, _: SignedDns) -> None:
        with pytest.raises(DnsBogus, match=f"more than {MAX_DENIALS} NSEC"):
            await resolver.mx("nobody.secure.test")

    converse(talk, change=add)


def test_a_server_on_loopback_that_does_not_validate_is_not_believed() -> None:
    """As systemd-resolved and dnsmasq come: we do it, and log it once."""

    async def talk(resolver: DnsResolver, dns: SignedDns) -> None:
        with capture_logs() as logs:
            assert (await resolver.mx("secure.test")).secure
            assert not (await resolver.mx("plain.test")).secure
        assert [entry["log_level"] for entry in logs] == ["warning"]

    converse(talk, validate="auto", validates=False)
