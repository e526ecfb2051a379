"""DKIM-Signature fields made (RFC 6376 §5, RFC 8301, RFC 8463 §3).

In come a message as it will be sent, keys and the time; out come the fields to put before it,
one for each key, relaxed/relaxed, all of the body.  Fields that a message has once are signed
once more than they stand ("over-signed"), so that nobody can add another; those that mailing
lists add are signed where they stand (RFC 6376 §5.4.1).  What is written is fixed text, base64
and names of the list: nothing of the message gets into it.
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from mailclad.base.octets import Octets
from mailclad.mail.dkim.canonical import digest_body, relax_field
from mailclad.mail.dkim.message import SignedMessage
from mailclad.mail.dkim.signing_key import SigningKey

_LINE_OCTETS = 76
_FOLD = b"\r\n\t"


@dataclass(frozen=True, slots=True)
class Fields:
    """Lower-case names: ``sealed`` are signed once more than they stand, ``present`` as often."""

    sealed: tuple[bytes, ...]
    present: tuple[bytes, ...]


DEFAULT_FIELDS = Fields(
    sealed=(
        b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to",
        b"references", b"mime-version", b"content-type", b"content-transfer-encoding",
    ),
    present=(
        b"sender", b"list-id", b"list-help", b"list-unsubscribe", b"list-unsubscribe-post",
        b"list-subscribe", b"list-post", b"list-owner", b"list-archive", b"tls-report-domain",
        b"tls-report-submitter",
    ),
)  # fmt: skip
"""RFC 6376 §5.4.1; List-Unsubscribe-Post must be signed to count (RFC 8058 §4), those of TLS
reports should be (RFC 8460 §5.3)."""


def sign_dkim(
    octets: Octets, keys: Sequence[SigningKey], now: int, fields: Fields = DEFAULT_FIELDS
) -> bytes:
    """Raises HeaderTooLong where the message is beyond the limits of ``mail.headers``."""
    message = SignedMessage(octets)
    return sign_parts(message, octets, message.body_start, keys, now, fields)


def sign_parts(
    message: SignedMessage,
    octets: Octets,
    body_start: int,
    keys: Sequence[SigningKey],
    now: int,
    fields: Fields = DEFAULT_FIELDS,
) -> bytes:
    """The header of ``message`` with the body in ``octets``, which need not be one piece yet."""
    names = [name for name in fields.sealed for _ in range(len(message.places(name)) + 1)]
    names += [name for name in fields.present for _ in message.places(name)]
    header = hashlib.sha256(message.canonical_fields(names, relaxed=True))
    body = digest_body(octets, body_start, {(True, None)})[True].digests[None]
    listed = _fold_names(names)
    made = []
    for key in keys:
        value = (
            f" v=1; a={key.kind}-sha256; c=relaxed/relaxed;\r\n\td={key.domain};"
            f" s={key.selector}; t={now};\r\n\th={listed};"
            f"\r\n\tbh={base64.b64encode(body).decode()};\r\n\tb="
        ).encode()
        signed = header.copy()
        signed.update(relax_field(b"dkim-signature", value).removesuffix(b"\r\n"))
        made.append(b"DKIM-Signature:%b%b\r\n" % (value, _fold(key.sign(signed.digest()))))
    return b"".join(made)


def _fold_names(names: Sequence[bytes]) -> str:
    """With colons between, on lines that are not too long."""
    lines, line = [], ""
    for name in names:
        if line and len(line) + len(name) > _LINE_OCTETS:
            lines.append(line)
            line = ""
        line += f"{name.decode()}:"
    return "\r\n\t".join([*lines, line]).removesuffix(":")


def _fold(signature: bytes) -> bytes:
    text = base64.b64encode(signature)
    step = _LINE_OCTETS
    return _FOLD.join([text[start : start + step] for start in range(0, len(text), step)])
