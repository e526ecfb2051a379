"""What leaves, on the wire: one message is one message to whoever reads it next.

The other server is a raw sink: the verdict is its octets, and how often it was told MAIL.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from pathlib import Path

import pytest

from mailclad.services.provision.signing_keys import DomainKeys
from tests.dns.server import StubDns
from tests.faults.posting import Posting, posting, route
from tests.faults.sink import Sink, listening
from tests.faults.test_bad_senders import ENDS

pytestmark = pytest.mark.slow

BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
ZONES = {"there.test": {"MX": ["10 there.test."], "A": ["192.0.2.1"]}}
HEADER = b"From: ada@ours.test\r\nSubject: outer\r\n\r\n"
INNER = (
    b"MAIL FROM:<smuggled@evil.test>\r\nRCPT TO:<bob@there.test>\r\nDATA\r\n"
    b"From: smuggled@evil.test\r\nSubject: inner\r\n\r\nx\r\n.\r\n"
)
DOTTED = HEADER + b"body\r\n.\r\n" + INNER + b"..\r\n.x\r\n" + b"y" * 4_093 + b"\r\n.\r\nQUIT\r\n"
"""Well-formed, and full of what would end it if a single dot were forgotten."""

Scenario = Callable[[Posting, Sink], Awaitable[None]]


def play(folder: Path, scenario: Scenario, **replies: bytes) -> Sink:
    async def main() -> Sink:
        async with StubDns(ZONES) as dns, listening(replies=replies) as sink:
            routes = [route("*", sink.port)]
            async with posting(folder, dns, routes) as post:
                await DomainKeys(post.app.store, post.app.parts.clock).ensure("ours.test")
                await post.app.provision().set_alias("team@ours.test", "bob@there.test")
                await scenario(post, sink)
            return sink

    return asyncio.run(main())


def check_wire(sink: Sink, messages: int) -> None:
    assert BARE.search(sink.clear) is None
    assert len(sink.messages) == messages
    for message in sink.messages:
        assert re.search(rb"\r\n\.(?!\.)", message) is None, "a dot that is not stuffed"
    talks = b"".join(b"\r\n" + talk.clear for talk in sink.talks)
    for message in sink.messages:
        talks = talks.replace(message, b"", 1)
    assert talks.count(b"\r\nMAIL FROM:") == messages
    assert b"smuggled" not in talks


def meant(message: bytes) -> bytes:
    """A message of the wire without its stuffing."""
    return message.replace(b"\r\n..", b"\r\n.")


def read(message: bytes) -> object:
    """The text of a message of the wire, as its reader sees it."""
    return message_from_bytes(meant(message)).get_payload(decode=True)


@pytest.mark.parametrize("chunked", [False, True])
def test_dots_that_were_submitted_are_stuffed_and_the_message_is_signed(
    tmp_path: Path, chunked: bool
) -> None:
    async def scenario(post: Posting, sink: Sink) -> None:
        assert (await post.submit(DOTTED, "bob@there.test", chunked=chunked))[0] == "2"
        await post.sent()

    sink = play(tmp_path, scenario)
    check_wire(sink, 1)
    (message,) = sink.messages
    assert message.count(b"DKIM-Signature: ") == 2
    assert read(message) == DOTTED[len(HEADER) :]  # its long line is encoded before it is signed


def test_no_way_in_lets_a_false_end_out(tmp_path: Path) -> None:
    """By DATA it is no message at all; by BDAT strangers' may stay here, and may not leave.

    What our people submit by BDAT leaves with its odd line ends encoded.
    """
    encoded = []

    async def scenario(post: Posting, sink: Sink) -> None:
        for end in ENDS:
            octets = HEADER + b"body" + end + INNER
            for chunked in (False, True):
                submitted = await post.submit(octets, "bob@there.test", chunked=chunked)
                if chunked and submitted.startswith("2"):
                    encoded.append(octets[len(HEADER) :])
                said = [
                    "5" if chunked else submitted,
                    await post.deliver(octets, "team@ours.test", chunked=chunked),
                    await post.deliver(octets, "team@ours.test", "ada@ours.test", chunked=chunked),
                ]
                for one in said:
                    assert one.startswith("5"), (end, chunked, said)
        await post.sent()
        assert await post.messages() == []

    sink = play(tmp_path, scenario)
    check_wire(sink, len(encoded))
    assert sorted(map(str, map(read, sink.messages))) == sorted(map(str, encoded))


@pytest.mark.parametrize("chunked", [False, True])
def test_forwarded_by_an_alias(tmp_path: Path, chunked: bool) -> None:
    async def scenario(post: Posting, sink: Sink) -> None:
        said = await post.deliver(DOTTED, "team@ours.test", chunked=chunked)
        assert said[0] == "2"
        await post.sent()

    sink = play(tmp_path, scenario)
    check_wire(sink, 1)
    assert meant(sink.messages[0]).endswith(DOTTED)
    assert b"\r\nMAIL FROM:<SRS0=" in sink.clear


def test_returned_in_a_notice_to_elsewhere(tmp_path: Path) -> None:
    """The first server refuses what the alias sends on; its sender elsewhere gets it back."""

    async def scenario(post: Posting, sink: Sink) -> None:
        said = await post.deliver(
            DOTTED, "team@ours.test", sender="eve@there.test", chunked=True, mail=" RET=FULL"
        )
        assert said[0] == "2"
        await post.sent()

    sink = play(tmp_path, scenario, **{".": b"554 5.7.1 no\r\n"})
    check_wire(sink, 2)
    assert b"MAIL FROM:<>" in sink.clear
    assert b"\r\nContent-Type: multipart/report" in sink.messages[1]
    assert DOTTED in meant(sink.messages[1])


def test_a_notice_brings_no_bare_line_end_back(tmp_path: Path) -> None:
    """BDAT brings a header with any line ends; its sender elsewhere wants to hear of it."""
    ends = [end for end in ENDS if b"\0" not in end]

    async def scenario(post: Posting, sink: Sink) -> None:
        for number, end in enumerate(ends):
            octets = b"From: eve@there.test\r\nSubject: a" + end + b"X: b\r\n\r\n" + INNER
            said = await post.deliver(
                octets,
                "ada@ours.test",
                sender="eve@there.test",
                chunked=True,
                rcpt=" NOTIFY=SUCCESS",
            )
            assert said[0] == "2", number
        await post.sent()

    sink = play(tmp_path, scenario)
    check_wire(sink, len(ends))
    for message in sink.messages:
        assert b"\r\nSubject: a\r\n" in message
