"""CAPA and UTF8: what can be done here (RFC 2449 §5, RFC 6856 §2).

Logging in is offered inside TLS only.  No IMPLEMENTATION (it would tell strangers our
version), no LOGIN-DELAY, no LANG.  UTF8 promises that names and passwords may be UTF-8 and
that messages come as they are stored; without it they come as they are stored, too: a
message with raw UTF-8 in its header is sent whole rather than withheld or falsified, as
RFC 6856 §2.1 would have it, because clients read it and have no other way to it.
"""

from mailclad.protocols.pop3.commands import Capa, Utf8
from mailclad.protocols.pop3.responses import Begin, Capabilities, End
from mailclad.sessions.pop3.outcome import Emit, Outcome, ok
from mailclad.sessions.pop3.session import Session

ALWAYS = (
    "TOP",
    "UIDL",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "EXPIRE NEVER",
    "UTF8 USER",
)


async def capa(session: Session, command: Capa, emit: Emit) -> Outcome:
    await emit(Begin("capabilities follow"))
    await emit(Capabilities((*ALWAYS, *_by_channel(session))))
    await emit(End())
    return Outcome()


async def utf8(session: Session, command: Utf8, emit: Emit) -> Outcome:
    return ok("messages come as they are stored")


def _by_channel(session: Session) -> tuple[str, ...]:
    if session.tls is None:
        return ("STLS",) if session.starttls else ()
    return "USER", " ".join(("SASL", *session.authentication.mechanisms(session.tls)))
