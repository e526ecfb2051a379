"""DnsResolver against a small server that behaves well, badly, or not at all."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import dns.message
import dns.rrset
import pytest
import uvloop

from mailclad.base.resolver import Answer, DnsBogus, DnsProblem, Mx, Tlsa
from mailclad.engines.dns import resolver as module
from mailclad.engines.dns import servers as servers_module
from mailclad.engines.dns.answer import MAX_ALIASES, MAX_NEGATIVE_TTL, MAX_TTL
from mailclad.engines.dns.cache import FAILURE_SECONDS
from mailclad.engines.dns.resolver import MAX_WAITING, DnsResolver
from mailclad.engines.dns.servers import Validation
from tests.dns.server import StubDns

ZONES = {
    "example.test": {
        "A": ["192.0.2.1", "192.0.2.2"],
        "AAAA": ["2001:db8::1"],
        "MX": ["20 Backup.example.test.", "10 mx.example.test."],
        "TXT": ['"v=spf1 " "-all"', '"caf\\195\\169"'],
    },
    "null.test": {"MX": ["0 ."]},
    "_25._tcp.mx.test": {"TLSA": ["3 1 1 " + "ab" * 32]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["MX.Example.Test."]},
    "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa": {"PTR": ["six.example.test."]},
    "alias.test": {"CNAME": ["second.test."]},
    "second.test": {"CNAME": ["example.test."]},
    "dangling.test": {"CNAME": ["nowhere.test."]},
    "odd.test": {"PTR": ["a\\000b\\.c\\(<b>.test."], "MX": ["5 x\\010y.test."]},
}

BOTH_MX = {Mx(20, "backup.example.test"), Mx(10, "mx.example.test")}

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.SelectorEventLoop,
    "uvloop": uvloop.new_event_loop,
}


class Time:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


Talk = Callable[[DnsResolver, StubDns], Coroutine[Any, Any, None]]


def converse(
    talk: Talk,
    loop: str = "asyncio",
    monotonic: Time | None = None,
    validate: Validation = "auto",
    **switches: Any,
) -> None:
    """``loop``: both where sockets matter; one is enough for what is read."""

    async def run() -> None:
        async with StubDns(ZONES, **switches) as dns:
            resolver = DnsResolver(
                [dns.address], monotonic=monotonic or Time(), try_seconds=5, validate=validate
            )
            await talk(resolver, dns)
            await resolver.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


@pytest.mark.parametrize("loop", LOOPS)
def test_each_kind_of_record(loop: str) -> None:
    async def talk(resolver: DnsResolver, _: StubDns) -> None:
        a = await resolver.addresses("Example.TEST.", 4)
        assert a == Answer("example.test", a.records, ttl=300)
        assert set(a.records) == {"192.0.2.1", "192.0.2.2"}
        assert (await resolver.addresses("example.test", 6)).records == ("2001:db8::1",)
        assert set((await resolver.mx("example.test")).records) == BOTH_MX
        assert (await resolver.mx("null.test")).records == (Mx(0, ""),)
        txt = (await resolver.txt("example.test")).records
        assert set(txt) == {b"v=spf1 -all", b"caf\xc3\xa9"}
        assert (await resolver.tlsa("_25._tcp.mx.test")).records == (Tlsa(3, 1, 1, b"\xab" * 32),)
        for address in ("192.0.2.1", "::ffff:192.0.2.1"):
            assert (await resolver.ptr(address)).records == ("mx.example.test",)
        for address in ("2001:db8::1", "2001:db8::1%eth0"):
            assert (await resolver.ptr(address)).records == ("six.example.test",)

    converse(talk, loop)


def test_nothing_there_is_knowledge() -> None:
    async def talk(resolver: DnsResolver, _: StubDns) -> None:
        assert await resolver.mx("nowhere.test") == Answer(
            "nowhere.test", (), exists=False, ttl=60
        )
        found = await resolver.mx("alias.test")
        assert (found.name, set(found.records), found.ttl) == ("example.test", BOTH_MX, 300)
        assert await resolver.tlsa("example.test") == Answer("example.test", (), ttl=60)
        assert await resolver.txt("dangling.test") == Answer(
            "nowhere.test", (), exists=False, ttl=60
        )

    converse(talk)


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", ".a", "a" * 64 + ".test", "a." * 128, "bücher.test", "x" * 9999]
)
def test_a_name_that_cannot_be_does_not_exist_and_is_not_asked_for(name: str) -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        answer = await resolver.txt(name)
        assert (answer.records, answer.exists, answer.secure) == ((), False, False)
        assert dns.asked == []

    converse(talk)


def test_odd_octets_in_names_come_escaped() -> None:
    async def talk(resolver: DnsResolver, _: StubDns) -> None:
        assert (await resolver.mx("odd.test")).records == (Mx(5, "x\\010y.test"),)
        assert (await resolver.addresses("a\\000b.test", 4)).exists is False

    converse(talk)


# --- remembering


def test_answers_are_remembered_until_their_time_is_over() -> None:
    time = Time()

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        await resolver.mx("example.test")
        time.seconds += 100
        assert (await resolver.mx("EXAMPLE.test.")).ttl == 200
        await resolver.mx("nowhere.test")
        await resolver.mx("nowhere.test")
        assert len(dns.asked) == 2
        time.seconds += 60
        await resolver.mx("nowhere.test")
        assert len(dns.asked) == 3
        time.seconds += 140
        await resolver.mx("example.test")
        assert len(dns.asked) == 4

    converse(talk, monotonic=time)


def test_a_record_that_is_remembered_is_asked_for_anew() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        await resolver.txt("example.test")
        await resolver.txt_anew("example.test")
        assert len(dns.asked) == 2
        await resolver.txt("example.test")
        assert len(dns.asked) == 2

    converse(talk)


def test_times_have_limits() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert (await resolver.mx("example.test")).ttl == MAX_TTL
        assert (await resolver.mx("nowhere.test")).ttl == MAX_NEGATIVE_TTL
        dns.ttl, dns.negative_ttl = 0, None
        for _ in range(2):
            assert (await resolver.txt("example.test")).ttl == 0
            assert (await resolver.txt("nowhere.test")).ttl == 0
        assert len(dns.asked) == 2 + 4

    converse(talk, ttl=2**31 - 1, negative_ttl=2**31 - 1)


@pytest.mark.parametrize("follows", [True, False])
def test_the_shortest_time_in_a_chain_counts(follows: bool) -> None:
    def shorten(octets: bytes) -> bytes:
        reply = dns.message.from_wire(octets)
        if reply.answer[0].name.to_text() == "alias.test.":
            reply.answer[0].ttl = 7
        return reply.to_wire()

    async def talk(resolver: DnsResolver, _: StubDns) -> None:
        assert (await resolver.mx("alias.test")).ttl == 7

    converse(talk, spoil=shorten, follows=follows)


def test_failures_are_remembered_for_some_seconds() -> None:
    time = Time()

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.rcodes["example.test"] = "REFUSED"
        for _ in range(3):
            with pytest.raises(DnsProblem, match="answered REFUSED"):
                await resolver.mx("example.test")
        assert len(dns.asked) == 1
        dns.rcodes.clear()
        time.seconds += FAILURE_SECONDS
        assert (await resolver.mx("example.test")).records

    converse(talk, monotonic=time)


# --- many at a time


@pytest.mark.parametrize("loop", LOOPS)
def test_equal_questions_at_the_same_time_are_asked_once(loop: str) -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.hold = asyncio.Event()
        askers = [asyncio.create_task(resolver.mx("example.test")) for _ in range(50)]
        other = asyncio.create_task(resolver.txt("example.test"))
        await seen(dns, 2)
        askers[0].cancel()
        dns.hold.set()
        answers = await asyncio.gather(*askers[1:], other)
        assert all(answer.records for answer in answers)
        assert sorted(dns.asked) == [("example.test", "MX"), ("example.test", "TXT")]

    converse(talk, loop)


def test_questions_on_the_way_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten here: the burst of the real limit may not fit into a socket's buffer."""
    monkeypatch.setattr(module, "MAX_ASKED", 10)

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.hold = asyncio.Event()
        askers = [asyncio.create_task(resolver.txt(f"{n}.test")) for n in range(25)]
        await seen(dns, 10)
        async with StubDns() as other:  # the loop goes round, and datagrams arrive
            for n in range(30):
                await DnsResolver([other.address]).txt(f"{n}.test")
        assert len(dns.asked) == 10
        dns.hold.set()
        await asyncio.gather(*askers)
        assert len(dns.asked) == 25

    converse(talk)


