"""Received-SPF: the result of an SPF check, to be written before a message (RFC 7208 §9.1).

In come the result and what a stranger said; out comes one header field with its CRLF, folded.
Whatever a stranger said stands in quotes if it is more than a plain dot-atom (RFC 5322 §3.2.3), is
cut to VALUE_OCTETS and has no control characters, so it can neither end the value nor the field.
The sender may be internationalised (RFC 6532); all else is ASCII.
"""

import re
from collections.abc import Iterator

from mailclad.mail.spf.result import SpfOutcome, SpfResult

LINE_OCTETS = 78
"""RFC 5322 §2.1.1's wish.  One value alone can make a line longer, up to 2 × VALUE_OCTETS."""
VALUE_OCTETS = 320
"""An address (RFC 5321 §4.5.3.1); with every octet escaped still below 998 in a line."""

_PLAIN = re.compile(r"[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]+)*")
_NOT_IN_COMMENT = re.compile(r"[^A-Za-z0-9.:_\-]")
_NEEDS_BACKSLASH = re.compile(r'(["\\])')
_SAYING = {
    SpfOutcome.NONE: "{domain} has no policy",
    SpfOutcome.NEUTRAL: "{domain} says nothing about {client}",
    SpfOutcome.PASS: "domain of {domain} designates {client} as permitted sender",
    SpfOutcome.FAIL: "domain of {domain} does not designate {client} as permitted sender",
    SpfOutcome.SOFTFAIL: "domain of {domain} discourages use of {client} as sender",
    SpfOutcome.TEMPERROR: "the policy of {domain} was not to be had",
    SpfOutcome.PERMERROR: "the policy of {domain} cannot be understood",
}
_ERRORS = {SpfOutcome.TEMPERROR, SpfOutcome.PERMERROR}
_DECIDED = {SpfOutcome.NEUTRAL, SpfOutcome.PASS, SpfOutcome.FAIL, SpfOutcome.SOFTFAIL}


def write_received_spf(
    result: SpfResult, client: str, helo: str, sender: str | None, receiver: str
) -> bytes:
    """The arguments are those of ``check_spf``, whose ``result`` is written."""
    words = [f"Received-SPF: {result.outcome.value}"]
    words += _comment(result, client, receiver).split(" ")
    for pair in _pairs(result, client, helo, sender, receiver):
        words += f"{pair};".split(" ") if pair.startswith("problem=") else [f"{pair};"]
    return _fold(words)


def _comment(result: SpfResult, client: str, receiver: str) -> str:
    domain = _word(result.domain or "the-sender")
    saying = _SAYING[result.outcome].format(domain=domain, client=_word(client))
    return f"({_word(receiver)}: {saying})"


def _word(text: str) -> str:
    return _NOT_IN_COMMENT.sub("?", text[:VALUE_OCTETS])


def _pairs(
    result: SpfResult, client: str, helo: str, sender: str | None, receiver: str
) -> Iterator[str]:
    yield f"receiver={_value(_ascii(receiver))}"
    yield f"client-ip={_value(_ascii(client))}"
    if sender:
        yield f"envelope-from={_value(_printable(sender), always_quoted=True)}"
    yield f"helo={_value(_ascii(helo))}"
    yield f"identity={result.identity}"
    if result.outcome in _DECIDED:
        yield f"mechanism={_value(_ascii(result.mechanism or 'default'))}"
    if result.outcome in _ERRORS:
        yield f"problem={_value(' '.join(_ascii(result.problem).split()))}"


def _value(text: str, *, always_quoted: bool = False) -> str:
    octets = text.encode()
    if len(octets) > VALUE_OCTETS:
        text = octets[:VALUE_OCTETS].decode(errors="ignore")
    if not always_quoted and _PLAIN.fullmatch(text):
        return text
    return '"' + _NEEDS_BACKSLASH.sub(r"\\\1", text) + '"'


def _ascii(text: str) -> str:
    return "".join(
        ["?" if not " " <= character <= "~" else character for character in text[:VALUE_OCTETS]]
    )


def _printable(text: str) -> str:
    return "".join(
        [character if character.isprintable() else "?" for character in text[:VALUE_OCTETS]]
    )


def _fold(words: list[str]) -> bytes:
    """No word is empty, so no line is (RFC 5322 §3.2.2)."""
    lines: list[str] = []
    line = words[0]
    for word in words[1:]:
        if len(line.encode()) + 2 + len(word.encode()) > LINE_OCTETS:
            lines.append(line)
            line = word
        else:
            line += f" {word}"
    lines.append(line)
    return "\r\n ".join(lines).encode() + b"\r\n"
