"""Paths and parameters of MAIL and RCPT (RFC 5321 §4.1.2, §4.1.1.11, RFC 6531 §3.4).

In comes the text behind the command's name; out come values, or ``SyntaxProblem`` with the
reply that says what is wrong.  Source routes are read, never followed: RFC 5321 appendix C
lets a server drop them, and to drop one is to send mail where its sender did not say.
"""

import re
from typing import Any

from mailclad.mail.address import Address, AddressProblem, parse_address, parse_local_part
from mailclad.protocols.smtp.command import Mail, Rcpt
from mailclad.protocols.smtp.extensions import Parameters
from mailclad.protocols.smtp.parameters import SyntaxProblem

# Possessive throughout: a path that does not fit is given up in one pass.
_PATH = r'<((?:[^<>" ]++|"(?:[^"\\]|\\.)*+")*+)>(?: ++(.*))?'
_FROM = re.compile(rf"FROM: ?{_PATH}", re.IGNORECASE)
_TO = re.compile(rf"TO: ?{_PATH}", re.IGNORECASE)
_MARK = re.compile(r'[<>" ]')
"""None of these in a path and nothing behind it: nineteen of twenty need no more rules."""
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]*")
_ROUTING = re.compile(r"[@%!]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def parse_line(line: bytes) -> str:
    """The text of a line, which is given without its LF."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise SyntaxProblem(500, "5.5.2", "The line is neither ASCII nor UTF-8") from None
    if not text.endswith("\r"):
        raise SyntaxProblem(500, "5.5.2", "Lines end with CR and LF; this one ended with LF alone")
    text = text[:-1]
    if not text.isprintable() and _CONTROL.search(text):
        raise SyntaxProblem(500, "5.5.2", "The line has control characters")
    return text


def parse_mail(arguments: str, known: Parameters | None) -> Mail:
    """``arguments`` is what follows ``MAIL``; ``known`` is None after HELO, which has none."""
    path, rest = _path(arguments, "FROM:<", _FROM)
    reverse_path = _address(path, sender=True) if path else None
    mail = Mail(reverse_path, **_parameters(rest, known)) if rest else Mail(reverse_path)
    if mail.hold_for is not None and mail.hold_until is not None:
        raise SyntaxProblem(501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other")
    _check_ascii(reverse_path, smtputf8=mail.smtputf8)
    return mail


def parse_rcpt(arguments: str, known: Parameters | None, *, smtputf8: bool) -> Rcpt:
    """``arguments`` is what follows ``RCPT``; ``smtputf8`` is what MAIL said."""
    path, rest = _path(arguments, "TO:<", _TO)
    forward_path = _address(path, sender=False)
    _check_ascii(forward_path, smtputf8=smtputf8)
    return Rcpt(forward_path, **_parameters(rest, known)) if rest else Rcpt(forward_path)


def _path(arguments: str, start: str, rule: re.Pattern[str]) -> tuple[str, str | None]:
    """What stands between the brackets, and what follows them."""
    inside = arguments[len(start) : -1]
    if (
        arguments[: len(start)].upper() == start
        and arguments[-1:] == ">"
        and _MARK.search(inside) is None
    ):
        return inside, None
    found = rule.fullmatch(arguments)
    if found is None:
        command = "MAIL FROM" if rule is _FROM else "RCPT TO"
        text = f"Write {command}:<address>, with the angle brackets"
        raise SyntaxProblem(501, "5.5.4", text)
    path, rest = found.groups()
    return path, rest


def _address(path: str, *, sender: bool) -> Address:
    if path.startswith("@"):
        raise SyntaxProblem(550, "5.7.1", "Source routes are not followed; name the address alone")
    try:
        return parse_address(path)
    except AddressProblem as problem:
        if not sender and (found := _without_domain(path)) is not None:
            return found
        status = "5.1.7" if sender else "5.1.3"
        raise SyntaxProblem(553, status, f"Not an address: {problem}") from None


def _without_domain(path: str) -> Address | None:
    """``<Postmaster>`` (RFC 5321 §4.5.1), or None; an address alone in quotes is refused."""
    try:
        local_part = parse_local_part(path)
    except AddressProblem:
        return None
    if _ROUTING.search(local_part):
        raise SyntaxProblem(550, "5.7.1", "Mail is not relayed to an address inside an address")
    return Address(local_part, "") if local_part.lower() == "postmaster" else None


def _check_ascii(address: Address | None, *, smtputf8: bool) -> None:
    if not smtputf8 and address is not None and not address.is_ascii:
        raise SyntaxProblem(553, "5.6.7", "Such an address needs SMTPUTF8 in the MAIL command")


def _parameters(text: str, known: Parameters | None) -> dict[str, Any]:
    """The fields of ``Mail`` or ``Rcpt`` that they fill."""
    if known is None:
        raise SyntaxProblem(555, "5.5.4", "Parameters need EHLO instead of HELO")
    given: dict[str, Any] = {}
    for parameter in text.split():
        name, equals, value = parameter.partition("=")
        if _KEYWORD.fullmatch(name) is None or (equals and (not value or "=" in value)):
            raise SyntaxProblem(501, "5.5.4", "A parameter is written as NAME or NAME=VALUE")
        found = known.get(name.upper())
        if found is None:
            raise SyntaxProblem(555, "5.5.4", "A parameter is not known here")
        if found.field in given:
            raise SyntaxProblem(501, "5.5.4", "A parameter is given twice")
        if (found.read is None) is bool(equals):
            raise SyntaxProblem(501, "5.5.4", "A parameter has no value, or one it cannot have")
        given[found.field] = True if found.read is None else found.read(value)
    return given