def test_one_question_more_than_may_wait_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_WAITING > module.MAX_ASKED
    monkeypatch.setattr(module, "MAX_WAITING", 2)

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.hold = asyncio.Event()
        askers = [asyncio.create_task(resolver.txt(f"{n}.test")) for n in range(2)]
        await seen(dns, 2)
        with pytest.raises(DnsProblem, match="more than 2 questions"):
            await resolver.txt("example.test")
        dns.hold.set()
        await asyncio.gather(*askers)
        assert (await resolver.txt("example.test")).records

    converse(talk)


def test_closing_ends_what_is_on_the_way() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.hold = asyncio.Event()
        asker = asyncio.create_task(resolver.txt("example.test"))
        await seen(dns, 1)
        await resolver.close()
        with pytest.raises(asyncio.CancelledError):
            await asker

    converse(talk)


async def seen(dns: StubDns, questions: int) -> None:
    while len(dns.asked) < questions:
        await asyncio.sleep(0)


# --- CNAMEs


def test_aliases_are_followed_where_the_server_does_not() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert (await resolver.txt("alias.test")).name == "example.test"
        assert [name for name, _ in dns.asked] == ["alias.test", "second.test", "example.test"]

    converse(talk, follows=False)


@pytest.mark.parametrize("follows", [True, False])
def test_aliases_have_a_limit(follows: bool) -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        chain = {f"{n}.test": {"CNAME": [f"{n + 1}.test."]} for n in range(MAX_ALIASES + 1)}
        dns.zones = chain | {
            f"{MAX_ALIASES + 1}.test": {"TXT": ["end"]},
            "self.test": {"CNAME": ["self.test."]},
            "ping.test": {"CNAME": ["pong.test."]},
            "pong.test": {"CNAME": ["ping.test."]},
        }
        assert (await resolver.txt("1.test")).records == (b"end",)
        for name in ("0.test", "self.test", "ping.test"):
            with pytest.raises(DnsProblem, match="CNAMEs in a row"):
                await resolver.txt(name)
        assert len(dns.asked) < 50

    converse(talk, follows=follows)


