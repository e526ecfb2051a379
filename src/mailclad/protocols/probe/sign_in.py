"""Signing in to an IMAP server with a password, as a client; no I/O.

RFC 9051 §6.2.2 (AUTHENTICATE), §6.2.3 (LOGIN), RFC 4959 (SASL-IR), RFC 4616 (PLAIN).

Comes in: what the server offers under TLS, a name and a password; octets of an untrusted server.
Goes out: octets for it, and the line that decides.  Whoever uses it has seen the server prove who
it is: the password is in the octets.  Limits: of a line, of everything that is said.
"""

from collections.abc import Collection
from dataclasses import dataclass

from mailclad.protocols.probe.dialogue import ANSWER_OCTETS, LINE_OCTETS, DialogueProblem
from mailclad.protocols.probe.grammar import TAG
from mailclad.protocols.sasl.base64 import encode
from mailclad.protocols.smtp.client.login import Login, PlainClient

REPLY_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Decided:
    """``reply`` is the server's line without the tag."""

    positive: bool
    reply: str


def steps(login: Login, offered: Collection[str]) -> tuple[bytes, ...]:
    """What is said, each but the first when the server asks; empty: no method in common."""
    name, password = login.name.encode(), login.password.reveal()
    if b"\0" in name or b"\0" in password:
        return ()
    tag = TAG.encode()
    if "AUTH=PLAIN" in offered:
        response = encode(PlainClient(login).initial or b"")
        if "SASL-IR" in offered:
            return (b"%b AUTHENTICATE PLAIN %b\r\n" % (tag, response),)
        return (b"%b AUTHENTICATE PLAIN\r\n" % tag, response + b"\r\n")
    if "LOGINDISABLED" in offered:
        return ()
    return (
        b"%b LOGIN {%d}\r\n" % (tag, len(name)),
        b"%b {%d}\r\n" % (name, len(password)),
        password + b"\r\n",
    )


class ImapSignIn:
    """One try; ``steps`` must not be empty."""

    __slots__ = ("_buffer", "_left", "_octets")

    def __init__(self, said: tuple[bytes, ...]) -> None:
        self._left = list(said)
        self._buffer = bytearray()
        self._octets = 0

    def begin(self) -> bytes:
        return self._left.pop(0)

    def receive(self, octets: bytes) -> bytes | Decided:
        """Return what is to be sent, perhaps nothing, or how it ended; raises DialogueProblem."""
        self._buffer += octets
        self._octets += len(octets)
        if self._octets > ANSWER_OCTETS:
            raise DialogueProblem("an answer that does not end")
        output = b""
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end]).removesuffix(b"\r")
            del self._buffer[: end + 1]
            if line.startswith(b"+"):
                output += self._left.pop(0) if self._left else b"*\r\n"
            elif line.startswith(TAG.encode() + b" "):
                return _decided(line.partition(b" ")[2])
        if len(self._buffer) > LINE_OCTETS:
            raise DialogueProblem("a line that does not end")
        return output


def _decided(line: bytes) -> Decided:
    text = line.decode("utf-8", "replace")
    reply = "".join(c if c.isprintable() else " " for c in text)[:REPLY_CHARACTERS]
    return Decided(reply.upper().startswith("OK"), reply)
