"""Paths and parameters of MAIL and RCPT (RFC 5321 §4.1.2, §4.1.1.11, RFC 3461 §4, RFC 6531 §3.4).

In comes the text behind the command's name; out come values, or ``SyntaxProblem`` with the
reply that says what is wrong.  Source routes are read, never followed: RFC 5321 appendix C
lets a server drop them, and to drop one is to send mail where its sender did not say.
"""

import re

from mailclad.mail.address import Address, AddressProblem, parse_address, parse_local_part
from mailclad.protocols.smtp.command import Body, Mail, Notify, Rcpt, Return
from mailclad.protocols.smtp.reply import Reply

ENVELOPE_ID_OCTETS = 100
"""RFC 3461 §4.4."""
ORIGINAL_OCTETS = 500
"""RFC 3461 §4.2."""
SIZE_DIGITS = 20
"""RFC 1870 §3."""

# Possessive throughout: a path that does not fit is given up in one pass.
_PATH = r'<((?:[^<>" ]++|"(?:[^"\\]|\\.)*+")*+)>(?: ++(.*))?'
_FROM = re.compile(rf"FROM: ?{_PATH}", re.IGNORECASE)
_TO = re.compile(rf"TO: ?{_PATH}", re.IGNORECASE)
_MARK = re.compile(r'[<>" ]')
"""None of these in a path and nothing behind it: nineteen of twenty need no more rules."""
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]*")
_XTEXT = re.compile(r"(?:[!-*,-<>-~\x80-\U0010ffff]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_ORIGINAL = re.compile(r"([A-Za-z0-9\-]+);(.+)")
_ROUTING = re.compile(r"[@%!]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class SyntaxProblem(Exception):
    """Carries the reply; never leaves the engine."""

    def __init__(self, code: int, status: str, text: str) -> None:
        super().__init__(text)
        self.reply = Reply(code, status, text)


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


def parse_mail(arguments: str, *, extended: bool) -> Mail:
    """``arguments`` is what follows ``MAIL``; parameters need ``extended``, that is EHLO."""
    path, rest = _path(arguments, "FROM:<", _FROM)
    reverse_path = _address(path, sender=True) if path else None
    if not rest:
        _check_ascii(reverse_path, smtputf8=False)
        return Mail(reverse_path)
    given = _parameters(rest, _MAIL_PARAMETERS, extended=extended)
    smtputf8 = "SMTPUTF8" in given
    _check_ascii(reverse_path, smtputf8=smtputf8)
    return Mail(
        reverse_path,
        _size(given.get("SIZE")),
        _body(given.get("BODY")),
        smtputf8,
        _return(given.get("RET")),
        _envelope_id(given.get("ENVID")),
        _submitter(given.get("AUTH")),
    )


def parse_rcpt(arguments: str, *, extended: bool, smtputf8: bool) -> Rcpt:
    """``arguments`` is what follows ``RCPT``; ``smtputf8`` is what MAIL said."""
    path, rest = _path(arguments, "TO:<", _TO)
    forward_path = _address(path, sender=False)
    _check_ascii(forward_path, smtputf8=smtputf8)
    if not rest:
        return Rcpt(forward_path)
    given = _parameters(rest, _RCPT_PARAMETERS, extended=extended)
    return Rcpt(forward_path, _notify(given.get("NOTIFY")), _original(given.get("ORCPT")))


def decode_xtext(text: str) -> str:
    """RFC 3461 §4; the octets that ``+XX`` stands for must make UTF-8."""
    if not _XTEXT.fullmatch(text):
        raise SyntaxProblem(501, "5.5.4", "A parameter's value is not written as xtext")
    octets = _HEXCHAR.sub(lambda pair: bytes([int(pair[1], 16)]), text.encode())
    try:
        decoded = octets.decode()
    except UnicodeDecodeError:
        raise SyntaxProblem(501, "5.5.4", "A parameter's value is not UTF-8") from None
    if not decoded.isprintable():
        raise SyntaxProblem(501, "5.5.4", "A parameter's value has control characters")
    return decoded


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


def _parameters(text: str, known: frozenset[str], *, extended: bool) -> dict[str, str | None]:
    if not extended:
        raise SyntaxProblem(555, "5.5.4", "Parameters need EHLO instead of HELO")
    given: dict[str, str | None] = {}
    for parameter in text.split():
        name, equals, value = parameter.partition("=")
        keyword = name.upper()
        if _KEYWORD.fullmatch(name) is None or (equals and (not value or "=" in value)):
            raise SyntaxProblem(501, "5.5.4", "A parameter is written as NAME or NAME=VALUE")
        if keyword not in known:
            raise SyntaxProblem(555, "5.5.4", "A parameter is not known here")
        if keyword in given:
            raise SyntaxProblem(501, "5.5.4", "A parameter is given twice")
        if (keyword == "SMTPUTF8") is bool(equals):
            raise SyntaxProblem(501, "5.5.4", "A parameter has no value, or one it cannot have")
        given[keyword] = value
    return given


_MAIL_PARAMETERS = frozenset({"SIZE", "BODY", "SMTPUTF8", "RET", "ENVID", "AUTH"})
_RCPT_PARAMETERS = frozenset({"NOTIFY", "ORCPT"})


def _size(value: str | None) -> int | None:
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= SIZE_DIGITS):
        raise SyntaxProblem(501, "5.5.4", "SIZE is a number of octets")
    return int(value)


def _body(value: str | None) -> Body:
    if value is None:
        return Body.SEVEN_BIT
    try:
        return Body(value.upper())
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "BODY is 7BIT, 8BITMIME or BINARYMIME") from None


def _return(value: str | None) -> Return | None:
    if value is None:
        return None
    try:
        return Return(value.upper())
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "RET is FULL or HDRS") from None


def _envelope_id(value: str | None) -> str | None:
    if value is None:
        return None
    if len(value) > ENVELOPE_ID_OCTETS:
        raise SyntaxProblem(501, "5.5.4", f"ENVID has at most {ENVELOPE_ID_OCTETS} characters")
    return decode_xtext(value)


def _submitter(value: str | None) -> str | None:
    if value is None:
        return None
    text = decode_xtext(value)
    if text == "<>":
        return ""
    try:
        return str(parse_address(text))
    except AddressProblem:
        raise SyntaxProblem(501, "5.5.4", "AUTH is <> or an address") from None


def _notify(value: str | None) -> frozenset[Notify] | None:
    if value is None:
        return None
    try:
        wanted = frozenset(Notify(word) for word in value.upper().split(","))
    except ValueError:
        raise SyntaxProblem(501, "5.5.4", "NOTIFY is NEVER, or SUCCESS, FAILURE, DELAY") from None
    if Notify.NEVER in wanted and len(wanted) > 1:
        raise SyntaxProblem(501, "5.5.4", "NOTIFY=NEVER stands alone")
    return wanted


def _original(value: str | None) -> str | None:
    if value is None:
        return None
    found = _ORIGINAL.fullmatch(value)
    if found is None or len(value) > ORIGINAL_OCTETS:
        raise SyntaxProblem(501, "5.5.4", "ORCPT is a type, a semicolon and an address as xtext")
    return f"{found[1]};{decode_xtext(found[2])}"