# --- security


def test_the_ad_bit_is_believed_on_loopback() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert (await resolver.mx("example.test")).secure
        assert (await resolver.mx("nowhere.test")).secure
        dns.authentic = False
        assert not (await resolver.txt("example.test")).secure

    converse(talk, authentic=True)


def test_a_server_that_validates_no_more_is_believed_no_more() -> None:
    """It is asked each hour."""
    time = Time()

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert (await resolver.mx("example.test")).secure
        dns.validates = False
        time.seconds += servers_module.PROBED_EACH_SECONDS - 1
        assert (await resolver.mx("example.test")).secure
        time.seconds += 1
        assert not (await resolver.txt("example.test")).secure
        assert not (await resolver.addresses("example.test", 4)).secure
        assert (".", "DNSKEY") in dns.asked, "we look for signatures, and there are none"

    converse(talk, monotonic=time, authentic=True)


@pytest.mark.parametrize("silent", [True, False])
def test_one_of_two_that_does_not_validate_is_enough(silent: bool) -> None:
    """Else whoever silences the other would choose what counts as unsigned."""

    async def run() -> None:
        async with (
            StubDns(ZONES, authentic=True) as one,
            StubDns(ZONES, authentic=True, validates=False) as two,
        ):
            nobody = ("127.0.0.1", 1)
            resolver = DnsResolver([one.address, nobody if silent else two.address])
            assert (await resolver.mx("example.test")).secure is silent
            await resolver.close()

    asyncio.run(run())


def test_never_asks_no_server_whether_it_validates() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert (await resolver.mx("example.test")).secure

    converse(talk, authentic=True, validates=False, validate="never")


