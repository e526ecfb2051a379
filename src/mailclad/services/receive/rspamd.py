"""rspamd as a guard: each message is posted to it, and its verdict obeyed.

Comes in: a message and its envelope.  Goes out: rspamd's action in our words, and its header
fields.  What it answers is JSON (its protocol's ``/checkv2``); an answer that is none, or none in
time, is a failure of the filter.  Its action "greylist" means nothing by itself: where its
greylisting is on, it says "soft reject" as long as a sender shall wait.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog

from mailclad.base.octets import NewSpool, Octets
from mailclad.protocols.smtp.reply import Reply
from mailclad.services.receive.filter_failure import FILTER_DOWN, OnFailure
from mailclad.services.receive.guard import (
    NO_OPINION,
    Arrived,
    Client,
    MailFrom,
    Opinion,
    Refused,
    Visit,
)
from mailclad.services.receive.header_edit import (
    BadField,
    HeaderEdit,
    make_field,
    rewritten,
    split_message,
)

PORT = 11333
"""Where rspamd's normal worker listens."""

PATH = "/checkv2"

_SYMBOLS_SHOWN = 30
_JUNK = frozenset({"add header", "rewrite subject", "quarantine"})
_REASON_CHARACTERS = 300
_log = structlog.get_logger()


class Post(Protocol):
    async def __call__(
        self, fields: Iterable[tuple[str, str]], parts: Sequence[Octets], start: int
    ) -> bytes:
        """The body of the response; raises OSError."""
        ...


class _Symbol(msgspec.Struct):
    score: float = 0.0


class _Milter(msgspec.Struct):
    """Changes of fields, by name."""

    add_headers: dict[str, Any] = {}
    remove_headers: dict[str, Any] = {}


class _Verdict(msgspec.Struct):
    action: str
    score: float = 0.0
    required_score: float = 0.0
    subject: str = ""
    symbols: dict[str, _Symbol] = {}
    messages: dict[str, Any] = {}
    milter: _Milter = msgspec.field(default_factory=_Milter)
    signature: str | list[str] = msgspec.field(name="dkim-signature", default="")


@dataclass(frozen=True, slots=True)
class RspamdGuard:
    post: Post
    seconds: float
    on_failure: OnFailure
    new_spool: NewSpool

    def meet(self, client: Client) -> Visit:
        return _RspamdVisit(self)


class _RspamdVisit(Visit):
    def __init__(self, guard: RspamdGuard) -> None:
        self._guard = guard

    async def message(self, sender: MailFrom, message: Arrived) -> Opinion:
        guard = self._guard
        fields = _request_fields(sender, message)
        try:
            async with asyncio.timeout(guard.seconds):
                answer = await guard.post(fields, (message.fields, message.octets), message.start)
            verdict = msgspec.json.decode(answer, type=_Verdict)
        except (OSError, TimeoutError, msgspec.DecodeError, RecursionError) as problem:
            reason = str(problem) or "no answer in time"
            _log.warning("rspamd does not work", id=sender.identity, reason=reason)
            if guard.on_failure is OnFailure.DEFER:
                raise Refused(FILTER_DOWN) from None
            return NO_OPINION
        _refuse(verdict, keep=sender.client.account is None)
        return _opinion(verdict, message, guard.new_spool)


def _request_fields(sender: MailFrom, message: Arrived) -> list[tuple[str, str]]:
    client = sender.client
    fields = [
        ("Queue-Id", sender.identity),
        ("From", str(sender.mail.reverse_path or "")),
        ("MTA-Name", client.host_name),
    ]
    fields += [("Rcpt", str(recipient)) for recipient in message.recipients]
    optional = {
        "Ip": client.peer,
        "Helo": client.hello,
        "User": client.account.address if client.account is not None else "",
        "TLS-Version": client.tls.version if client.tls is not None else "",
        "TLS-Cipher": client.tls.suite if client.tls is not None else "",
    }
    return fields + [pair for pair in optional.items() if pair[1]]


def _refuse(verdict: _Verdict, *, keep: bool) -> None:
    """Raises Refused where the action is a no."""
    said = verdict.messages.get("smtp_message")
    words = said if isinstance(said, str) else ""
    words = " ".join(words.encode("ascii", "replace").decode().split())[:_REASON_CHARACTERS]
    if verdict.action == "reject":
        raise Refused(Reply(550, "5.7.1", words or "The message looks like spam"), keep=keep)
    if verdict.action == "soft reject":
        raise Refused(Reply(451, "4.7.1", words or "Try again later"))


def _opinion(verdict: _Verdict, message: Arrived, new_spool: NewSpool) -> Opinion:
    if verdict.action == "discard":
        return Opinion(discard=True)
    header, body_at = split_message(message.octets, message.start)
    edit = HeaderEdit(message.fields, header)
    is_junk = verdict.action in _JUNK
    _add(edit, "X-Spam-Status", _status(verdict, is_junk=is_junk))
    for name, value in verdict.milter.add_headers.items():
        for text in _texts(value):
            _add(edit, name, text)
    for text in _texts(verdict.signature):
        _add(edit, "DKIM-Signature", text)
    for name, number in verdict.milter.remove_headers.items():
        _remove(edit, name, number)
    if verdict.action == "rewrite subject" and verdict.subject:
        edit.change(b"Subject", 1, make_field(b"Subject", verdict.subject.encode()))
    new = edit.header()
    return Opinion(
        fields=edit.above(),
        junk=f"rspamd: {verdict.score:.1f} points" if is_junk else "",
        replaced=None if new is None else rewritten(message.octets, new, None, body_at, new_spool),
    )


def _status(verdict: _Verdict, *, is_junk: bool) -> str:
    """In the form that mail programs know from SpamAssassin."""
    names = sorted(verdict.symbols, key=lambda name: -abs(verdict.symbols[name].score))
    shown = ",\n\t".join(names[:_SYMBOLS_SHOWN])
    word = "Yes" if is_junk else "No"
    return (
        f"{word}, score={verdict.score:.1f} required={verdict.required_score:.1f}\n\ttests={shown}"
    )


def _texts(value: Any) -> list[str]:
    """A text, a table with one, or a list of these."""
    several = value if isinstance(value, list) else [value]
    texts = [one.get("value") if isinstance(one, Mapping) else one for one in several]
    return [text for text in texts if isinstance(text, str) and text]


def _add(edit: HeaderEdit, name: str, text: str) -> None:
    try:
        edit.insert(0, make_field(name.encode(), text.encode()))
    except BadField as problem:
        _log.warning("field of rspamd left out", reason=str(problem))


def _remove(edit: HeaderEdit, name: str, value: Any) -> None:
    """A number or a list of them: from 1, from the end below 0; 0 is all of the name."""
    for number in value if isinstance(value, list) else [value]:
        if isinstance(number, int):
            edit.remove(name.encode(), number)
