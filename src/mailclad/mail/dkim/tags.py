"""Tag lists: ``name=value; name=value`` (RFC 6376 §3.2, RFC 8616 §5).

In come a field's value or a DNS record's octets; out comes a mapping in the order written, each
value without the blanks around it, or ``TagProblem``.  Values may have UTF-8 but no controls, so
that whatever is quoted from them cannot end a line.
"""

import binascii
import re
from collections.abc import Mapping

from mailclad.mail.headers import unfold

_NAME = re.compile(rb"[A-Za-z][A-Za-z0-9_]*+")
_CONTROL = re.compile(rb"[^\t -~\x80-\xff]")
_BLANKS = b" \t\r\n"

Tags = Mapping[bytes, bytes]


class TagProblem(ValueError):
    """Not a tag list; says why."""


def parse_tags(text: bytes, most: int) -> Tags:
    """``most`` octets are looked at; more raise TagProblem."""
    if len(text) > most:
        raise TagProblem(f"it is longer than {most} octets")
    text = unfold(text)
    if _CONTROL.search(text):
        raise TagProblem("it has control characters")
    specs = text.split(b";")
    if not specs[-1].strip(_BLANKS):
        del specs[-1]
    tags = {}
    for spec in specs:
        name, equals, value = spec.partition(b"=")
        name = name.strip(_BLANKS)
        if not equals or _NAME.fullmatch(name) is None:
            raise TagProblem("a part of it is not in the form name=value")
        if name in tags:
            raise TagProblem("a tag stands in it twice")
        tags[name] = value.strip(_BLANKS)
    return tags


def split_list(value: bytes) -> tuple[bytes, ...]:
    """The words of a list with colons, in lower case."""
    return tuple([word.strip(_BLANKS) for word in value.lower().split(b":")])


def decode_base64(value: bytes) -> bytes:
    """Blanks may stand anywhere (RFC 6376 §3.5); anything else raises TagProblem."""
    try:
        return binascii.a2b_base64(value.translate(None, _BLANKS), strict_mode=True)
    except binascii.Error:
        raise TagProblem("its base64 is damaged") from None
