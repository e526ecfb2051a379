"""How each protocol asks our few questions, and when its answer is whole: a table.

RFC 5321 §4.1.1.1, §4.2, RFC 3207; RFC 9051 §6.1, §6.2.1, §7.1; RFC 1939 §3, RFC 2449 §5,
RFC 2595 §4; RFC 5804 §1.2, §1.7, §2.2–2.4; RFC 9112 §3, §4.

Comes in: the lines of an answer so far, from a stranger, without their ends.  Goes out: whether
the server agreed, or that more lines belong to it; and capability words in one spelling for all
protocols: upper case, a parameter behind "=" (``AUTH=PLAIN``, ``SIZE=52428800``), and what means
the same is called the same (``STLS`` is STARTTLS, ``SASL`` is AUTH).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from mailclad.mail.endpoint import MailProtocol

TAG = "p1"
"""Of every IMAP command: there is one at a time."""


class Question(StrEnum):
    GREETING = "greeting"
    """Asked by waiting."""
    CAPABILITIES = "capabilities"
    UPGRADE = "upgrade"
    """STARTTLS, STLS."""
    NOTHING = "nothing"
    """A command without effect: NOOP; where there is none before login, the capabilities."""
    LEAVE = "leave"


class NotTheProtocol(Exception):
    """A line that cannot be an answer; the text never quotes it."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """``is_positive``: of an answer so far; None where it goes on.  ``decisive``: the place of
    the line that says so.  ``greets_again``: with a greeting under TLS behind an upgrade.
    """

    commands: Mapping[Question, str]
    is_positive: Callable[[Question, Sequence[bytes]], bool | None]
    words: Callable[[Question, Sequence[bytes]], Iterable[str] | None]
    decisive: int = -1
    literals: bool = False
    greets_again: bool = False


# --- SMTP ---

_REPLY = re.compile(rb"([2-5])[0-9][0-9]([ -].*)?", re.DOTALL)


def _smtp_is_positive(_question: Question, lines: Sequence[bytes]) -> bool | None:
    found = _REPLY.fullmatch(lines[-1])
    if found is None:
        raise NotTheProtocol("a line that is no SMTP reply")
    if (found[2] or b"").startswith(b"-"):
        return None
    return found[1] in b"23"


def _smtp_words(question: Question, lines: Sequence[bytes]) -> Iterable[str] | None:
    if question is not Question.CAPABILITIES:
        return None
    # AUTH=LOGIN is how some servers still say it, from before the standard
    return _words(line[4:].replace(b"AUTH=", b"AUTH ", 1) for line in lines[1:])


# --- IMAP ---

_CAPABILITY_CODE = re.compile(rb"\[CAPABILITY ([^\]]*)\]", re.IGNORECASE)
_CAPABILITY_LINE = re.compile(rb"\* CAPABILITY (.*)", re.IGNORECASE)
_IMAP_GREETINGS: Mapping[bytes, bool] = {b"OK": True, b"PREAUTH": True, b"BYE": False}


def _imap_is_positive(question: Question, lines: Sequence[bytes]) -> bool | None:
    tag, _, rest = lines[-1].partition(b" ")
    status = rest.partition(b" ")[0].upper()
    if question is Question.GREETING:
        if tag != b"*" or status not in _IMAP_GREETINGS:
            raise NotTheProtocol("a greeting that is not IMAP's")
        return _IMAP_GREETINGS[status]
    if tag == TAG.encode():
        return status == b"OK"
    if tag not in {b"*", b"+"}:
        raise NotTheProtocol("a line that is no IMAP response")
    return None


def _imap_words(question: Question, lines: Sequence[bytes]) -> Iterable[str] | None:
    pattern = _CAPABILITY_CODE if question is Question.GREETING else _CAPABILITY_LINE
    found = [match[1] for match in map(pattern.search, lines) if match is not None]
    return _split(b" ".join(found)) if found else None


# --- POP3 ---


def _pop3_is_positive(question: Question, lines: Sequence[bytes]) -> bool | None:
    status = lines[0].partition(b" ")[0].upper()
    if status not in {b"+OK", b"-ERR"}:
        raise NotTheProtocol("a line that is no POP3 response")
    goes_on = question is Question.CAPABILITIES and status == b"+OK"
    return None if goes_on and lines[-1] != b"." else status == b"+OK"


def _pop3_words(question: Question, lines: Sequence[bytes]) -> Iterable[str] | None:
    return _words(lines[1:-1]) if question is Question.CAPABILITIES else None


# --- ManageSieve ---

_SIEVE_STATUS = re.compile(rb"(OK|NO|BYE)(?: .*)?", re.IGNORECASE | re.DOTALL)
_SIEVE_CAPABILITY = re.compile(rb'"([^"]*)"(?: "(.*)")?', re.DOTALL)


def _sieve_is_positive(_question: Question, lines: Sequence[bytes]) -> bool | None:
    found = _SIEVE_STATUS.fullmatch(lines[-1])
    if found is not None:
        return found[1].upper() == b"OK"
    if not lines[-1].startswith((b'"', b"{")):
        raise NotTheProtocol("a line that is no ManageSieve response")
    return None


def _sieve_words(question: Question, lines: Sequence[bytes]) -> Iterable[str] | None:
    if question not in {Question.GREETING, Question.CAPABILITIES}:
        return None
    found = map(_SIEVE_CAPABILITY.fullmatch, lines)
    return _words(b" ".join((one[1], one[2] or b"")) for one in found if one is not None)


# --- HTTP ---


def _http_is_positive(_question: Question, lines: Sequence[bytes]) -> bool | None:
    if not lines[0].startswith(b"HTTP/"):
        raise NotTheProtocol("a line that is no HTTP status")
    return None if lines[-1] else True


# --- all ---

_SAME: Mapping[str, str] = MappingProxyType({"STLS": "STARTTLS", "SASL": "AUTH"})


def _words(lines: Iterable[bytes]) -> Iterator[str]:
    """A keyword with what stands behind it, a line each."""
    for line in lines:
        keyword, *parameters = _split(line) or [""]
        keyword = _SAME.get(keyword, keyword)
        if parameters:
            yield from (f"{keyword}={parameter}" for parameter in parameters)
        elif keyword:
            yield keyword


def _split(line: bytes) -> list[str]:
    return line.decode("ascii", "replace").upper().split()


_SMTP = Grammar(
    commands=MappingProxyType(
        {
            Question.CAPABILITIES: "EHLO {name}",
            Question.UPGRADE: "STARTTLS",
            Question.NOTHING: "NOOP",
            Question.LEAVE: "QUIT",
        }
    ),
    is_positive=_smtp_is_positive,
    words=_smtp_words,
)

GRAMMARS: Mapping[MailProtocol, Grammar] = MappingProxyType(
    {
        MailProtocol.SMTP: _SMTP,
        MailProtocol.SUBMISSION: _SMTP,
        MailProtocol.IMAP: Grammar(
            commands=MappingProxyType(
                {
                    Question.CAPABILITIES: f"{TAG} CAPABILITY",
                    Question.UPGRADE: f"{TAG} STARTTLS",
                    Question.NOTHING: f"{TAG} NOOP",
                    Question.LEAVE: f"{TAG} LOGOUT",
                }
            ),
            is_positive=_imap_is_positive,
            words=_imap_words,
            literals=True,
        ),
        MailProtocol.POP3: Grammar(
            commands=MappingProxyType(
                {
                    Question.CAPABILITIES: "CAPA",
                    Question.UPGRADE: "STLS",
                    Question.NOTHING: "CAPA",
                    Question.LEAVE: "QUIT",
                }
            ),
            is_positive=_pop3_is_positive,
            words=_pop3_words,
            decisive=0,
        ),
        MailProtocol.SIEVE: Grammar(
            commands=MappingProxyType(
                {
                    Question.CAPABILITIES: "CAPABILITY",
                    Question.UPGRADE: "STARTTLS",
                    Question.NOTHING: "NOOP",
                    Question.LEAVE: "LOGOUT",
                }
            ),
            is_positive=_sieve_is_positive,
            words=_sieve_words,
            literals=True,
            greets_again=True,
        ),
        MailProtocol.HTTPS: Grammar(
            commands=MappingProxyType(
                {Question.CAPABILITIES: "HEAD / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n"}
            ),
            is_positive=_http_is_positive,
            words=lambda _question, _lines: None,
            decisive=0,
        ),
    }
)
"""Who greets has a command to leave; HTTP servers wait."""
