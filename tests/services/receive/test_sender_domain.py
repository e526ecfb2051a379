"""Whose domain cannot be answered, and what trouble with DNS means: nothing."""

import asyncio

import pytest

from mailclad.base.resolver import Answer, DnsProblem, Mx
from mailclad.services.receive import sender_domain
from mailclad.services.receive.guard import Refused
from mailclad.services.receive.sender_domain import DomainState, SenderDomain, look_up
from tests.dns.fake import FakeResolver, Known
from tests.services.receive.meeting import Meeting

KNOWN: dict[tuple[str, str], Known] = {
    ("mx.test", "MX"): [Mx(10, "a.mx.test")],
    ("null.test", "MX"): [Mx(0, "")],
    ("half.test", "MX"): [Mx(0, ""), Mx(10, "a.mx.test")],
    ("four.test", "A"): ["192.0.2.1"],
    ("six.test", "AAAA"): ["2001:db8::1"],
    ("text.test", "TXT"): [b"x"],
    ("trouble.test", "MX"): DnsProblem("x"),
    ("xn--bcher-kva.test", "A"): ["192.0.2.1"],
}


@pytest.mark.rfc("7505", "4.2")
@pytest.mark.parametrize(
    ("domain", "state"),
    [
        ("mx.test", DomainState.ANSWERED),
        ("MX.test", DomainState.ANSWERED),
        ("half.test", DomainState.ANSWERED),
        ("four.test", DomainState.ANSWERED),
        ("six.test", DomainState.ANSWERED),
        ("bücher.test", DomainState.ANSWERED),
        ("trouble.test", DomainState.ANSWERED),
        ("null.test", DomainState.NULL_MX),
        ("text.test", DomainState.ABSENT),
        ("nowhere.test", DomainState.ABSENT),
    ],
)
def test_domains(domain: str, state: DomainState) -> None:
    assert asyncio.run(look_up(FakeResolver(KNOWN), domain)) is state


class Silent(FakeResolver):
    async def mx(self, name: str) -> Answer[Mx]:
        await asyncio.Event().wait()
        raise AssertionError


def test_a_resolver_that_is_silent_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_domain, "TOTAL_SECONDS", 0.01)
    assert asyncio.run(look_up(Silent(), "x.test")) is DomainState.ANSWERED


@pytest.mark.parametrize(
    ("sender", "recipient", "status"),
    [
        ("x@null.test", "ada@ours.test", "5.7.27"),
        ("x@nowhere.test", "ada@ours.test", "5.1.8"),
        ("x@nowhere.test", "Postmaster@ours.test", ""),
        ("x@nowhere.test", "abuse@ours.test", ""),
        ("x@[192.0.2.1]", "ada@ours.test", ""),
        ("", "ada@ours.test", ""),
    ],
)
def test_who_is_refused(sender: str, recipient: str, status: str) -> None:
    async def scenario() -> str:
        meeting = Meeting(SenderDomain(FakeResolver(KNOWN)))
        await meeting.mail("x@mx.test")
        await meeting.recipient("ada@ours.test")  # what is known of one domain is not the next's
        await meeting.mail(sender)
        try:
            await meeting.recipient(recipient)
        except Refused as refused:
            return refused.reply.status
        return ""

    assert asyncio.run(scenario()) == status
