"""When each command may come and how much it may carry (RFC 9051 §3, §6).

Asked before a literal is invited and again before a command is parsed, so that no state
lets anything in too early.  In: a command's first line; out: its name, the place where a
literal is to go, or the answer that refuses it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from mailclad.base.in_clear import InClear
from mailclad.protocols.imap.framing import Announced, Where
from mailclad.protocols.imap.responses import Condition, Reply


class State(Enum):
    """RFC 9051 §3."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"


LITERALS_BEFORE_LOGIN = 4_096
"""User name, password or ID fields; also RFC 7888's bound for LITERAL-."""

LITERALS_AFTER_LOGIN = 65_536
"""All literals of a command that are kept in memory: names, search texts."""

TAG_OCTETS = 255
"""Programs use fewer than 20; a tag is sent back, so it must not be anything."""


@dataclass(frozen=True, slots=True)
class Gate:
    """``octets``: of its literals together, messages excepted; ``private``: needs TLS."""

    states: frozenset[State]
    octets: int = LITERALS_AFTER_LOGIN
    private: bool = False


ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
STRANGER = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN = frozenset({State.AUTHENTICATED, State.SELECTED})
SELECTED = frozenset({State.SELECTED})

GATES: Mapping[str, Gate] = {
    "CAPABILITY": Gate(ANY, 0),
    "NOOP": Gate(ANY, 0),
    "LOGOUT": Gate(ANY, 0),
    "ID": Gate(ANY, LITERALS_BEFORE_LOGIN),
    "STARTTLS": Gate(STRANGER, 0),
    "AUTHENTICATE": Gate(STRANGER, 0, private=True),
    "LOGIN": Gate(STRANGER, LITERALS_BEFORE_LOGIN, private=True),
    "ENABLE": Gate(LOGGED_IN, 0),
    "SELECT": Gate(LOGGED_IN),
    "EXAMINE": Gate(LOGGED_IN),
    "CREATE": Gate(LOGGED_IN),
    "DELETE": Gate(LOGGED_IN),
    "RENAME": Gate(LOGGED_IN),
    "SUBSCRIBE": Gate(LOGGED_IN),
    "UNSUBSCRIBE": Gate(LOGGED_IN),
    "LIST": Gate(LOGGED_IN),
    "LSUB": Gate(LOGGED_IN),
    "NAMESPACE": Gate(LOGGED_IN, 0),
    "STATUS": Gate(LOGGED_IN),
    "APPEND": Gate(LOGGED_IN),
    "IDLE": Gate(LOGGED_IN, 0),
    "CHECK": Gate(SELECTED, 0),
    "CLOSE": Gate(SELECTED, 0),
    "UNSELECT": Gate(SELECTED, 0),
    "EXPUNGE": Gate(SELECTED, 0),
    "SEARCH": Gate(SELECTED),
    "FETCH": Gate(SELECTED),
    "STORE": Gate(SELECTED, 0),
    "COPY": Gate(SELECTED),
    "MOVE": Gate(SELECTED),
    "UID EXPUNGE": Gate(SELECTED, 0),
    "UID SEARCH": Gate(SELECTED),
    "UID FETCH": Gate(SELECTED),
    "UID STORE": Gate(SELECTED, 0),
    "UID COPY": Gate(SELECTED),
    "UID MOVE": Gate(SELECTED),
}

_TAG = rb"([^\x00-\x20\x7f-\xff(){%%*\"\\+]{1,%d})" % TAG_OCTETS
_HEAD = re.compile(_TAG + rb" ((?:[Uu][Ii][Dd] )?[A-Za-z]+)")
_PLAIN_TAG = re.compile(rb"([A-Za-z0-9.]{1,32}) ")
_TAGGED = re.compile(_TAG + rb" ")
_HTTP = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|PRI) (?:/|https?:|[^ ]* ?HTTP/)",
    re.IGNORECASE,
)

EXPECTED_COMMAND = Reply(Condition.BAD, "expected a tag and a command")
_UNKNOWN = Reply(Condition.BAD, "unknown command")
_NOT_NOW = Reply(Condition.BAD, "the command is not for this state")
NOT_PRIVATE = Reply(Condition.NO, "log in only with TLS: use STARTTLS", "PRIVACYREQUIRED")
_IN_TLS = Reply(Condition.BAD, "TLS is active already")
_NO_CERTIFICATE = Reply(Condition.NO, "TLS cannot be started now", "UNAVAILABLE")
_LITERAL_TOO_LONG = Reply(Condition.BAD, "the literal is too long", "LIMIT")
_MESSAGE_TOO_LONG = Reply(Condition.NO, "the message is too large", "TOOBIG")


@dataclass(frozen=True, slots=True)
class Head:
    """``end``: where the arguments begin in the first line."""

    tag: str
    name: str
    end: int


def parse_head(line: bytes) -> Head | None:
    found = _HEAD.match(line)
    if found is None:
        return None
    return Head(found[1].decode("ascii"), found[2].decode("ascii").upper(), found.end())


def refusal(head: Head | None, state: State, *, private: bool, starttls: bool) -> Reply | None:
    """Why the command may not come now; ``private``: inside TLS; ``starttls``: it can begin."""
    if head is None:
        return EXPECTED_COMMAND
    gate = GATES.get(head.name)
    if gate is None:
        return _UNKNOWN
    if head.name == "STARTTLS" and private:
        return _IN_TLS
    if state not in gate.states:
        return _NOT_NOW
    if gate.private and not private:
        return NOT_PRIVATE
    if head.name == "STARTTLS" and not starttls:
        return _NO_CERTIFICATE
    return None


def literal_place(head: Head, announced: Announced, append_octets: int) -> Where | Reply:
    """Where a literal of a command that may come is to go."""
    if head.name == "APPEND" and is_message(announced.first_line[head.end :], announced.number):
        return Where.SPOOL if announced.total <= append_octets else _MESSAGE_TOO_LONG
    fits = announced.total <= GATES[head.name].octets
    return Where.MEMORY if fits else _LITERAL_TOO_LONG


def tag_of(line: bytes, *, stranger: bool) -> str:
    """The tag to answer a malformed command with.

    A browser can be made to send almost anything here, so a stranger's tag is only sent
    back when nothing could be made of it (ALPACA).
    """
    found = (_PLAIN_TAG if stranger else _TAGGED).match(line)
    return found[1].decode("ascii") if found else "*"


def speaks_http(line: bytes) -> bool:
    return _HTTP.match(line) is not None


def is_message(arguments: bytes, number: int) -> bool:
    """Whether the literal ``number`` of an APPEND is a message: all but a mailbox name's.

    The name is a literal when nothing stands between APPEND and the first ``{``.
    """
    return number > 0 or not arguments.lstrip(b" ~").startswith(b"{")


def sign_in_in_clear(line: bytes, head: Head) -> InClear:
    """Whether LOGIN or AUTHENTICATE came with its second argument; it is not looked at."""
    return InClear.SENT if len(line[head.end :].split()) > 1 else InClear.WANTED
