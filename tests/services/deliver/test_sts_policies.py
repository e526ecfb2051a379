"""Policies are fetched from real HTTPS servers, kept in a real store, and outlive their source.

Each row of the standard's list of what may go wrong is here (RFC 8461 §3, §5, §10).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mailclad.base.https import Https, HttpsProblem, Request, Response
from mailclad.base.resolver import Answer, DnsProblem
from mailclad.engines.sqlite.store import SqliteStore
from mailclad.mail.mta_sts import MAX_POLICY_OCTETS, StsMode, record_name
from mailclad.mail.tls_rpt import ResultType
from mailclad.servers.https_client import HttpsClient
from mailclad.servers.tls import ClientTrust
from mailclad.services.deliver import sts_policies
from mailclad.services.deliver.sts import NO_POLICY, StsFound
from mailclad.services.deliver.sts_policies import (
    FETCHES,
    MEMORY_SECONDS,
    PAUSE_SECONDS,
    REFRESH_SECONDS,
    KeptStsPolicies,
)
from mailclad.store.errors import StoreUnavailable
from mailclad.store.sts_policies import StsState
from tests.certificates import Made, make
from tests.dns.fake import FakeResolver, Known
from tests.servers.https_site import Site, plain

DOMAIN = "example.test"
HOST = f"mta-sts.{DOMAIN}"
ROOT = make("root", authority=True)
LEAF = make("leaf", [HOST], ROOT)
MAX_AGE = 7 * 24 * 3600


def text(mode: str = "enforce", mx: str = "mx.example.test", end: str = "\r\n") -> bytes:
    lines = ("version: STSv1", f"mode: {mode}", f"mx: {mx}", f"max_age: {MAX_AGE}")
    return "".join(line + end for line in lines).encode()


@dataclass
class Clock:
    seconds: int = 1_000_000

    def now(self) -> int:
        return self.seconds

    def monotonic(self) -> float:
        return float(self.seconds)


class OnPort(Https):
    """Port 443 of the world is another one here."""

    def __init__(self, client: Https, port: int) -> None:
        self._client = client
        self._port = port

    async def fetch(self, request: Request) -> Response:
        url = request.url.replace(HOST, f"{HOST}:{self._port}")
        return await self._client.fetch(replace(request, url=url))


@dataclass
class World:
    """What stands in the DNS and on the web can be changed at any time."""

    site: Site
    names: dict[tuple[str, str], Known]
    clock: Clock
    store: SqliteStore
    new: Callable[[], KeptStsPolicies]
    policies: KeptStsPolicies

    async def find(self) -> StsFound:
        return await self.policies.find(DOMAIN)

    def record(self, *records: bytes) -> None:
        self.names[(f"_mta-sts.{DOMAIN}", "TXT")] = list(records)

    @property
    def fetches(self) -> int:
        return len(self.site.requests)


class Names(FakeResolver):
    """The dictionary itself, so that it can be changed; ``stale`` records are remembered ones."""

    stale: Mapping[str, Answer[bytes]] = {}

    async def txt(self, name: str) -> Answer[bytes]:
        return self.stale.get(name) or await super().txt(name)

    def __init__(self, known: Mapping[tuple[str, str], Known]) -> None:
        super().__init__()
        self._known = known  # type: ignore[assignment]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Any]:
    """Run a coroutine function in a world of its own."""
    authorities = tmp_path / "ca.pem"
    authorities.write_bytes(ROOT.pem)

    def run(work: Callable[[World], Awaitable[Any]], leaf: Made = LEAF) -> Any:
        async def staged() -> Any:
            async with asyncio.timeout(20), Site(leaf) as site:
                names: dict[tuple[str, str], Known] = {(HOST, "A"): ["127.0.0.1"]}
                clock = Clock()
                store = SqliteStore.open(tmp_path)
                client = HttpsClient(
                    Names(names), ClientTrust(authorities), permits=lambda _: True
                )

                def new() -> KeptStsPolicies:
                    return KeptStsPolicies(Names(names), OnPort(client, site.port), store, clock)

                world = World(site, names, clock, store, new, new())
                site.answer = plain(text())
                world.record(b"v=STSv1; id=1")
                try:
                    return await work(world)
                finally:
                    await world.policies.close()
                    await store.close()

        return asyncio.run(staged())

    return run


def test_a_policy_is_fetched_once_and_known_to_all(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        found = [await world.find(), await world.find(), await world.new().find("Example.TEST.")]
        policy = found[0].policy
        assert policy is not None
        assert (policy.domain, policy.id, policy.mode) == (DOMAIN, "1", StsMode.ENFORCE)
        assert (policy.mx, policy.max_age) == (("mx.example.test",), MAX_AGE)
        assert policy.lines[0] == "version: STSv1"
        assert found == [StsFound(policy)] * 3
        assert world.fetches == 1
        assert world.site.requests[0].startswith(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n")

    play(work)


@pytest.mark.parametrize(
    "records",
    [[], [b"v=STSv1; id=1", b"v=STSv1; id=2"], [b"v=STSv1; id=a-b"], [b"v=spf1 -all"]],
)
def test_nothing_is_fetched_without_one_good_record(
    play: Callable[..., Any], records: list[bytes]
) -> None:
    async def work(world: World) -> None:
        world.record(*records)
        assert await world.find() == NO_POLICY
        assert world.fetches == 0

    play(work)


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "bücher\u2024.test"])
def test_what_is_no_name_has_no_policy(play: Callable[..., Any], domain: str) -> None:
    async def work(world: World) -> None:
        world.names[record_name(domain), "TXT"] = [b"v=STSv1; id=1"]
        assert await world.policies.find(domain) == NO_POLICY

    play(work)


def test_nobody_inherits_from_the_parent(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        assert await world.policies.find(f"mail.{DOMAIN}") == NO_POLICY

    play(work)


FETCH, INVALID = ResultType.STS_POLICY_FETCH_ERROR, ResultType.STS_POLICY_INVALID


@pytest.mark.parametrize(
    ("answer", "problem", "words"),
    [
        ([b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"], FETCH, "302"),
        (plain(text(), status="404 Not Found"), FETCH, "404"),
        (plain(text(), status="203 Whatever"), FETCH, "203"),
        (plain(text(), media_type="text/html"), INVALID, "text/plain"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"], INVALID, "text/plain"),
        (plain(text() + b"x: " + b"y" * MAX_POLICY_OCTETS), FETCH, "longer than"),
        (plain(b"version: STSv1\r\n"), INVALID, "mode"),
        (plain(text()[:-20], status="200 OK"), INVALID, "max_age"),
        ([plain(text())[0][:-9]], FETCH, "before its answer was whole"),
        ([], FETCH, "before its answer was whole"),
    ],
)
def test_what_is_no_policy(
    play: Callable[..., Any], answer: list[bytes], problem: ResultType, words: str
) -> None:
    async def work(world: World) -> None:
        world.site.answer = answer
        for _ in range(2):
            found = await world.find()
            assert (found.policy, found.problem) == (None, problem)
            assert words in found.reason
        assert world.fetches == 1

    play(work)


@pytest.mark.parametrize(
    "leaf",
    [
        make("leaf", [DOMAIN], ROOT),
        make("leaf", [HOST], ROOT, days=-1),
        make("leaf", [HOST]),
    ],
)
def test_a_certificate_that_proves_nothing(play: Callable[..., Any], leaf: Made) -> None:
    async def work(world: World) -> None:
        found = await world.find()
        assert (found.policy, found.problem) == (None, ResultType.STS_WEBPKI_INVALID)

    play(work, leaf)


def test_a_slow_host_is_left(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_policies, "FETCH_SECONDS", 0.1)

    async def work(world: World) -> None:
        world.site.hang = True
        world.site.answer = plain(text())[0][:40], b"..."
        found = await world.find()
        assert (found.policy, found.problem) == (None, FETCH)
        assert "0.1 seconds" in found.reason

    play(work)


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_media_type_may_have_parameters(play: Callable[..., Any], end: str) -> None:
    async def work(world: World) -> None:
        world.site.answer = plain(text(end=end), media_type="Text/Plain; charset=utf-8")
        assert (await world.find()).policy is not None

    play(work)


def test_a_failed_fetch_is_tried_again_after_a_while_or_for_another_id(
    play: Callable[..., Any],
) -> None:
    async def work(world: World) -> None:
        world.site.answer = []
        await world.find()
        world.clock.seconds += PAUSE_SECONDS - 1
        await world.new().find(DOMAIN)
        assert world.fetches == 1
        world.clock.seconds += 1
        await world.find()
        assert world.fetches == 2
        world.record(b"v=STSv1; id=2")
        await world.find()
        assert world.fetches == 3
        world.site.answer = plain(text())
        world.clock.seconds += PAUSE_SECONDS
        found = await world.find()
        assert (found.policy is not None, found.problem) == (True, None)

    play(work)


def test_a_clock_that_was_ahead_keeps_no_policy_away(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        world.site.answer = plain(b"", status="503 Busy")
        assert (await world.find()).policy is None
        world.site.answer = plain(text())
        world.clock.seconds -= 365 * 24 * 3600
        assert (await world.find()).policy is not None

    play(work)


def test_another_id_brings_another_policy(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        await world.find()
        world.record(b"v=STSv1; id=2")
        world.site.answer = plain(text("testing", "new.example.test"))
        policy = (await world.find()).policy
        assert policy is not None
        assert (policy.id, policy.mode, policy.mx) == ("2", StsMode.TESTING, ("new.example.test",))

    play(work)


def test_a_policy_outlives_a_new_one_that_cannot_be_had(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        await world.find()
        world.record(b"v=STSv1; id=2")
        world.site.answer = plain(b"not here", status="500 Oh")
        for policies in (world.policies, world.new()):
            found = await policies.find(DOMAIN)
            assert found.policy is not None
            assert (found.policy.id, found.problem) == ("1", FETCH)
        assert world.fetches == 2

    play(work)


@pytest.mark.parametrize("records", [[], [b"v=STSv1; id=1", b"v=STSv1; id=1"], DnsProblem("lost")])
def test_a_policy_outlives_its_record_until_it_expires(
    play: Callable[..., Any], records: Any
) -> None:
    """Who can keep the record from us gains nothing (RFC 8461 §10.2)."""

    async def work(world: World) -> None:
        await world.find()
        world.names[(f"_mta-sts.{DOMAIN}", "TXT")] = records
        world.clock.seconds += MAX_AGE - 1
        found = await world.find()
        assert found.policy is not None
        lost = isinstance(records, DnsProblem)
        assert (found.problem, found.reason) == ((FETCH, "lost") if lost else (None, ""))
        world.clock.seconds += 1
        assert await world.find() == NO_POLICY
        assert world.fetches == 1

    play(work)


def test_an_expired_policy_is_fetched_anew(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        await world.find()
        world.clock.seconds += MAX_AGE
        assert (await world.find()).policy is not None
        assert world.fetches == 2

    play(work)


def test_many_who_ask_at_once_fetch_once(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        found = await asyncio.gather(*(world.find() for _ in range(50)))
        assert all(one.policy is not None for one in found)
        assert world.fetches == 1

    play(work)


def test_who_stops_waiting_stops_only_himself(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        first = asyncio.create_task(world.find())
        other = asyncio.create_task(world.find())
        await asyncio.sleep(0)
        first.cancel()
        assert (await other).policy is not None
        assert world.fetches == 1

    play(work)


def test_policies_in_use_are_refreshed_daily(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        await world.find()
        world.clock.seconds += REFRESH_SECONDS
        await world.policies.refresh()
        assert world.fetches == 1
        world.clock.seconds += 1
        await world.policies.refresh()
        assert world.fetches == 2
        await world.policies.refresh()
        assert world.fetches == 2
        world.record()
        world.clock.seconds += MAX_AGE - 1
        assert (await world.new().find(DOMAIN)).policy is not None

    play(work)


def test_a_refresh_that_fails_leaves_the_policy(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        await world.find()
        world.site.answer = []
        world.clock.seconds += REFRESH_SECONDS + 1
        await world.policies.refresh()
        found = await world.find()
        assert (found.policy is not None, found.problem) == (True, FETCH)

    play(work)


def test_policies_that_nobody_uses_are_left_to_expire_and_dropped(
    play: Callable[..., Any],
) -> None:
    async def work(world: World) -> StsState | None:
        await world.find()
        world.clock.seconds += sts_policies.IN_USE_SECONDS
        await world.policies.refresh()
        assert world.fetches == 1
        return await world.store.sts_state(DOMAIN)

    assert play(work) is None


def test_the_store_is_read_now_and_then_only(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What another process has fetched is known here soon."""

    async def work(world: World) -> None:
        reads = 0
        read = world.store.sts_state

        async def counted(domain: str) -> StsState | None:
            nonlocal reads
            reads += 1
            return await read(domain)

        monkeypatch.setattr(world.store, "sts_state", counted)
        for domain, expected in ((DOMAIN, 1), ("none.test", 2)):
            await world.policies.find(domain)
            world.clock.seconds += MEMORY_SECONDS - 1
            await world.policies.find(domain)
            assert reads == expected
            world.clock.seconds = 1_000_000
        world.clock.seconds += MEMORY_SECONDS
        await world.find()
        assert reads == 3

    play(work)


