"""rspamd's verdict in our words; the real one is in ``tests/interop/test_rspamd.py``."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from mailclad.base.octets import Octets
from mailclad.mail.address import Address
from mailclad.protocols.smtp.command import Mail
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.filter_failure import FILTER_DOWN, OnFailure
from mailclad.services.receive.guard import NO_OPINION, Arrived, Client, MailFrom, Opinion, Refused
from mailclad.services.receive.rspamd import RspamdGuard
from tests.sessions.smtp.talk import TLS, account, make_spool

ADA = Address("ada", "example.org")
CLIENT = Client("192.0.2.7", 25, "mx.example.org", None, "client.example")
PERSON = Client("192.0.2.7", 465, "mx.example.org", TLS, "laptop", account(1, "ada@example.org"))
OCTETS = b"Subject: a\r\nX: 1\r\nX: 2\r\n\r\nHello.\r\n"
MESSAGE = Arrived(b"trace" + OCTETS, 5, (ADA, Address("grace", "example.org")), b"Above: y\r\n")
STATUS = b"X-Spam-Status: No, score=0.0 required=0.0\r\n\ttests=\r\n"


@dataclass
class ScriptedPost:
    """Gives one answer; ``asked`` are the fields of the last request, ``body`` its body."""

    answer: bytes = b"{}"
    problem: Exception | None = None
    waits: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    async def __call__(
        self, fields: Iterable[tuple[str, str]], parts: Sequence[Octets], start: int
    ) -> bytes:
        self.asked = list(fields)
        self.body = b"".join([part[:] for part in parts[:-1]]) + parts[-1][start:]
        if self.waits:
            await asyncio.Event().wait()
        if self.problem is not None:
            raise self.problem
        return self.answer


def judged(
    post: ScriptedPost,
    on_failure: OnFailure = OnFailure.DEFER,
    client: Client = CLIENT,
) -> Opinion:
    async def whole() -> Opinion:
        guard = RspamdGuard(post, 0.05 if post.waits else 10.0, on_failure, make_spool)
        visit = guard.meet(client)
        sender = MailFrom(client, "id1", Mail(Address("bob", "elsewhere.example")), (ADA,))
        return await visit.message(sender, MESSAGE)

    return asyncio.run(whole())


def said(**verdict: Any) -> ScriptedPost:
    return ScriptedPost(json.dumps(verdict).encode())


def refused(post: ScriptedPost, client: Client = CLIENT) -> Refused:
    with pytest.raises(Refused) as caught:
        judged(post, client=client)
    return caught.value


def test_it_is_told_what_is_known() -> None:
    post = said(action="no action")
    judged(post)
    assert post.asked == [
        ("Queue-Id", "id1"),
        ("From", "bob@elsewhere.example"),
        ("MTA-Name", "mx.example.org"),
        ("Rcpt", "ada@example.org"),
        ("Rcpt", "grace@example.org"),
        ("Ip", "192.0.2.7"),
        ("Helo", "client.example"),
    ]
    assert post.body == b"Above: y\r\n" + OCTETS


def test_it_learns_who_has_logged_in() -> None:
    post = said(action="no action")
    judged(post, client=PERSON)
    assert dict(post.asked)["User"] == "ada@example.org"
    assert dict(post.asked)["TLS-Version"] == "TLSv1.3"


@pytest.mark.parametrize("action", ["no action", "greylist", "accept", "somebody's own"])
def test_what_lets_mail_pass(action: str) -> None:
    assert judged(said(action=action)) == Opinion(fields=STATUS)


@pytest.mark.parametrize("action", ["add header", "rewrite subject", "quarantine"])
def test_what_is_junk(action: str) -> None:
    symbols = {"SMALL": {"score": 0.1}, "LARGE": {"score": 7}}
    opinion = judged(said(action=action, score=7.1, required_score=15, symbols=symbols))
    assert opinion.junk == "rspamd: 7.1 points"
    assert opinion.fields == (
        b"X-Spam-Status: Yes, score=7.1 required=15.0\r\n\ttests=LARGE,\r\n\tSMALL\r\n"
    )
    assert opinion.replaced is None


def test_the_subject_is_rewritten() -> None:
    opinion = judged(said(action="rewrite subject", subject="*** SPAM *** a"))
    assert opinion.replaced == OCTETS.replace(b"Subject: a", b"Subject: *** SPAM *** a")


def test_reject_keeps_what_strangers_sent_where_that_is_wanted() -> None:
    assert refused(said(action="reject")).keep
    assert not refused(said(action="reject"), PERSON).keep


@pytest.mark.parametrize(
    ("verdict", "reply"),
    [
        ({"action": "reject"}, Reply(550, "5.7.1", "The message looks like spam")),
        ({"action": "soft reject"}, Reply(451, "4.7.1", "Try again later")),
        (
            {"action": "reject", "messages": {"smtp_message": "No\r\n250 ä"}},
            Reply(550, "5.7.1", "No 250 ?"),
        ),
    ],
)
def test_what_is_a_no(verdict: dict[str, Any], reply: Reply) -> None:
    assert refused(said(**verdict)).reply == reply


def test_discard() -> None:
    assert judged(said(action="discard")).discard


def test_fields_it_wants_added() -> None:
    milter = {
        "add_headers": {"A": "1", "B": {"value": "2", "order": 1}, "C": ["3", {"value": "4"}]}
    }
    opinion = judged(said(action="no action", milter=milter, **{"dkim-signature": "v=1;\r\n b="}))
    assert opinion.fields == (
        b"DKIM-Signature: v=1;\r\n b=\r\nC: 4\r\nC: 3\r\nB: 2\r\nA: 1\r\n" + STATUS
    )


@pytest.mark.parametrize(
    ("number", "left"), [(0, b""), (1, b"X: 2\r\n"), (-1, b"X: 1\r\n"), ([1, 2], b"")]
)
def test_fields_it_wants_removed(number: Any, left: bytes) -> None:
    opinion = judged(said(action="no action", milter={"remove_headers": {"x": number}}))
    assert opinion.replaced == b"Subject: a\r\n" + left + b"\r\nHello.\r\n"


def test_fields_that_are_none_are_left_out() -> None:
    milter = {"add_headers": {"no name": "1", "A": 7, "B": {}}, "remove_headers": {"x": "all"}}
    assert judged(said(action="no action", milter=milter)) == Opinion(fields=STATUS)


@pytest.mark.parametrize(
    "post",
    [
        ScriptedPost(problem=ConnectionRefusedError("nobody there")),
        ScriptedPost(waits=True),
        ScriptedPost(b""),
        ScriptedPost(b"<html>"),
        ScriptedPost(b"[]"),
        ScriptedPost(b"{}"),
        ScriptedPost(b'{"action": 1}'),
        ScriptedPost(b'{"action": "reject", "score": "many"}'),
        ScriptedPost(b'{"action": "\xff"}'),
        ScriptedPost(b'{"action":' * 100_000),
        ScriptedPost(b'{"action":"reject","messages":' + b'{"a":' * 100_000),
    ],
    ids=range(11),
)
@pytest.mark.parametrize("on_failure", OnFailure)
def test_one_that_does_not_work(post: ScriptedPost, on_failure: OnFailure) -> None:
    if on_failure is OnFailure.ACCEPT:
        assert judged(post, on_failure) == NO_OPINION
    else:
        assert refused(post).reply == FILTER_DOWN