def test_the_ad_bit_is_not_believed_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server stands on loopback all the same: only our belief is changed."""
    monkeypatch.setattr(servers_module, "_is_loopback", lambda _: False)

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert not (await resolver.mx("example.test")).secure
        dns.bogus = {"alias.test"}
        with pytest.raises(DnsProblem, match="SERVFAIL") as raised:
            await resolver.mx("alias.test")
        assert not isinstance(raised.value, DnsBogus)
        assert len(dns.asked) == 2

    converse(talk, authentic=True, validate="never")


def test_one_insecure_step_makes_the_answer_insecure() -> None:
    async def talk(resolver: DnsResolver, _: StubDns) -> None:
        assert not (await resolver.mx("alias.test")).secure
        assert (await resolver.mx("example.test")).secure

    converse(talk, authentic=True, follows=False, insecure={"second.test"})


def test_bogus_is_told_from_failure() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.bogus = {"example.test"}
        dns.rcodes = {"broken.test": "SERVFAIL"}
        for _ in range(2):
            with pytest.raises(DnsBogus, match="signatures"):
                await resolver.mx("example.test")
        with pytest.raises(DnsProblem, match="SERVFAIL") as raised:
            await resolver.mx("broken.test")
        assert not isinstance(raised.value, DnsBogus)
        assert len(dns.asked) == 4

    converse(talk)


def test_bogus_is_final_whatever_other_servers_say() -> None:
    async def run() -> None:
        async with StubDns(ZONES, bogus={"example.test"}) as first, StubDns(ZONES) as second:
            resolver = DnsResolver([first.address, second.address])
            with pytest.raises(DnsBogus):
                await resolver.mx("example.test")
            assert second.asked == []

    asyncio.run(run())


# --- bad servers and bad ways


@pytest.mark.parametrize("loop", LOOPS)
def test_a_cut_answer_is_fetched_over_tcp(loop: str) -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.zones = {"big.test": {"TXT": [" ".join(['"' + "x" * 255 + '"'] * 200)]}}
        assert (await resolver.txt("big.test")).records == (b"x" * 255 * 200,)
        assert dns.tcp_asked == 1
        dns.cut_tcp = True
        with pytest.raises(DnsProblem, match="without a whole reply"):
            await resolver.txt("other.test")

    converse(talk, loop, truncate=True)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("switch", ["wrong_id_first", "stranger_first"])
def test_forged_datagrams_are_passed_over(switch: str, loop: str) -> None:
    async def talk(resolver: DnsResolver, _: StubDns) -> None:
        assert (await resolver.mx("example.test")).exists

    converse(talk, loop, None, "auto", **{switch: True})


@pytest.mark.parametrize("loop", LOOPS)
def test_a_silent_server_is_asked_again_and_then_the_next(loop: str) -> None:
    async def run() -> None:
        async with StubDns(ZONES, drop=1) as lossy, StubDns(ZONES) as other:
            resolver = DnsResolver([lossy.address], try_seconds=0.05)
            assert (await resolver.mx("example.test")).records
            lossy.drop = 10
            assert len(lossy.asked) == 2
            resolver = DnsResolver([lossy.address, other.address], try_seconds=0.05)
            assert (await resolver.mx("example.test")).records
            lone = DnsResolver([lossy.address], try_seconds=0.02)
            with pytest.raises(DnsProblem, match="did not answer within"):
                await lone.mx("example.test")
        with pytest.raises(DnsProblem, match="could not be asked"):
            await lone.txt("example.test")  # nobody listens there any more

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(run())


def test_a_question_has_a_time_in_all() -> None:
    async def run() -> None:
        async with StubDns(ZONES, hold=asyncio.Event()) as dns:
            resolver = DnsResolver([dns.address], total_seconds=0.05)
            for _ in range(2):
                with pytest.raises(DnsProblem, match="no answer within"):
                    await resolver.mx("example.test")
            assert len(dns.asked) == 1

    asyncio.run(run())


def test_a_server_that_refuses_is_not_asked_twice_but_the_next_is() -> None:
    async def run() -> None:
        async with (
            StubDns(ZONES, rcodes={"example.test": "REFUSED"}) as one,
            StubDns(ZONES) as two,
        ):
            resolver = DnsResolver([one.address, two.address])
            assert (await resolver.mx("example.test")).records
            assert len(one.asked) == 1

    asyncio.run(run())


def _more_records(octets: bytes) -> bytes:
    reply = dns.message.from_wire(octets)
    addresses = [f"10.1.{n // 256}.{n % 256}" for n in range(2000)]
    reply.answer = [dns.rrset.from_text(reply.question[0].name, 60, "IN", "A", *addresses)]
    return reply.to_wire(max_size=65535)


def _other_names(octets: bytes) -> bytes:
    """Records of names that nobody asked for, and of our name in another class."""
    reply = dns.message.from_wire(octets)
    reply.answer = [
        dns.rrset.from_text("bank.test.", 60, "IN", "A", "192.0.2.66"),
        dns.rrset.from_text("test.", 60, "IN", "CNAME", "bank.test."),
        dns.rrset.from_text(reply.question[0].name, 60, "CH", "TXT", "other"),
    ]
    return reply.to_wire()


SPOILED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "cut records": (lambda octets: octets[:-5], "breaks off"),
    "no octet behind the question": (lambda octets: octets[:30], "breaks off"),
    "garbage behind the question": (
        lambda octets: octets[:30] + b"\x41" * 40,
        "a label of unknown type",
    ),
    "a pointer to itself": (
        lambda octets: octets.replace(b"\xc0\x0c", b"\xc0\x1e"),
        "compressed in a circle",
    ),
    "counts that lie": (
        lambda octets: octets[:6] + b"\xff\xff" + octets[8:],
        "more than 1000 records",
    ),
    "too many records": (_more_records, "more than 1000 records"),
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_reply_is_a_problem_and_nothing_else(how: str) -> None:
    spoil, reason = SPOILED[how]

    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.truncate = how == "too many records"  # they come over TCP
        with pytest.raises(DnsProblem, match=reason):
            await resolver.addresses("example.test", 4)

    converse(talk, spoil=spoil)


def test_records_of_other_names_are_not_believed() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        assert (await resolver.addresses("example.test", 4)).records == ()
        assert (await resolver.txt("example.test")).records == ()
        dns.spoil = None
        assert not (await resolver.addresses("bank.test", 4)).exists

    converse(talk, spoil=_other_names)


def test_a_reply_to_another_question_over_tcp_is_refused() -> None:
    async def talk(resolver: DnsResolver, dns: StubDns) -> None:
        dns.spoil = lambda octets: octets if octets[2] & 2 else b"\0\0" + octets[2:]
        with pytest.raises(DnsProblem, match="another question"):
            await resolver.txt("example.test")

    converse(talk, truncate=True)
