"""DNS that means harm, through the whole server: the judge on 25, and the way out (T-DN1, T-DN2).

Bounded in time and in questions; whatever stands in a name is shown, and commands no terminal.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from mailclad.cli.commands import mailclad
from tests.dns.server import Records, StubDns
from tests.faults.posting import Posting, posting, route
from tests.faults.sink import listening
from tests.faults.test_loops import at_rest, notices

pytestmark = pytest.mark.slow

SECONDS = 2.0
"""For one message, whatever DNS says; those that say nothing at all have a limit of their own."""

LETTER = b"From: bob@there.test\r\nSubject: hello\r\n\r\nhello\r\n"
MINE = b"From: ada@ours.test\r\nSubject: hello\r\n\r\nhello\r\n"
STRANGER = "192.0.2.1"

Scenario = Callable[[Posting, StubDns], Awaitable[None]]


def play(folder: Path, zones: Records, scenario: Scenario) -> None:
    async def main() -> None:
        async with StubDns(zones) as stub, posting(folder, stub, proxied=True) as post:
            await scenario(post, stub)

    asyncio.run(main())


# --- the judge ---

GOOD = {"there.test": {"MX": ["10 mx.there.test."], "A": ["192.0.2.9"]}}
LONG = '"' + "x" * 255 + '"'
SPF: dict[str, Records] = {
    "includes without end": {
        "there.test": {"TXT": ['"v=spf1 include:a.there.test ~all"'], "A": ["192.0.2.9"]},
        "a.there.test": {"TXT": ['"v=spf1 include:there.test ~all"']},
    },
    "includes that branch": {
        "there.test": {
            "A": ["192.0.2.9"],
            "TXT": ['"v=spf1 ' + " ".join(f"include:{n}.there.test" for n in range(11)) + '"'],
        },
        **{
            f"{n}.there.test": {
                "TXT": ['"v=spf1 ' + " ".join(f"include:{m}.there.test" for m in range(11)) + '"']
            }
            for n in range(11)
        },
    },
    "names that are not there": {
        "there.test": {
            "A": ["192.0.2.9"],
            "TXT": ['"v=spf1 ' + " ".join(f"a:no{n}.there.test" for n in range(10)) + ' ~all"'],
        },
    },
    "MX with a thousand hosts": {
        "there.test": {
            "MX": [f"10 h{n}.there.test." for n in range(900)],
            "A": ["192.0.2.9"],
            "TXT": ['"v=spf1 mx ~all"'],
        },
        **{f"h{n}.there.test": {"A": ["192.0.2.9"]} for n in range(900)},
    },
    "64 KB of text": {
        "there.test": {"A": ["192.0.2.9"], "TXT": ['"v=spf1 ~all" ' + " ".join([LONG] * 240)]},
        "_dmarc.there.test": {"TXT": ['"v=DMARC1; p=none; " ' + " ".join([LONG] * 240)]},
    },
    "a CNAME in a circle": {
        "there.test": {"CNAME": ["a.there.test."]},
        "a.there.test": {"CNAME": ["there.test."]},
    },
    "PTR without end": {
        **GOOD,
        "1.2.0.192.in-addr.arpa": {"PTR": [f"h{n}.there.test." for n in range(900)]},
    },
}

MOST_QUESTIONS = 60
"""For one message: SPF asks ten times, of MX each host's address; DMARC, PTR, DKIM a few more."""


@pytest.mark.parametrize("attack", SPF)
def test_a_message_is_judged_soon_whatever_its_domain_publishes(
    tmp_path: Path, attack: str
) -> None:
    async def scenario(post: Posting, stub: StubDns) -> None:
        began = time.monotonic()
        said = await post.send(LETTER, source=STRANGER, sender="bob@there.test")
        assert said[:3] in ("250", "450", "451", "550", "554"), said
        assert time.monotonic() - began < SECONDS
        assert len(stub.asked) <= MOST_QUESTIONS, len(stub.asked)
        # Whoever comes next is judged as always.
        stub.zones = {"good.test": {"A": ["192.0.2.9"], "MX": ["10 good.test."]}}
        good = LETTER.replace(b"there", b"good")
        said = await post.send(good, source="192.0.2.2", sender="bob@good.test")
        assert said[:3] == "250"

    play(tmp_path, SPF[attack], scenario)


def flood(octets: bytes) -> bytes:
    """The reply with ten thousand answers, which it says it has and which do not fit."""
    return octets[:6] + (10_000).to_bytes(2, "big") + octets[8:]


def pointers(octets: bytes) -> bytes:
    """Every name is a pointer to itself."""
    at = len(octets)
    return octets[:6] + b"\0\x01" + octets[8:] + b"\xc0" + bytes([at & 0xFF]) + b"\0\1\0\1" * 3


