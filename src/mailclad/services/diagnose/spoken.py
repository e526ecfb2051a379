"""Which protocol a server's first octets belong to, and whether they turn us away.

RFC 5321 §4.2, RFC 9051 §7.1, RFC 1939 §3, RFC 5804 §1.7, RFC 4253 §4.2, RFC 9112 §4.

Comes in: octets of an untrusted server, as many as were kept.  Goes out: a word for them; never
raises.
"""

import re

from mailclad.services.diagnose.facts import Spoken

_SIGNS: tuple[tuple[re.Pattern[bytes], Spoken], ...] = (
    (re.compile(rb"[\x14-\x17]\x03"), Spoken.TLS),
    (re.compile(rb"SSH-"), Spoken.SSH),
    (re.compile(rb"HTTP/|\s*<(?:!doctype|html)", re.IGNORECASE), Spoken.HTTP),
    (re.compile(rb"\* (?:OK|PREAUTH|BYE)\b", re.IGNORECASE), Spoken.IMAP),
    (re.compile(rb"\+OK\b|-ERR\b", re.IGNORECASE), Spoken.POP3),
    (re.compile(rb'"[A-Z]+"[ \r\n]|(?:OK|NO|BYE)\b', re.IGNORECASE), Spoken.SIEVE),
    (re.compile(rb"[245][0-5][0-9][ -][^\n]*\bFTP", re.IGNORECASE), Spoken.OTHER),
    (re.compile(rb"[245][0-5][0-9](?:[ \r\n-]|\Z)"), Spoken.SMTP),
)
"""The first that fits; FTP servers greet as SMTP servers do."""


def recognise(octets: bytes) -> Spoken:
    if not octets:
        return Spoken.NOTHING
    return next((spoken for sign, spoken in _SIGNS if sign.match(octets)), Spoken.OTHER)


_REFUSALS = re.compile(
    rb"[45][0-5][0-9](?:[ \r\n-]|\Z)|\* BYE\b|-ERR\b|(?:BYE|NO)\b", re.IGNORECASE
)


def turns_away(greeting: bytes) -> bool:
    """Whether a mail server says at the door that it does not want to talk."""
    return _REFUSALS.match(greeting) is not None
