"""Hooks have a say at every stage; those that fail or hang have none."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from structlog.testing import capture_logs

from mailclad.hooks import (
    Address,
    Attempt,
    AttemptMade,
    Client,
    Defer,
    Hooks,
    MailFrom,
    Message,
    QueuedMessage,
    Refuse,
)
from mailclad.protocols.smtp.command import Mail
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.consult import consult
from mailclad.services.receive.guard import NO_OPINION, Arrived, Opinion, Refused, Visit
from mailclad.store.model import ContentId
from mailclad.store.queue import QueueId

T = TypeVar("T")

ADA, GRACE = Address("ada", "example.org"), Address("grace", "example.org")
CLIENT = Client("192.0.2.7", 25, "mx.example.org", None, "client.example")
SENDER = MailFrom(CLIENT, "id1", Mail(Address("bob", "elsewhere.example")), (ADA,))
OCTETS = b"Subject: =?utf-8?q?caf=C3=A9?=\r\nX: 1\r\nX: 2\r\n\r\nHello.\r\n"
MESSAGE = Arrived(b"Trace: x\r\n" + OCTETS, 10, (ADA,))
IMPATIENCE = 0.05


def run(work: Awaitable[T]) -> T:
    async def whole() -> T:
        return await work

    return asyncio.run(whole())


def visits(hooks: Hooks, seconds: float = 10.0) -> list[Visit]:
    return [guard.meet(CLIENT) for guard in hooks.guards(seconds)]


def judged(hooks: Hooks, seconds: float = 10.0) -> Opinion:
    return run(consult(visits(hooks, seconds), SENDER, MESSAGE))


async def whole_session(hooks: Hooks, seconds: float = 10.0) -> Opinion:
    met = visits(hooks, seconds)
    for visit in met:
        await visit.connected()
        await visit.hello(CLIENT)
        await visit.mail(SENDER)
        await visit.recipient(SENDER, ADA)
    return await consult(met, SENDER, MESSAGE)


def test_each_stage_is_called_with_its_facts() -> None:
    hooks = Hooks()
    seen: list[tuple[object, ...]] = []

    @hooks.connect
    @hooks.hello
    async def client(client: Client) -> None:
        seen.append((client,))

    @hooks.mail
    async def mail(sender: MailFrom) -> None:
        seen.append((sender,))

    @hooks.recipient
    async def recipient(sender: MailFrom, recipient: Address) -> None:
        seen.append((sender, recipient))

    @hooks.message
    async def message(message: Message) -> None:
        seen.append((message.sender, message.content, message.body, message.client))

    run(whole_session(hooks))
    assert sorted(seen, key=repr) == sorted(
        [(CLIENT,), (CLIENT,), (SENDER,), (SENDER, ADA), (SENDER, OCTETS, b"Hello.\r\n", CLIENT)],
        key=repr,
    )


def test_headers_are_read_decoded() -> None:
    message = Message(SENDER, MESSAGE.octets, MESSAGE.start, [ADA])
    assert message.header("subject") == "café"
    assert message.headers("x") == ["1", "2"]
    assert message.header("Nobody") == ""


@pytest.mark.parametrize(
    ("raised", "reply", "close"),
    [
        (Refuse("No"), Reply(550, "5.7.1", "No"), False),
        (Defer("Later\r\n250 not"), Reply(451, "4.7.1", "Later 250 not"), False),
        (Refuse("Off", code=554, status="5.7.0", close=True), Reply(554, "5.7.0", "Off"), True),
    ],
)
def test_a_hook_refuses_by_raising(raised: Refused, reply: Reply, close: bool) -> None:
    hooks = Hooks()

    @hooks.message
    async def no(message: Message) -> None:
        raise raised

    with pytest.raises(Refused) as caught:
        judged(hooks)
    assert (caught.value.reply, caught.value.close) == (reply, close)


def test_a_message_is_changed_by_one_hook_after_the_other() -> None:
    hooks = Hooks()

    @hooks.message
    async def first(message: Message) -> None:
        message.add_header("X-First", "ä\r\nEvil: no")
        message.add_recipient("grace@example.org")
        message.junk("one")
        message.replace(b"Subject: new\n\r\nnew\r")

    @hooks.message
    async def second(message: Message) -> None:
        assert message.header("Subject") == "new"
        assert message.header("X-First") == "ä Evil: no"
        assert message.recipients == [ADA, GRACE]
        message.recipients.remove(ADA)
        message.junk("two")

    assert judged(hooks) == Opinion(
        fields="X-First: ä\r\n\tEvil: no\r\n".encode(),
        junk="one",
        replaced=b"Subject: new\r\n\r\nnew\r\n",
        recipients=(GRACE,),
    )


def test_discard() -> None:
    hooks = Hooks()

    @hooks.message
    async def drop(message: Message) -> None:
        message.discard()

    assert judged(hooks).discard


@pytest.mark.parametrize(
    "problem", [ValueError("x"), KeyError("y"), asyncio.CancelledError(), TimeoutError()]
)
def test_a_hook_that_raises_has_no_opinion_and_the_log_its_traceback(
    problem: BaseException,
) -> None:
    hooks = Hooks()

    @hooks.message
    async def fails(message: Message) -> None:
        message.junk("half done")
        message.recipients.clear()
        raise problem

    @hooks.message
    async def works(message: Message) -> None:
        message.add_header("X", "y")

    with capture_logs() as logs:
        said = judged(hooks)
    assert said == Opinion(fields=b"X: y\r\n", recipients=(ADA,))
    if isinstance(problem, Exception):
        (line,) = logs
        assert line["event"] == "hook failed"
        assert line["hook"].endswith("fails")
        assert line["exc_info"] is problem


def test_a_hook_that_hangs_has_no_opinion() -> None:
    hooks = Hooks()

    @hooks.connect
    @hooks.hello
    async def hangs(client: Client) -> None:
        await asyncio.Event().wait()

    @hooks.message
    async def hangs_too(message: Message) -> None:
        message.junk("never said")
        await asyncio.Event().wait()

    with capture_logs() as logs:
        assert run(whole_session(hooks, IMPATIENCE)).junk == ""
    assert [line["event"] for line in logs] == ["hook takes too long"] * 3


def test_a_hook_that_will_not_be_cancelled_holds_nothing_up() -> None:
    hooks = Hooks()
    released = asyncio.Event()

    @hooks.message
    async def stubborn(message: Message) -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue
        raise ValueError("too late")

    async def scene() -> Opinion:
        try:
            return await consult(visits(hooks, IMPATIENCE), SENDER, MESSAGE)
        finally:
            released.set()
            await asyncio.sleep(0)

    with capture_logs():
        assert run(scene()) == Opinion(recipients=(ADA,))


def test_a_hook_ends_with_the_connection() -> None:
    hooks = Hooks()
    ended: list[str] = []

    @hooks.message
    async def waits(message: Message) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("hook")

    async def scene() -> None:
        task = asyncio.ensure_future(consult(visits(hooks), SENDER, MESSAGE))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0)

    run(scene())
    assert ended == ["hook"]


def test_a_hook_must_be_async() -> None:
    def blocks(message: Message) -> None: ...

    with pytest.raises(TypeError, match="blocks must be an “async def”"):
        Hooks().message(blocks)  # type: ignore[type-var]


def test_a_field_that_cannot_be_one_fails_the_hook() -> None:
    hooks = Hooks()

    @hooks.message
    async def wrong(message: Message) -> None:
        message.add_header("Not a name", "x")

    with capture_logs() as logs:
        assert judged(hooks) == Opinion(recipients=(ADA,))
    assert logs[0]["event"] == "hook failed"


def test_attempts_are_told_to_all_whatever_some_do(attempt: AttemptMade) -> None:
    hooks = Hooks()
    told: list[str] = []

    @hooks.delivery
    async def refuses(attempt: AttemptMade) -> None:
        raise Refuse("too late")

    @hooks.delivery
    async def fails(attempt: AttemptMade) -> None:
        raise ValueError

    @hooks.delivery
    async def listens(attempt: AttemptMade) -> None:
        told.append(attempt.attempt.answer)

    with capture_logs():
        run(hooks.attempts().on_attempt(attempt))
    assert told == ["250 OK"]
    assert hooks.guards() == ()


@pytest.fixture
def attempt() -> AttemptMade:
    message = QueuedMessage(
        QueueId(1), ContentId(1), 100, 0, "id1", "ada@example.org", 0, 0, 0, None, None, None,
        0, False, False, False,
    )  # fmt: skip
    made = Attempt(0, "example.net", "mx.example.net", "192.0.2.9", "", "", "", "", "250 OK")
    return AttemptMade(message, ("bob@example.net",), made)


def test_no_opinion_where_no_hook_looks_at_messages() -> None:
    hooks = Hooks()

    @hooks.mail
    async def mail(sender: MailFrom) -> None: ...

    (visit,) = visits(hooks)
    assert run(visit.message(SENDER, MESSAGE)) == NO_OPINION
