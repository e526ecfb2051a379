"""Authentication-Results: who checked what of a message, and how it came out (RFC 8601).

Writing: results as plain words go in, the folded field comes out, one method a line.  Values
come from strangers: what is not a token or an address is quoted, control characters become
``?``, long ones are cut; no value can end the field or add another.
Reading (for ARC, and to show): lenient, never raises; what is not understood is skipped.
Cleaning: ``find_own`` says where fields stand that claim to be ours, so that whoever writes the
message can leave them out (§5); the message is not copied.

A field is only worth what its place is: this module cannot know who wrote it.
Limits: ``MAX_VALUE_OCTETS``, ``MAX_RESULTS``, ``MAX_PROPERTIES``, ``MAX_FIELD_OCTETS``.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mailclad.mail.address import AddressProblem, normalise_domain
from mailclad.mail.parameters import without_comments

MAX_VALUE_OCTETS = 320
"""The longest mail address; fully quoted it still fits a line of 998 (RFC 5322 §2.1.1)."""

MAX_RESULTS = 100
"""Read or written of one field; a message with ten signatures has some fifteen."""

MAX_PROPERTIES = 20
"""Of one result; RFC 8601 and its extensions know six for a method."""

MAX_FIELD_OCTETS = 64 * 1024
"""Read; the largest seen have 4 KiB."""

LINE_OCTETS = 78
"""RFC 5322 §2.1.1."""

VERSION = 1


@dataclass(frozen=True, slots=True)
class Property:
    """``header.d=example.com`` is Property("header", "d", "example.com")."""

    kind: str
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MethodResult:
    """``method``, ``result`` and the words of properties are keywords (letters, digits, -)."""

    method: str
    result: str
    properties: tuple[Property, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class AuthenticationResults:
    """No ``results`` means that nothing was checked: ``none``."""

    authserv_id: str
    results: tuple[MethodResult, ...] = ()
    version: int = VERSION


def _result(
    method: str, result: str, reason: str, *properties: tuple[str, str, str]
) -> MethodResult:
    """Properties without a value are left out."""
    given = tuple(Property(*facts) for facts in properties if facts[2])
    return MethodResult(method, result, given, reason)


def spf_result(
    result: str, *, mail_from: str = "", hello: str = "", reason: str = ""
) -> MethodResult:
    """``mail_from`` is the domain, without local part (§2.7.2)."""
    return _result("spf", result, reason, ("smtp", "mailfrom", mail_from), ("smtp", "helo", hello))


def dkim_result(
    result: str,
    *,
    domain: str = "",
    identity: str = "",
    selector: str = "",
    algorithm: str = "",
    signature: str = "",
    reason: str = "",
) -> MethodResult:
    """One signature; of ``signature`` (b=) the first eight characters tell it (RFC 6008 §4)."""
    return _result(
        "dkim",
        result,
        reason,
        ("header", "d", domain),
        ("header", "i", identity),
        ("header", "s", selector),
        ("header", "a", algorithm),
        ("header", "b", signature[:8]),
    )


def dmarc_result(
    result: str, *, author_domain: str = "", policy: str = "", reason: str = ""
) -> MethodResult:
    """``policy`` is the one that applies: none, quarantine, reject."""
    return _result(
        "dmarc", result, reason, ("header", "from", author_domain), ("policy", "dmarc", policy)
    )


def arc_result(result: str, *, remote_ip: str = "", reason: str = "") -> MethodResult:
    """RFC 8617 §10.2."""
    return _result("arc", result, reason, ("smtp", "remote-ip", remote_ip))


def iprev_result(result: str, *, address: str, reason: str = "") -> MethodResult:
    """Whether name and IP address of the client agree (§3)."""
    return _result("iprev", result, reason, ("policy", "iprev", address))


def auth_result(result: str, *, login: str = "", reason: str = "") -> MethodResult:
    """SMTP AUTH (§2.7.4)."""
    return _result("auth", result, reason, ("smtp", "auth", login))


_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_]*")
_SIGN = r"[A-Za-z0-9!#$%&'*+\-._{|}~^`]"
_ATOM = re.compile(rf"{_SIGN}+")
_PLAIN = re.compile(rf"{_SIGN}+|{_SIGN}*@[A-Za-z0-9.\-]+")
"""A token (RFC 2045 §5.1), or an address with or without its local part."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_SPECIAL = re.compile(r'(["\\])')


