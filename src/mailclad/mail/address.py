"""Addresses of people: ``local_part@domain`` (RFC 5321 §4.1.2 "Mailbox", RFC 6531 §3.3).

In comes text, as it stands between ``<`` and ``>`` in MAIL and RCPT, or as typed by an
administrator or at a login; out comes an :class:`Address`, or ``AddressProblem`` in plain words.
Source routes, comments and folding are not addresses here and are refused.
The domain is looked at, never looked up.  Limits: RFC 5321 §4.5.3.1.2, §4.5.3.1.3, and
``FOREIGN_LOCAL_PART_OCTETS``.
"""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

LOCAL_PART_OCTETS = 64
"""RFC 5321 §4.5.3.1.1, which everybody takes: what is written here is no longer."""

FOREIGN_LOCAL_PART_OCTETS = 256
"""Rewritten senders (SRS) and those of mailing services are often longer than 64."""

DOMAIN_OCTETS = 255
LABEL_OCTETS = 63
"""RFC 1035 §2.3.4; an internationalised label is measured as its A-label."""

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\x80-\U0010ffff]"
_DOT_STRING = re.compile(rf"{_ATEXT}+(?:\.{_ATEXT}+)*")
_QUOTED_STRING = re.compile(r'"((?:[ !#-\[\]-~\x80-\U0010ffff]|\\[ -~])*)"')
_QUOTED_PAIR = re.compile(r"\\(.)")
_NEEDS_BACKSLASH = re.compile(r'(["\\])')
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_USUAL = re.compile(rf"([A-Za-z0-9._+\-]+)@({_LABEL}(?:\.{_LABEL})*)")
"""What nearly every address looks like; the rules about dots are checked apart."""


class AddressProblem(ValueError):
    """The text is not an address; says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class Address:
    """``local_part`` is without quotes; ``domain`` as it was written, or ``[an IP address]``.

    Equal only when written alike; compare ``normalised`` to see whether they are one place.
    """

    local_part: str
    domain: str

    @property
    def normalised(self) -> str:
        """The key in the directory: folded to one case and composition, the domain in A-labels."""
        if self.local_part.isascii():
            local_part = self.local_part.lower()
        else:
            local_part = unicodedata.normalize("NFC", self.local_part.casefold())
        return f"{_quoted(local_part)}@{normalise_domain(self.domain)}"

    @property
    def is_literal(self) -> bool:
        """Whether the domain is an IP address in brackets (RFC 5321 §4.1.3)."""
        return self.domain.startswith("[")

    @property
    def is_ascii(self) -> bool:
        """Whether it can be said without SMTPUTF8."""
        return self.local_part.isascii() and self.domain.isascii()

    def __str__(self) -> str:
        """With the fewest quotes that do (RFC 5321 §4.1.2)."""
        return f"{_quoted(self.local_part)}@{self.domain}"


def parse_address(text: str) -> Address:
    """``text`` has no angle brackets; raises AddressProblem."""
    usual = _USUAL.fullmatch(text) if len(text) <= LOCAL_PART_OCTETS else None
    if usual is not None:
        local_part, domain = usual.groups()
        if local_part[0] != "." and local_part[-1] != "." and ".." not in local_part:
            return Address(local_part, domain)
        raise AddressProblem("a dot stands at the start, at the end or twice before the @")
    return _parse_unusual(text)


def _parse_unusual(text: str) -> Address:
    quoted = _QUOTED_STRING.match(text) if text.startswith('"') else None
    plain = _DOT_STRING.match(text) if quoted is None else None
    found = quoted or plain
    if found is None:
        raise AddressProblem("the part before the @ is not in a permitted form")
    if found.end() == len(text):
        raise AddressProblem("the address has no @ and domain")
    if text[found.end()] != "@":
        raise AddressProblem("the part before the @ has a character that is not permitted")
    local_part = _QUOTED_PAIR.sub(r"\1", found[1]) if quoted else found[0]
    if len(local_part.encode(errors="replace")) > FOREIGN_LOCAL_PART_OCTETS:
        most = FOREIGN_LOCAL_PART_OCTETS
        raise AddressProblem(f"the part before the @ is longer than {most} octets")
    domain = text[found.end() + 1 :]
    check_domain(domain)
    return Address(local_part, domain)


def parse_local_part(text: str) -> str:
    """A local part alone, quoted or not, without its quotes; raises AddressProblem."""
    return parse_address(f"{text}@localhost").local_part


def check_domain(domain: str) -> None:
    """Raises AddressProblem unless it is a domain name or an IP address in brackets."""
    if domain.startswith("["):
        _check_literal(domain)
    elif not domain.isascii():
        normalise_domain(domain)
    elif len(domain) > DOMAIN_OCTETS or _DOMAIN.fullmatch(domain) is None:
        raise AddressProblem("the part after the @ is not a domain name")


def normalise_domain(domain: str) -> str:
    """Lower case, every label an A-label (RFC 5890); raises AddressProblem where there is none."""
    if domain.isascii():
        return domain.lower()
    if len(domain) > DOMAIN_OCTETS:
        raise AddressProblem(f"the domain is longer than {DOMAIN_OCTETS} octets")
    a_labels = ".".join(map(_a_label, domain.split(".")))
    if len(a_labels) > DOMAIN_OCTETS or _DOMAIN.fullmatch(a_labels) is None:
        raise AddressProblem("the part after the @ is not a domain name")
    return a_labels


def _a_label(label: str) -> str:
    if label.isascii():
        return label.lower()
    u_label = unicodedata.normalize("NFC", label.lower())
    # RFC 5892 in short: letters, marks, numbers and hyphens that no compatibility mapping changes.
    if unicodedata.normalize("NFKC", u_label) != u_label or not all(
        character == "-" or unicodedata.category(character)[0] in "LMN" for character in u_label
    ):
        raise AddressProblem("the domain has a character that domain names cannot have")
    return "xn--" + u_label.encode("punycode").decode("ascii")


def _check_literal(domain: str) -> None:
    inside = domain[1:-1]
    try:
        if not domain.endswith("]"):
            raise AddressProblem("the bracket after the @ is not closed")
        if inside[:5].lower() == "ipv6:" and "%" not in inside:
            ipaddress.IPv6Address(inside[5:])
        else:
            ipaddress.IPv4Address(inside)
    except ipaddress.AddressValueError:
        raise AddressProblem("what stands in brackets is not an IP address") from None


def _quoted(local_part: str) -> str:
    if _DOT_STRING.fullmatch(local_part):
        return local_part
    return '"' + _NEEDS_BACKSLASH.sub(r"\\\1", local_part) + '"'
