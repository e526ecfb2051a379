"""Every command: who may send it, when, and how its arguments are read.

The gate (:func:`refusal`) answers whatever comes at the wrong place or time before a single
argument is looked at: no password is read in the clear, no BDAT is invited too early.
RFC 5321 §4.1.4 (order), RFC 3207 §4, RFC 4954 §4, RFC 6409 §4.3, RFC 2033 §4.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailclad.protocols.sasl.base64 import Base64Problem, decode_strict
from mailclad.protocols.smtp import reply
from mailclad.protocols.smtp.command import (
    Auth,
    Chunk,
    Command,
    Data,
    Hello,
    Help,
    Noop,
    Quit,
    Rset,
    Verb,
    Vrfy,
    XClient,
)
from mailclad.protocols.smtp.conversation import Conversation, Role, State
from mailclad.protocols.smtp.extensions import mail_parameters, rcpt_parameters
from mailclad.protocols.smtp.grammar import parse_mail, parse_rcpt
from mailclad.protocols.smtp.parameters import SyntaxProblem
from mailclad.protocols.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Rule:
    """``clear``: also before TLS where TLS is demanded; ``states``: when it may come.

    ``proxies``: for others than those that may speak for clients it does not exist.

    Tuples, because an enum member is found in one by identity, in a set by a slow hash.
    """

    parse: Callable[[str, Conversation], Command | None]
    states: tuple[State, ...]
    clear: bool = False
    roles: tuple[Role, ...] = tuple(Role)
    proxies: bool = False


def refusal(verb: str, rule: Rule, now: Conversation) -> Reply | None:
    """What to answer at once instead of reading the arguments, or None."""
    if now.role not in rule.roles:
        return reply.LOG_IN_ELSEWHERE if verb == "AUTH" else reply.NOT_OFFERED
    if verb == "STARTTLS":
        return _starttls_refusal(now)
    if now.role is Role.SUBMISSION and not now.encrypted and not rule.clear:
        return reply.TLS_FIRST
    if verb == "AUTH" and now.authenticated:
        return reply.LOGGED_IN_ALREADY
    if now.state not in rule.states:
        return _out_of_order(verb, now)
    if verb == "MAIL" and now.role is Role.SUBMISSION and not now.authenticated:
        return reply.LOG_IN_FIRST
    if verb == "DATA" and now.binary:
        return reply.NO_BINARY_IN_DATA
    return None


def _starttls_refusal(now: Conversation) -> Reply | None:
    if now.encrypted:
        return reply.TLS_IS_ON
    if not now.starttls:
        return reply.NOT_OFFERED
    if now.state not in (State.START, State.READY):
        return _out_of_order("STARTTLS", now)
    return None


_ORDER: Mapping[State, str] = {
    State.START: "Say hello first: send EHLO",
    State.READY: "No message has been begun: send MAIL first",
    State.MAIL: "Name a recipient first: send RCPT",
    State.RCPT: "A message is being sent; RSET gives it up",
    State.CHUNKS: "The message is coming in chunks; RSET gives it up",
    State.SPOILT: "A chunk of this message was refused; send RSET",
}


def _out_of_order(verb: str, now: Conversation) -> Reply:
    state = now.state
    if state is State.START and now.role is Role.LMTP:
        return Reply(503, "5.5.1", "Say hello first: send LHLO")
    if verb in ("DATA", "BDAT") and state is State.MAIL and now.tried_recipients:
        return reply.NO_VALID_RECIPIENTS
    if verb not in ("DATA", "BDAT") and state is State.MAIL:
        state = State.RCPT
    return Reply(503, "5.5.1", _ORDER[state])


# --- arguments -------------------------------------------------------------------

_NAME_OCTETS = 255
_MECHANISM = re.compile(r"[A-Za-z0-9\-_]{1,20}")
_CHUNK = re.compile(r"(\d{1,20})( LAST)? *", re.IGNORECASE | re.ASCII)


def _hello(verb: Verb) -> Callable[[str, Conversation], Command]:
    def parse(arguments: str, now: Conversation) -> Command:
        name = arguments.strip(" ")
        if not name or len(name) > _NAME_OCTETS or " " in name or not name.isprintable():
            raise SyntaxProblem(501, "5.5.4", f"Write {verb} and the name of your computer")
        return Hello(verb, name)

    return parse


def _mail(arguments: str, now: Conversation) -> Command:
    known = mail_parameters(now.role, now.encrypted) if now.extended else None
    return parse_mail(arguments, known)


def _rcpt(arguments: str, now: Conversation) -> Command:
    known = rcpt_parameters(now.role, now.encrypted) if now.extended else None
    return parse_rcpt(arguments, known, smtputf8=now.smtputf8)


def parse_chunk(arguments: str) -> Chunk | None:
    """What BDAT announces, or None where that cannot be read."""
    found = _CHUNK.fullmatch(arguments)
    return None if found is None else Chunk(int(found[1]), found[2] is not None)


def _chunk(arguments: str, now: Conversation) -> Command | None:
    return parse_chunk(arguments)


def _auth(arguments: str, now: Conversation) -> Command:
    mechanism, _, initial = arguments.strip(" ").partition(" ")
    if _MECHANISM.fullmatch(mechanism) is None:
        raise SyntaxProblem(501, "5.5.4", "Write AUTH and the name of a mechanism")
    if not initial:
        return Auth(mechanism.upper(), None)
    try:
        decoded = b"" if initial == "=" else decode_strict(initial.encode())
    except Base64Problem:
        raise SyntaxProblem(501, "5.5.2", "The response is not base64") from None
    return Auth(mechanism.upper(), decoded)


def _vrfy(arguments: str, now: Conversation) -> Command:
    if not arguments.strip(" "):
        raise SyntaxProblem(501, "5.5.4", "Write VRFY and an address")
    return Vrfy()


_ATTRIBUTE = re.compile(r"[A-Z]{1,12}=[!-~]{1,300}", re.IGNORECASE)
_UNKNOWN = ("[UNAVAILABLE]", "[TEMPUNAVAIL]")


def _xclient(arguments: str, now: Conversation) -> Command:
    """https://www.postfix.org/XCLIENT_README.html; what else the proxy tells is not used here."""
    words = arguments.split()
    if not words or not all(map(_ATTRIBUTE.fullmatch, words)):
        raise SyntaxProblem(501, "5.5.4", "Write XCLIENT and NAME=VALUE for each fact")
    given = {name.upper(): value for name, _, value in (word.partition("=") for word in words)}
    address = given.get("ADDR", _UNKNOWN[0])
    if address.upper() in _UNKNOWN:
        return XClient("")
    plain = address[5:] if address[:5].upper() == "IPV6:" else address
    try:
        return XClient(str(ipaddress.ip_address(plain)))
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "ADDR of XCLIENT is not an IP address") from None


