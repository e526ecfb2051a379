"""Mail that would run in a circle: it ends, its sender is told once, and nothing is left (T-LP1).

Two whole servers that send to each other, or one that sends to itself.  Each port is chosen
beforehand, so that either can be told of the other.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from email.message import Message
from pathlib import Path

import pytest

from mailclad.app.settings.deliver import DeliverConfig
from mailclad.services.provision.accounts import ProvisionProblem
from tests.dns.server import Records, StubDns
from tests.faults.posting import SECONDS, Posting, posting, route
from tests.ports import free_ports

pytestmark = pytest.mark.slow

LETTER = b"From: ada@ours.test\r\nSubject: round and round\r\n\r\nhello\r\n"
HOPS = 5
"""Received fields that a circle may gather before it is seen: it is gone through once."""


@contextlib.asynccontextmanager
async def both(folder: Path, dns: StubDns) -> AsyncIterator[tuple[Posting, Posting]]:
    """Ours and theirs; whatever is for the other's domain is sent there."""
    ours, theirs = free_ports(2)
    async with (
        posting(folder / "a", dns, [route("theirs.test", theirs)], port=ours) as a,
        posting(
            folder / "b", dns, [route("ours.test", ours)], domain="theirs.test", port=theirs
        ) as b,
    ):
        yield a, b


async def at_rest(*posts: Posting) -> None:
    """Every queue is empty, several looks in a row: what one sends, another may queue."""
    calm = 0
    async with asyncio.timeout(SECONDS):
        while calm < 5:
            waiting = [(await each.app.store.queue_counts()).messages for each in posts]
            calm = 0 if any(waiting) else calm + 1
            await asyncio.sleep(0.01)


def notices(messages: list[Message]) -> list[Message]:
    return [one for one in messages if one.get_content_type() == "multipart/report"]


def play(folder: Path, scenario: Callable[[Posting, Posting], Awaitable[None]]) -> None:
    async def main() -> None:
        async with StubDns({}) as dns, both(folder, dns) as (a, b):
            await scenario(a, b)

    asyncio.run(main())


async def one_notice(post: Posting) -> None:
    """Of a circle, and of one that was soon seen."""
    (notice,) = notices(await post.messages())
    text = notice.as_string()
    assert "Status: 5.4.6" in text
    assert text.count("\nReceived: ") <= HOPS


def test_two_servers_that_forward_to_each_other(tmp_path: Path) -> None:
    async def scenario(a: Posting, b: Posting) -> None:
        await a.app.provision().set_alias("round@ours.test", "round@theirs.test")
        await b.app.provision().set_alias("round@theirs.test", "round@ours.test")
        assert (await a.submit(LETTER, "round@theirs.test"))[0] == "2"
        await at_rest(a, b)
        await one_notice(a)

    play(tmp_path, scenario)


def test_plus_signs_make_no_new_address_of_it(tmp_path: Path) -> None:
    """Each round has another detail, which both sides would pass on."""

    async def scenario(a: Posting, b: Posting) -> None:
        await a.app.provision().set_alias("round@ours.test", "round+a@theirs.test")
        await b.app.provision().set_alias("round@theirs.test", "round+b@ours.test")
        assert (await a.submit(LETTER, "round+c@theirs.test"))[0] == "2"
        await at_rest(a, b)
        await one_notice(a)

    play(tmp_path, scenario)


def test_catch_alls_that_lead_to_each_other(tmp_path: Path) -> None:
    """A catch-all has every address, so only the trace of hops can stop what changes it."""

    async def scenario(a: Posting, b: Posting) -> None:
        await a.app.provision().set_catch_all("ours.test", "all@theirs.test")
        await b.app.provision().set_catch_all("theirs.test", "all@ours.test")
        assert (await a.submit(LETTER, "x@theirs.test"))[0] == "2"
        await at_rest(a, b)
        await one_notice(a)

    play(tmp_path, scenario)


def test_a_circle_with_a_copy_at_each_corner_keeps_one_of_each(tmp_path: Path) -> None:
    async def scenario(a: Posting, b: Posting) -> None:
        await a.app.provision().set_alias("round@ours.test", "ada@ours.test", "round@theirs.test")
        await b.app.provision().set_alias(
            "round@theirs.test", "ada@theirs.test", "round@ours.test"
        )
        assert (await a.submit(LETTER, "round@theirs.test"))[0] == "2"
        await at_rest(a, b)
        for post, to in ((a, "ada@ours.test"), (b, "ada@theirs.test")):
            mail = [one for one in await post.messages(to=to) if one not in notices([one])]
            assert [one["subject"] for one in mail] == ["round and round"]

    play(tmp_path, scenario)


def test_nobody_hears_of_a_circle_that_nobody_sent(tmp_path: Path) -> None:
    """A notice that goes round is dropped where it is seen: never a notice about a notice."""

    async def scenario(a: Posting, b: Posting) -> None:
        await a.app.provision().set_alias("round@ours.test", "round@theirs.test")
        await b.app.provision().set_alias("round@theirs.test", "round@ours.test")
        assert (await a.deliver(LETTER, "round@ours.test", sender=""))[0] == "2"
        await at_rest(a, b)
        assert await a.messages() == await b.messages(to="ada@theirs.test") == []

    play(tmp_path, scenario)


def test_a_notice_to_an_address_that_bounces_is_the_last_word(tmp_path: Path) -> None:
    async def scenario(a: Posting, b: Posting) -> None:
        await a.app.provision().set_alias("out@ours.test", "nobody@theirs.test")
        said = await a.deliver(LETTER, "out@ours.test", sender="gone@theirs.test")
        assert said[0] == "2"
        await at_rest(a, b)
        assert await a.messages() == await b.messages(to="ada@theirs.test") == []

    play(tmp_path, scenario)


def test_an_alias_that_leads_to_itself_inside_one_server(tmp_path: Path) -> None:
    async def scenario(a: Posting, b: Posting) -> None:
        provision = a.app.provision()
        for name, target in (("x", "y"), ("y", "z"), ("z", "x")):
            with contextlib.suppress(ProvisionProblem):
                await provision.set_alias(f"{name}@ours.test", f"{target}@ours.test")
        answer = await a.deliver(LETTER, "x@ours.test")
        assert answer.startswith("550 5.1.1"), answer
        assert (await a.app.store.queue_counts()).messages == 0

    play(tmp_path, scenario)


def to_ourselves(folder: Path, zones: Records, answer: str) -> None:
    """What is sent to a domain whose servers are this one is refused, without a circle."""

    async def main() -> None:
        deliver = DeliverConfig(allow_private=True, source=("127.0.0.1",))
        async with StubDns(zones) as dns, posting(folder, dns, deliver=deliver) as post:
            assert (await post.submit(LETTER, "bob@mirror.test"))[0] == "2"
            await at_rest(post)
            (notice,) = notices(await post.messages())
            assert answer in notice.as_string()

    asyncio.run(main())


def test_a_domain_whose_mx_is_our_name(tmp_path: Path) -> None:
    zones = {"mirror.test": {"MX": ["10 mail.ours.test."]}, "mail.ours.test": {"A": ["192.0.2.1"]}}
    to_ourselves(tmp_path, zones, "Status: 5.4.6")


def test_a_domain_whose_mx_has_our_address(tmp_path: Path) -> None:
    zones = {"mirror.test": {"MX": ["10 other.test."]}, "other.test": {"A": ["127.0.0.1"]}}
    to_ourselves(tmp_path, zones, "Status: 5.4.6")