def test_use_is_noted_once_a_day(play: Callable[..., Any]) -> None:
    async def work(world: World) -> list[int]:
        noted = []
        for seconds in (0, REFRESH_SECONDS - 1, 1):
            world.clock.seconds += seconds
            await world.find()
            state = await world.store.sts_state(DOMAIN)
            assert state is not None
            noted.append(state.used_at - 1_000_000)
        return noted

    assert play(work) == [0, 0, REFRESH_SECONDS]


def test_a_fetch_that_fails_does_not_undo_that_of_another_process(
    play: Callable[..., Any],
) -> None:
    class Slow(Https):
        def __init__(self) -> None:
            self.asked, self.fail = asyncio.Event(), asyncio.Event()

        async def fetch(self, request: Request) -> Response:
            self.asked.set()
            await self.fail.wait()
            raise HttpsProblem("the connection broke")

    async def work(world: World) -> None:
        slow = Slow()
        other = KeptStsPolicies(Names(world.names), slow, world.store, world.clock)
        finding = asyncio.create_task(other.find(DOMAIN))
        await slow.asked.wait()
        assert (await world.find()).policy is not None
        slow.fail.set()
        assert (await finding).policy is not None
        assert (await world.new().find(DOMAIN)).policy is not None

    play(work)


def test_a_store_that_fails_costs_no_policy(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise StoreUnavailable("gone")

    async def work(world: World) -> None:
        for verb in ("sts_state", "keep_sts_state", "use_sts_policy"):
            monkeypatch.setattr(world.store, verb, fail)
        assert (await world.find()).policy is not None
        world.clock.seconds += REFRESH_SECONDS
        assert (await world.find()).policy is not None

    play(work)


def test_what_is_remembered_has_an_end(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sts_policies, "MAX_REMEMBERED", 10)

    async def work(world: World) -> int:
        for number in range(100):
            await world.policies.find(f"d{number}.test")
        return len(world.policies._known)

    assert play(work) == 10


class Slow(Https):
    """Answers when it may; ``most`` is how many asked at once."""

    def __init__(self) -> None:
        self.may = asyncio.Event()
        self.now = self.most = 0

    async def fetch(self, request: Request) -> Response:
        self.now += 1
        self.most = max(self.most, self.now)
        await self.may.wait()
        self.now -= 1
        return Response(404, {}, b"")


def many(world: World, https: Https) -> tuple[KeptStsPolicies, list[str]]:
    domains = [f"d{number}.test" for number in range(FETCHES * 3)]
    for domain in domains:
        world.names[record_name(domain), "TXT"] = [b"v=STSv1; id=1"]
    return KeptStsPolicies(Names(world.names), https, world.store, world.clock), domains


def test_a_long_policy_is_known_and_not_held_in_memory(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        world.site.answer = plain(text() + b"x: " + b"y" * 5000)
        for _ in range(2):
            assert (await world.find()).policy is not None
        assert world.fetches == 1
        assert not world.policies._known

    play(work)


def test_a_refresh_has_an_end(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sts_policies, "RUN_SECONDS", 0.02)

    async def work(world: World) -> None:
        await world.find()
        world.site.hang, world.site.answer = True, []
        world.clock.seconds += REFRESH_SECONDS + 1
        await world.policies.refresh()
        assert world.fetches <= 2

    play(work)


def test_fetches_at_a_time_have_an_end(play: Callable[..., Any]) -> None:
    async def work(world: World) -> int:
        slow = Slow()
        policies, domains = many(world, slow)
        finding = [asyncio.create_task(policies.find(domain)) for domain in domains]
        while slow.now < FETCHES:
            await asyncio.sleep(0)
        slow.may.set()
        found = await asyncio.gather(*finding)
        assert {one.problem for one in found} == {FETCH}
        return slow.most

    assert play(work) == FETCHES


def test_who_finds_no_room_is_not_blamed(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sts_policies, "ROOM_SECONDS", 0.02)

    async def work(world: World) -> None:
        slow = Slow()
        policies, domains = many(world, slow)
        finding = [asyncio.create_task(policies.find(domain)) for domain in domains]
        late = await asyncio.gather(*finding[FETCHES:])
        assert set(late) == {NO_POLICY}
        slow.may.set()
        assert {one.problem for one in await asyncio.gather(*finding[:FETCHES])} == {FETCH}
        assert (await policies.find(domains[-1])).problem is FETCH

    play(work)


def test_a_policy_of_none_has_no_troubles(play: Callable[..., Any]) -> None:
    async def work(world: World) -> None:
        world.site.answer = plain(text("none"))
        await world.find()
        world.record(b"v=STSv1; id=2")
        world.site.answer = []
        found = await world.find()
        assert found.policy is not None
        assert (found.policy.mode, found.problem) == (StsMode.NONE, None)

    play(work)


def test_the_administrator_learns_of_a_refresh_that_fails(play: Callable[..., Any]) -> None:
    async def work(world: World) -> Any:
        await world.find()
        world.site.answer = plain(b"gone", status="410 Gone")
        world.clock.seconds += REFRESH_SECONDS + 1
        with capture_logs() as lines:
            await world.policies.refresh()
        return lines

    (line,) = play(work)
    assert line["log_level"] == "warning"
    assert (line["domain"], line["problem"]) == (DOMAIN, FETCH)
    assert "410" in line["reason"]


@pytest.mark.rfc("8461", "5.1")
def test_before_mail_fails_for_good_the_record_is_asked_for_anew(
    play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(world: World) -> None:
        await world.find()
        name = record_name(DOMAIN)
        stale = {name: Answer(name, (b"v=STSv1; id=1",), False)}
        monkeypatch.setattr(Names, "stale", stale)
        world.site.answer = plain(text("none"))
        world.record(b"v=STSv1; id=2")
        found = await world.find()
        assert found.policy is not None
        assert found.policy.mode is StsMode.ENFORCE
        found = await world.policies.find(DOMAIN, last=True)
        assert found.policy is not None
        assert found.policy.mode is StsMode.NONE

    play(work)