def write_field(results: AuthenticationResults, *, utf8: bool = False) -> bytes:
    """The whole field with its line end; ``utf8``: the message is internationalised (RFC 6532).

    Raises ValueError where a word is no keyword: that is the caller's mistake, never a sender's.
    """
    authserv_id = _clean(results.authserv_id, utf8)
    if _ATOM.fullmatch(authserv_id) is None:
        authserv_id = _quoted(authserv_id)
    lines = [f"Authentication-Results: {authserv_id}"]
    if not results.results:
        return f"{lines[0]}; none\r\n".encode()
    for result in results.results[:MAX_RESULTS]:
        lines[-1] += ";"
        lines.append("")
        for word in _words(result, utf8):
            if len(lines[-1]) + len(word) >= LINE_OCTETS and lines[-1]:
                lines.append("")
            lines[-1] += f"{' ' if lines[-1] else ''}{word}"
    return ("\r\n\t".join(lines) + "\r\n").encode()


def _words(result: MethodResult, utf8: bool) -> list[str]:
    words = [f"{_keyword(result.method)}={_keyword(result.result)}"]
    if result.reason:
        words.append(f"reason={_quoted(_clean(result.reason, utf8))}")
    words += [
        f"{_keyword(given.kind)}.{_keyword(given.name)}={_value(given.value, utf8)}"
        for given in result.properties[:MAX_PROPERTIES]
    ]
    return words


def _keyword(word: str) -> str:
    if _KEYWORD.fullmatch(word) is None:
        raise ValueError(f"{word!r} is not a keyword of Authentication-Results")
    return word


def _value(text: str, utf8: bool) -> str:
    clean = _clean(text, utf8)
    return clean if _PLAIN.fullmatch(clean) else _quoted(clean)


def _clean(text: str, utf8: bool) -> str:
    text = _CONTROL.sub("?", text[:MAX_VALUE_OCTETS])
    if not utf8:
        return _NOT_ASCII.sub("?", text)
    return text.encode()[:MAX_VALUE_OCTETS].decode("utf-8", "ignore")


def _quoted(text: str) -> str:
    return '"' + _SPECIAL.sub(r"\\\1", text) + '"'


_WORD = r'"((?:[^"\\]++|\\.)*+)"?|([^\s()<>@,;:\\"/\[\]?=]++)'
_HEAD = re.compile(rf"\s*+(?:{_WORD})(?:\s++([0-9]{{1,9}})(?![^\s;]))?", re.DOTALL)
_PIECE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^;"]++|;', re.DOTALL)
_METHOD = re.compile(
    r"\s*+([A-Za-z0-9][A-Za-z0-9\-_]*+)\s*+(?:/\s*+[0-9]++\s*+)?=\s*+([A-Za-z0-9][A-Za-z0-9\-_]*+)"
)
_PROPERTY = re.compile(
    r"\s*+([A-Za-z0-9][A-Za-z0-9\-_]*+)(?:\s*+\.\s*+([A-Za-z0-9][A-Za-z0-9\-_]*+))?\s*+=\s*+"
    r'(?:"((?:[^"\\]++|\\.)*+)"?|([^\s;"]++))|\s++|[A-Za-z0-9\-_]++|.',
    re.DOTALL,
)
"""A property, ``reason=``, or what is passed over: a word at a time, so that it stays linear."""

_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


