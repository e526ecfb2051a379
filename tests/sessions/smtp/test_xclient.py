"""XCLIENT: only from proxies, only once, never in the middle of a message."""

from dataclasses import dataclass, field

import pytest

from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.guard import Client, Refused, Visit
from tests.sessions.smtp.talk import Talk

PROXY = ("192.0.2.7",)
HELLO = b"EHLO client.example\r\n"
XCLIENT = b"XCLIENT ADDR=198.51.100.9 NAME=c.test PORT=4321 PROTO=ESMTP LOGIN=ada\r\n"
MAIL = b"MAIL FROM:<bob@elsewhere.example>\r\n"


def test_the_conversation_begins_anew_for_the_client_that_was_named() -> None:
    talk = Talk(proxies=PROXY)
    assert b"250-XCLIENT NAME ADDR PORT PROTO\r\n" in talk.feed(HELLO)
    assert talk.feed(XCLIENT) == b"220 mx.example.org ESMTP\r\n"
    assert (talk.session.client.peer, talk.session.client.hello) == ("198.51.100.9", "")
    assert talk.feed(MAIL).startswith(b"503 ")
    assert b"XCLIENT" not in talk.feed(HELLO)
    assert talk.feed(XCLIENT).startswith(b"500 ")
    assert talk.session.client.peer == "198.51.100.9"


@pytest.mark.parametrize(
    ("attributes", "peer"),
    [
        (b"ADDR=IPV6:2001:db8::1", "2001:db8::1"),
        (b"addr=ipv6:2001:db8::1", "2001:db8::1"),
        (b"ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]", "192.0.2.7"),
        (b"NAME=c.test", "192.0.2.7"),
    ],
)
def test_addresses(attributes: bytes, peer: str) -> None:
    talk = Talk(proxies=PROXY)
    assert talk.feed(b"XCLIENT " + attributes + b"\r\n").startswith(b"220 ")
    assert talk.session.client.peer == peer


@pytest.mark.parametrize("attributes", [b"", b" ADDR", b" ADDR=x", b" ADDR=", b" ADDR=1.2.3.4 x"])
def test_what_cannot_be_read_changes_nothing(attributes: bytes) -> None:
    talk = Talk(proxies=PROXY)
    said = talk.feed(HELLO + b"XCLIENT" + attributes + b"\r\n")
    assert said.splitlines()[-1].startswith(b"501 5.5.4 ")
    assert talk.session.client.peer == "192.0.2.7"


def test_in_the_middle_of_a_message_it_is_out_of_order() -> None:
    talk = Talk(proxies=PROXY)
    assert talk.feed(HELLO + MAIL + XCLIENT).splitlines()[-1].startswith(b"503 ")


class Doorkeeper(Visit):
    def __init__(self, peer: str) -> None:
        self.peer, self.closed = peer, False

    async def connected(self) -> None:
        if self.peer == "198.51.100.9":
            raise Refused(Reply(450, "4.7.1", "Not now"))

    def close(self) -> None:
        self.closed = True


@dataclass
class Door:
    visits: list[Doorkeeper] = field(default_factory=list)

    def meet(self, client: Client) -> Visit:
        self.visits.append(Doorkeeper(client.peer))
        return self.visits[-1]


def test_a_client_who_is_refused_does_not_go_on_as_its_proxy() -> None:
    door = Door()
    talk = Talk(proxies=PROXY, guards=(door,))
    assert talk.feed(HELLO + XCLIENT + MAIL).splitlines()[-1] == b"450 4.7.1 Not now"
    assert talk.closed is not None
    assert door.visits[1].closed


def test_guards_meet_the_client_and_leave_its_proxy() -> None:
    door = Door()
    Talk(proxies=PROXY, guards=(door,)).feed(b"XCLIENT ADDR=198.51.100.8\r\n")
    assert [visit.peer for visit in door.visits] == ["192.0.2.7", "198.51.100.8"]
    assert [visit.closed for visit in door.visits] == [True, False]


def test_it_is_told_again_after_starttls() -> None:
    talk = Talk(proxies=PROXY)
    talk.feed(HELLO + b"STARTTLS\r\n")
    talk.start_tls()
    assert b"XCLIENT" in talk.feed(HELLO)
    assert talk.feed(XCLIENT).startswith(b"220 ")


@pytest.mark.parametrize("role", [Role.MX, Role.SUBMISSION])
def test_for_others_there_is_no_such_command(role: Role) -> None:
    talk = Talk(role, proxies=("192.0.2.8",))
    assert b"XCLIENT" not in talk.feed(HELLO + b"HELP\r\n")
    assert talk.feed(XCLIENT)[:4] in {b"500 ", b"530 "}
