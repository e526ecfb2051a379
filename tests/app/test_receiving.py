"""Mail from strangers, through the whole server: a real port, real DNS packets, a real store."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailclad.app.build import duties
from mailclad.app.clock import SystemClock
from mailclad.app.settings.receive import BlockListConfig, RatesConfig, ReceiveConfig
from mailclad.mail.dkim.signing_key import public_record
from tests.app.receiving import HOST, Receiving, receiving
from tests.dns.server import StubDns
from tests.mail.dkim.fake import RSA
from tests.mail.dkim.test_dkimpy import signed_by_dkimpy
from tests.sessions.smtp.test_smuggling import BARE

DOMAIN = RSA.domain
KEY = public_record(RSA)
CHUNKS = " ".join(f'"{KEY[at : at + 200]}"' for at in range(0, len(KEY), 200))
ZONES: dict[str, dict[str, list[str]]] = {
    "good.test": {"MX": ["10 mx.good.test."], "TXT": ['"v=spf1 ip4:192.0.2.1 -all"']},
    "_dmarc.good.test": {"TXT": ['"v=DMARC1; p=reject"']},
    "mx.good.test": {"A": ["192.0.2.1"]},
    "1.2.0.192.in-addr.arpa": {"PTR": ["mx.good.test."]},
    "quarantine.test": {"MX": ["10 mx.good.test."], "TXT": ['"v=spf1 -all"']},
    "_dmarc.quarantine.test": {"TXT": ['"v=DMARC1; p=quarantine"']},
    "null.test": {"MX": ["0 ."]},
    "fails.test": {"MX": ["10 mx.good.test."], "TXT": ['"v=spf1 -all"']},
    DOMAIN: {"MX": ["10 mx.good.test."]},
    f"_dmarc.{DOMAIN}": {"TXT": ['"v=DMARC1; p=reject"']},
    f"{RSA.selector}._domainkey.{DOMAIN}": {"TXT": [CHUNKS]},
}
ELSEWHERE = "203.0.113.9"
NO_RATES = RatesConfig(connections=0, messages=0, recipients=0, unknown=0)


class Later(SystemClock):
    """Eight days from now."""

    def now(self) -> int:
        return super().now() + 8 * 86_400


def letter(author: str = "Bob <bob@good.test>", extra: bytes = b"") -> bytes:
    return extra + f"From: {author}\r\nSubject: hello\r\n\r\nwords\r\n".encode()


Test = Callable[[Receiving, StubDns], Awaitable[None]]


def run(
    directory: Path,
    test: Test,
    receive: ReceiveConfig = ReceiveConfig(),
    zones: Any = None,
    **options: Any,
) -> None:
    async def scenario() -> None:
        async with (
            StubDns(ZONES if zones is None else zones) as dns,
            receiving(directory, dns, receive, **options) as server,
        ):
            await test(server, dns)

    asyncio.run(scenario())


def test_results_in_our_name_are_nobody_elses_without_the_judge_too(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        forged = f"Authentication-Results: {HOST}; dmarc=pass\r\n".encode()
        assert (await server.send(letter(extra=forged))).startswith("250 ")
        (message,) = await server.messages()
        assert message["Authentication-Results"] is None

    run(tmp_path, test, ReceiveConfig(judge=False))


def test_what_was_found_out_stands_above_the_message(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        assert (await server.send(letter())).startswith("250 ")
        (message,) = await server.messages()
        results = message["Authentication-Results"]
        assert results.startswith(f"{HOST};")
        for said in ("spf=pass", "dkim=none", "dmarc=pass", "iprev=pass", "header.from=good.test"):
            assert said in results
        assert message["Received-SPF"].startswith("pass (mx.ours.test: domain of good.test")
        names = message.keys()
        assert names.index("Authentication-Results") < names.index("Received")

    run(tmp_path, test)


def test_forged_results_are_gone_and_others_stay(tmp_path: Path) -> None:
    forged = f"Authentication-Results: {HOST}; dmarc=pass header.from=bank.test\r\n".encode()
    foreign = b"Authentication-Results: other.test; spf=pass\r\n"

    async def test(server: Receiving, dns: StubDns) -> None:
        octets = letter(extra=foreign + forged.upper() + forged)
        assert (await server.send(octets)).startswith("250 ")
        (message,) = await server.messages()
        ours, others = message.get_all("Authentication-Results", [])
        assert "good.test" in ours
        assert "bank.test" not in str(message).lower()
        assert others == "other.test; spf=pass"
        assert message.get_payload() == "words\r\n"

    run(tmp_path, test)


def test_a_message_signed_by_another_program_passes(tmp_path: Path) -> None:
    signed = signed_by_dkimpy(letter(f"bob@{DOMAIN}"), RSA, (b"relaxed", b"relaxed"))

    async def test(server: Receiving, dns: StubDns) -> None:
        sent = await server.send(signed, source=ELSEWHERE, sender=f"bob@{DOMAIN}")
        assert sent.startswith("250 ")
        (message,) = await server.messages()
        results = message["Authentication-Results"]
        assert "dkim=pass" in results
        assert f"header.d={DOMAIN}" in results
        assert "dmarc=pass" in results

        spoilt = signed.replace(b"words", b"swords")
        refused = await server.send(spoilt, source=ELSEWHERE, sender=f"bob@{DOMAIN}")
        assert refused.startswith("550 5.7.1 Refused: the message is not authenticated by ")

    run(tmp_path, test)


def test_the_policy_is_kept_and_refused_mail_can_be_looked_at(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        forged = f"Authentication-Results: {HOST}; dmarc=pass\r\n".encode()
        refused = await server.send(letter(extra=forged), source=ELSEWHERE)
        assert refused.startswith("550 5.7.1 Refused: the message is not authenticated by good.te")
        (kept,) = await server.messages("Rejects")
        assert kept["Subject"] == "hello"
        (results,) = kept.get_all("Authentication-Results", [])
        assert "dmarc=fail" in results

        junk = letter("x@quarantine.test")
        assert (await server.send(junk, sender="x@quarantine.test")).startswith("250 ")
        assert len(await server.messages("Junk")) == 1

        note = letter("x@fails.test")
        assert (await server.send(note, sender="x@fails.test")).startswith("250 ")
        (message,) = await server.messages()
        assert "spf=fail" in message["Authentication-Results"]

    run(tmp_path, test)


def test_each_domain_of_ours_has_its_own_rule(tmp_path: Path) -> None:
    rules = ReceiveConfig(domains={"lenient.test": "note"})

    async def test(server: Receiving, dns: StubDns) -> None:
        for to, code in (("ada@ours.test", "550"), ("ada@lenient.test", "250")):
            said = await server.send(letter(), source=ELSEWHERE, recipients=(to,))
            assert said[:3] == code
        both = ("ada@lenient.test", "ada@ours.test")
        assert (await server.send(letter(), recipients=both)).startswith("452 4.5.3 ")

    run(tmp_path, test, rules)


def test_postmaster_and_abuse_hear_from_anybody(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        for to in ("postmaster@ours.test", "Abuse@ours.test"):
            said = await server.send(
                letter(), source=ELSEWHERE, sender="x@null.test", recipients=(to,)
            )
            assert said.startswith("250 ")
        assert len(await server.messages()) == 2
        mixed = ("abuse@ours.test", "ada@ours.test")
        assert (await server.send(letter(), source=ELSEWHERE, recipients=mixed))[:3] == "550"

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        ("x@null.test", "550 5.7.27 "),
        ("x@nowhere.test", "550 5.1.8 "),
        ("x@broken.test", "250 "),
        ("", "250 "),
    ],
)
def test_senders_who_cannot_be_answered(tmp_path: Path, sender: str, code: str) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        dns.rcodes["broken.test"] = "SERVFAIL"
        dns.rcodes["mx.good.test"] = "SERVFAIL" if not sender else "NOERROR"
        assert (await server.send(letter("x@fails.test"), sender=sender)).startswith(code)

    run(tmp_path, test)


def test_without_dns_mail_is_taken(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        for zone in [*ZONES, "test", "_dmarc.test", "192.0.2.1"]:
            dns.rcodes[zone] = "SERVFAIL"
        assert (await server.send(letter())).startswith("250 ")
        (message,) = await server.messages()
        results = message["Authentication-Results"]
        assert "spf=temperror" in results
        assert "dmarc=temperror" in results
        assert "iprev=temperror" in results

    run(tmp_path, test)


def test_listed_clients_are_refused_or_suspected(tmp_path: Path) -> None:
    zones = {
        **ZONES,
        "1.2.0.192.bl.test": {"A": ["127.0.0.2"], "TXT": ['"see https://bl.test"']},
        "2.2.0.192.bl.test": {"A": ["127.255.255.254"]},
        "3.2.0.192.half.test": {"A": ["127.0.0.2"]},
    }
    lists = (BlockListConfig(zone="bl.test", weight=2), BlockListConfig(zone="half.test"))

    async def test(server: Receiving, dns: StubDns) -> None:
        said = await server.send(letter())
        assert said == "550 5.7.1 Your address is on bl.test: see https://bl.test\r\n"
        note = letter("x@fails.test")
        for source in ("192.0.2.2", "192.0.2.3"):
            assert (await server.send(note, source=source, sender="x@fails.test"))[:3] == "250"
        assert len(await server.messages()) == 1
        assert len(await server.messages("Junk")) == 1

    run(tmp_path, test, ReceiveConfig(block_lists=lists, block_at=2), zones)


def test_new_networks_come_back_later(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        assert (await server.send(letter())).startswith("451 4.7.1 ")
        assert (await server.send(letter())).startswith("451 4.7.1 ")

    run(tmp_path, test, ReceiveConfig(greylist=True))


def test_guessers_are_sent_away(tmp_path: Path) -> None:
    limits = RatesConfig(unknown=2, connections=4)

    async def test(server: Receiving, dns: StubDns) -> None:
        for _ in range(2):
            said = await server.send(letter(), recipients=("nobody@ours.test",))
            assert said.startswith("550 5.1.1 ")
        assert (await server.send(letter())).startswith("421 4.7.0 Too many recipients that do")
        other = await server.send(letter(), source="198.51.100.1", sender="x@fails.test")
        assert other.startswith("550 5.7.1 ")  # another address is not held to account

    run(tmp_path, test, ReceiveConfig(rates=limits))


def test_one_address_may_not_connect_for_ever(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        said = [await server.send(letter()) for _ in range(4)]
        assert [one[:3] for one in said] == ["250", "250", "250", "421"]

    run(tmp_path, test, ReceiveConfig(rates=RatesConfig(connections=3)))


# --- who speaks too soon, or for others ---


def test_who_talks_before_the_greeting_is_sent_away(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        line = await server.connect("192.0.2.1")
        line.write(b"EHLO x\r\nMAIL FROM:<bob@good.test>\r\n")
        assert (await line.rest()).startswith(b"554 5.5.1 ")
        await line.close()
        patient = await server.connect("192.0.2.1")
        assert (await patient.answer()).startswith("220 ")
        await patient.close()

    run(tmp_path, test, ReceiveConfig(greet_delay=0.05))


def test_who_sends_the_message_before_354_is_sent_away(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        line = await server.connect("192.0.2.1")
        await line.answer()
        line.write(b"EHLO x\r\n")
        await line.answer()
        line.write(
            b"MAIL FROM:<bob@good.test>\r\nRCPT TO:<ada@ours.test>\r\nDATA\r\n"
            b"From: bob@good.test\r\n\r\nx\r\n.\r\n"
        )
        said = (await line.rest()).decode().splitlines()
        assert [one[:9] for one in said] == ["250 2.1.0", "250 2.1.5", "554 5.5.1"]
        await line.close()
        assert await server.messages() == []

    run(tmp_path, test)


def test_loopback_is_not_judged_and_costs_no_question(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        assert (await server.send(letter(), source="")).startswith("250 ")
        (message,) = await server.messages()
        assert "Authentication-Results" not in message
        assert dns.asked == []

    run(tmp_path, test, proxy_from=())


def test_xclient_names_the_client_that_is_judged(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        line = await server.connect()
        await line.answer()
        line.write(b"EHLO proxy\r\n")
        assert "250-XCLIENT NAME ADDR PORT PROTO\r\n" in await line.answer()
        line.write(b"XCLIENT ADDR=192.0.2.1 NAME=mx.good.test\r\n")
        assert (await line.answer()).startswith(f"220 {HOST} ")
        line.write(b"MAIL FROM:<bob@good.test>\r\n")
        assert (await line.answer()).startswith("503 ")
        line.write(b"EHLO mx.good.test\r\n")
        assert "XCLIENT" not in await line.answer()
        line.write(b"XCLIENT ADDR=127.0.0.1\r\n")
        assert (await line.answer()).startswith("500 ")
        line.write(b"MAIL FROM:<bob@good.test>\r\nRCPT TO:<ada@ours.test>\r\nDATA\r\n")
        assert [(await line.answer())[:3] for _ in range(3)] == ["250", "250", "354"]
        line.write(letter() + b".\r\n")
        assert (await line.answer()).startswith("250 ")
        await line.close()
        (message,) = await server.messages()
        assert "spf=pass" in message["Authentication-Results"]
        assert "[192.0.2.1]" in message["Received"]

    run(tmp_path, test, ReceiveConfig(xclient_from=("127.0.0.1",)), proxy_from=())


def test_a_refused_client_does_not_go_on_as_its_proxy(tmp_path: Path) -> None:
    limits = RatesConfig(connections=1)

    async def test(server: Receiving, dns: StubDns) -> None:
        for code in ("220", "421"):
            line = await server.connect()
            await line.answer()
            line.write(b"XCLIENT ADDR=192.0.2.1\r\n")
            assert (await line.answer())[:3] == code
            if code == "421":
                assert await line.rest() == b""
            await line.close()

    run(tmp_path, test, ReceiveConfig(xclient_from=("127.0.0.1",), rates=limits), proxy_from=())


def test_a_proxys_own_connections_are_not_counted(tmp_path: Path) -> None:
    rules = ReceiveConfig(
        own_networks=(), xclient_from=("127.0.0.1",), rates=RatesConfig(connections=1)
    )

    async def test(server: Receiving, dns: StubDns) -> None:
        for last in (1, 2, 3):
            line = await server.connect()
            assert (await line.answer())[:3] == "220"
            line.write(f"XCLIENT ADDR=192.{last}.2.1\r\n".encode())
            assert (await line.answer())[:3] == "220"
            await line.close()

    run(tmp_path, test, rules, proxy_from=())


def test_a_balancer_that_says_nothing_of_its_client_is_dropped(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        line = await server.connect()
        line.write(b"EHLO x\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert await line.rest() == b""
        await line.close()

    run(tmp_path, test)


def test_no_false_end_of_data_lets_a_second_message_in(tmp_path: Path) -> None:
    """T-SM1: the verdict is what lies in mailboxes, and how many answers there were."""
    smuggled = (
        b"MAIL FROM:<bob@good.test>\r\nRCPT TO:<ada@ours.test>\r\nDATA\r\n"
        b"From: smuggled@good.test\r\n\r\ninner\r\n.\r\n"
    )

    async def test(server: Receiving, dns: StubDns) -> None:
        for end in BARE:
            line = await server.connect("192.0.2.1")
            await line.answer()
            line.write(b"EHLO mx.good.test\r\n")
            await line.answer()
            line.write(b"MAIL FROM:<bob@good.test>\r\nRCPT TO:<ada@ours.test>\r\nDATA\r\n")
            assert [(await line.answer())[:3] for _ in range(3)] == ["250", "250", "354"]
            line.write(letter().removesuffix(b"\r\n") + end + smuggled)
            assert (await line.rest()).startswith(b"550 5.6.0 "), end
            await line.close()
        assert await server.messages() == []
        assert await server.messages("Junk") == []

    run(tmp_path, test, ReceiveConfig(rates=NO_RATES))


def test_what_is_old_is_removed_by_duties(tmp_path: Path) -> None:
    async def test(server: Receiving, dns: StubDns) -> None:
        assert (await server.send(letter(), source=ELSEWHERE))[:3] == "550"
        assert len(await server.messages("Rejects")) == 1
        later = replace(server.app.parts, clock=Later())
        for duty in duties(later):
            await duty.run()
        assert await server.messages("Rejects") == []

    run(tmp_path, test)