@pytest.mark.parametrize("spoil", [flood, pointers])
def test_replies_that_are_none_stop_nothing(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    async def scenario(post: Posting, stub: StubDns) -> None:
        stub.spoil = spoil
        began = time.monotonic()
        said = await post.send(LETTER, source=STRANGER, sender="bob@there.test")
        assert said[0] in "24", said
        assert time.monotonic() - began < SECONDS

    play(tmp_path, GOOD, scenario)


# --- the way out ---

FORBIDDEN = (
    "127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "192.168.1.1", "0.0.0.0",
)  # fmt: skip
FORBIDDEN_6 = ("::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")

WAYS_OUT: dict[str, tuple[Records, str]] = {
    "private addresses": (
        {
            "there.test": {"MX": [f"{n} h{n}.there.test." for n in range(6)]},
            **{f"h{n}.there.test": {"A": [one]} for n, one in enumerate(FORBIDDEN)},
        },
        "5.4.4",
    ),
    "private addresses of version 6": (
        {
            "there.test": {"MX": [f"{n} h{n}.there.test." for n in range(6)]},
            **{f"h{n}.there.test": {"AAAA": [one]} for n, one in enumerate(FORBIDDEN_6)},
        },
        "5.4.4",
    ),
    "an address flood": (
        {
            "there.test": {"MX": ["10 h.there.test."]},
            "h.there.test": {
                "A": [f"10.0.{n}.1" for n in range(200)],
                "AAAA": [f"fd00::{n:x}" for n in range(1, 700)],
            },
        },
        "5.4.4",
    ),
    "a thousand servers": (
        {
            "there.test": {"MX": [f"10 h{n}.there.test." for n in range(900)]},
            **{f"h{n}.there.test": {"A": ["127.0.0.1"]} for n in range(900)},
        },
        "5.4.4",
    ),
    "names that command": (
        {"there.test": {"MX": [r"10 \027[31m\000<b>x</b>\010.there.test."]}},
        r"\027[31m\000<b>x</b>\010.there.test has no address",
    ),
}


@pytest.mark.parametrize("attack", WAYS_OUT)
def test_no_list_of_servers_leads_into_our_own_network(tmp_path: Path, attack: str) -> None:
    """The sender is told; nothing is connected to, and few names are looked up."""
    zones, reason = WAYS_OUT[attack]

    async def scenario(post: Posting, stub: StubDns) -> None:
        began = time.monotonic()
        assert (await post.submit(MINE, "bob@there.test"))[0] == "2"
        await at_rest(post)
        assert time.monotonic() - began < SECONDS
        (notice,) = notices(await post.messages())
        assert reason in notice.as_string()
        assert len(stub.asked) <= MOST_QUESTIONS
        check_harmless(notice.as_bytes().decode())

    play(tmp_path, zones, scenario)


def test_answers_and_names_of_strangers_command_no_terminal(tmp_path: Path) -> None:
    """A server's replies, names from DNS: in the notice, the trace and the queue."""
    said = b" \x1b[31mno\x9b\x07 <script>\x00\r\n"
    zones = {"evil.test": {"MX": [r"10 \027[2J\000.there.test."]}}
    found: list[str] = []

    async def main() -> None:
        replies = {"RCPT": b"450 4.2.1" + said}
        async with StubDns(zones) as stub, listening(replies=replies) as sink:
            routes = [route("there.test", sink.port)]
            async with posting(tmp_path, stub, routes) as post:
                await post.submit(MINE, "bob@there.test")
                assert await post.attempted()
                sink.replies["RCPT"] = b"550 5.1.1" + said
                await post.submit(MINE, "eve@there.test", "bob@evil.test")
                async with asyncio.timeout(10):
                    while len(notices(await post.messages())) < 2:
                        await asyncio.sleep(0.01)
                found.extend(one.as_bytes().decode() for one in notices(await post.messages()))

    asyncio.run(main())
    file = tmp_path / "mailclad.toml"
    file.write_text(f'[server]\nhostname = "mail.ours.test"\ndata = "{tmp_path}/data"\n')
    for words in (["trace", "ada@ours.test"], ["queue", "list"], ["report"]):
        for more in ([], ["--json"]):
            ran = CliRunner().invoke(mailclad, [*words, *more, "--config", str(file)])
            assert ran.exit_code == 0, ran.output
            found.append(ran.output)
    for text in found:
        check_harmless(text)
    assert "[31mno" in "".join(found), "it is shown all the same"


def check_harmless(text: str) -> None:
    assert re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", text) is None, repr(text)