def _bare(command: type[Command] | None) -> Callable[[str, Conversation], Command | None]:
    def parse(arguments: str, now: Conversation) -> Command | None:
        if arguments.strip(" "):
            raise SyntaxProblem(501, "5.5.4", "This command takes no parameters")
        return command() if command is not None else None

    return parse


def _loose(command: type[Command]) -> Callable[[str, Conversation], Command]:
    """NOOP and HELP may have any text behind them (RFC 5321 §4.1.1.8, §4.1.1.9)."""
    return lambda arguments, now: command()


_ANY = tuple(State)
_IDLE = (State.READY,)
_SMTP = (Role.MX, Role.SUBMISSION)

RULES: Mapping[str, Rule] = {
    "HELO": Rule(_hello(Verb.HELO), _ANY, clear=True, roles=_SMTP),
    "EHLO": Rule(_hello(Verb.EHLO), _ANY, clear=True, roles=_SMTP),
    "LHLO": Rule(_hello(Verb.LHLO), _ANY, roles=(Role.LMTP,)),
    "STARTTLS": Rule(_bare(None), _ANY, clear=True, roles=_SMTP),
    "AUTH": Rule(_auth, _IDLE, roles=(Role.SUBMISSION,)),
    "MAIL": Rule(_mail, _IDLE),
    "RCPT": Rule(_rcpt, (State.MAIL, State.RCPT)),
    "DATA": Rule(_bare(Data), (State.RCPT,)),
    "BDAT": Rule(_chunk, (State.RCPT, State.CHUNKS)),
    "RSET": Rule(_bare(Rset), _ANY, clear=True),
    "NOOP": Rule(_loose(Noop), _ANY, clear=True),
    "VRFY": Rule(_vrfy, _ANY),
    "HELP": Rule(_loose(Help), _ANY, clear=True),
    "XCLIENT": Rule(_xclient, (State.START, State.READY), roles=(Role.MX,), proxies=True),
    "QUIT": Rule(_bare(Quit), _ANY, clear=True),
}

NOT_IMPLEMENTED = frozenset({"EXPN", "TURN", "ETRN", "SEND", "SOML", "SAML"})
"""Commands of SMTP that this server has not: EXPN tells strangers who is behind an address."""


def commands_for(role: Role) -> str:
    """The names for HELP."""
    return " ".join(
        verb for verb, rule in RULES.items() if role in rule.roles and not rule.proxies
    )