def parse_field(value: bytes) -> AuthenticationResults | None:
    """The value of such a field; None where it does not say who checked."""
    value = _FOLD.sub(b"", value[:MAX_FIELD_OCTETS])
    text = without_comments(value).decode("utf-8", "replace")
    head = _HEAD.match(text)
    if head is None:
        return None
    authserv_id = head[2] if head[1] is None else _unquoted(head[1])
    segments = _segments(text[head.end() :])[1:]
    results = [found for segment in segments if (found := _parse_result(segment)) is not None]
    version = VERSION if head[3] is None else int(head[3])
    return AuthenticationResults(authserv_id, tuple(results), version)


def _segments(text: str) -> list[str]:
    """What stands between semicolons that are not quoted, up to ``MAX_RESULTS`` of them."""
    found: list[list[str]] = [[]]
    for piece in _PIECE.finditer(text):
        if piece[0] != ";":
            found[-1].append(piece[0])
        elif len(found) > MAX_RESULTS:
            break
        else:
            found.append([])
    return ["".join(pieces) for pieces in found]


def _parse_result(segment: str) -> MethodResult | None:
    head = _METHOD.match(segment)
    if head is None:
        return None
    reason = ""
    properties: list[Property] = []
    for match in _PROPERTY.finditer(segment, head.end()):
        kind, name, quoted, plain = match.groups()
        if kind is None:
            continue
        value = plain if quoted is None else _unquoted(quoted)
        if name is not None and len(properties) < MAX_PROPERTIES:
            properties.append(Property(kind.lower(), name.lower(), value[:MAX_VALUE_OCTETS]))
        elif kind.lower() == "reason" and not reason:
            reason = value[:MAX_VALUE_OCTETS]
    return MethodResult(head[1].lower(), head[2].lower(), tuple(properties), reason)


def _unquoted(quoted: str) -> str:
    return _QUOTED_PAIR.sub(r"\1", quoted)


_OWN_NAME = re.compile(
    rb"^authentication-results[ \t]*+:([^\n]*+(?:\n[ \t][^\n]*+)*+\n?)",
    re.IGNORECASE | re.MULTILINE,
)

Span = tuple[int, int]


def find_own(header: bytes, authserv_ids: Collection[str]) -> list[Span]:
    """Where fields stand that claim one of our names, or a version we do not know (§5).

    All of ``header`` is looked at, whatever its size.  Names are compared without case, as
    A-labels, without a last dot, however they are quoted or commented.
    """
    ours = {_comparable(name) for name in authserv_ids}
    named = re.compile(
        r"(?<![A-Za-z0-9.\-])(?:"
        + ("|".join(map(re.escape, sorted(ours))) or "(?!)")
        + r")(?![A-Za-z0-9\-])"
        r"(?!\.[A-Za-z0-9])",
        re.IGNORECASE,
    )
    return [match.span() for match in _OWN_NAME.finditer(header) if _claims(match[1], ours, named)]


def strip_own(header: bytes, authserv_ids: Collection[str]) -> bytes:
    """The header without them; for headers that are copied anyway."""
    return cut_spans(header, find_own(header, authserv_ids))


def cut_spans(octets: bytes, spans: Sequence[Span]) -> bytes:
    kept: list[bytes] = []
    at = 0
    for start, end in spans:
        kept.append(octets[at:start])
        at = end
    kept.append(octets[at:])
    return b"".join(kept)


def _claims(value: bytes, ours: Collection[str], named: re.Pattern[str]) -> bool:
    value = _FOLD.sub(b"", value)
    # Before the first semicolon our name has no business, not even in a comment: programs
    # that read comments and quotes differently from us could take it for the writer's.
    if named.search(value.partition(b";")[0].decode("utf-8", "replace")):
        return True
    head = _HEAD.match(without_comments(value).decode("utf-8", "replace"))
    if head is None:
        return False
    name = head[2] if head[1] is None else _unquoted(head[1])
    return _comparable(name) in ours or int(head[3] or VERSION) != VERSION


def _comparable(name: str) -> str:
    name = name.strip().removesuffix(".")
    try:
        return normalise_domain(name)
    except AddressProblem:
        return name.casefold()
