"""The Sender Rewriting Scheme: a reverse path of our own for mail that is forwarded.

A receiver asks SPF about the domain in the reverse path, so what we send on must leave under a
domain of ours; and what cannot be delivered must still come back to who sent it.  There is no
RFC; the form is that of Mengwong's paper and of libsrs2, which others unwrap:

    SRS0=hash=day=domain=local@us            ann@far.example, forwarded by us
    SRS1=hash=first==hash=day=domain=local@us   the same, forwarded by first before
    SRS2=token@us                            ours: whoever it was, his address had no room

In come addresses, a key and the time; out come addresses, or ``SrsProblem``; what a token stands
for is the caller's to remember.  The hash is ours to
check alone, so that nobody can have us send to whom he likes: HMAC-SHA-256, ``HASH_LETTERS`` of
base32.  Everything is compared in one case, as mail servers change it.  Limits: ``LIFETIME_DAYS``;
no local part that is longer than it may be.
"""

import base64
import hashlib
import hmac
import re

from mailclad.base.secret import Secret
from mailclad.mail.address import LOCAL_PART_OCTETS, Address, AddressProblem, parse_address

LIFETIME_DAYS = 21
"""Longer than anybody tries to deliver; libsrs2's default."""

HASH_LETTERS = 6
"""30 bits: who guesses gets a bounce sent on, once in a thousand million tries.  Each letter more
is one less for the sender's address."""

TOKEN_LETTERS = 16
"""80 bits: it is all that proves that we made the address."""

DAY_SECONDS = 86_400
_DAYS = 1_024
"""Two letters of base32; after three years they come again, long dead."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_REWRITTEN = re.compile(r"SRS[012][=+-]", re.IGNORECASE)
_TOKEN = re.compile(r"SRS2=([A-Z2-7]{16})", re.IGNORECASE)
_FIRST = re.compile(r"SRS0[=+-]([^=]+)=([A-Z2-7]{2})=([^=]+)=(.+)", re.IGNORECASE | re.DOTALL)
_AGAIN = re.compile(r"SRS1[=+-]([^=]+)=([^=]+)=(=.+|\+.+|-.+)", re.IGNORECASE | re.DOTALL)


class SrsProblem(ValueError):
    """Not ours, changed on its way, or too old."""


def is_rewritten(address: Address) -> bool:
    """Whether it is written like a rewritten address, by whomever."""
    return _REWRITTEN.match(address.local_part) is not None


def rewrite(sender: Address, domain: str, key: Secret, now: int) -> Address | None:
    """The reverse path under ``domain``; None where it has no room: then ``shorten``."""
    again = _AGAIN.fullmatch(sender.local_part)
    first = None if again else _FIRST.fullmatch(sender.local_part)
    if again is not None:
        local_part = _write_again(again[2], again[3], key)
    elif first is not None:
        local_part = _write_again(sender.domain, sender.local_part[4:], key)
    else:
        day = _day_letters(now)
        hashed = _hash(key, day, sender.domain, sender.local_part)
        local_part = f"SRS0={hashed}={day}={sender.domain}={sender.local_part}"
    fits = len(local_part.encode()) <= LOCAL_PART_OCTETS
    return Address(local_part, domain) if fits else None


def shorten(sender: Address, domain: str, key: Secret) -> Address:
    """A reverse path that says nothing of the sender; the same for the same one."""
    return Address(f"SRS2={_letters_of(key, str(sender), TOKEN_LETTERS)}", domain)


def token_of(address: Address) -> str | None:
    """What stands for the sender in a shortened address, in one case."""
    found = _TOKEN.fullmatch(address.local_part)
    return None if found is None else found[1].upper()


def restore(address: Address, key: Secret, now: int) -> Address:
    """Whom a bounce to this address is for; raises SrsProblem."""
    first = _FIRST.fullmatch(address.local_part)
    if first is not None:
        hashed, day, domain, local_part = first.groups()
        _check(hashed, _hash(key, day, domain, local_part))
        if (_today(now) - _day_number(day)) % _DAYS > LIFETIME_DAYS:
            raise SrsProblem("the address is too old")
        return _address(local_part, domain)
    again = _AGAIN.fullmatch(address.local_part)
    if again is None:
        raise SrsProblem("the address is not one of a forwarder")
    hashed, domain, rest = again.groups()
    _check(hashed, _hash(key, domain, rest))
    return _address(f"SRS0{rest}", domain)


def _write_again(domain: str, rest: str, key: Secret) -> str:
    """``rest`` is what stands behind SRS0, with its separator."""
    return f"SRS1={_hash(key, domain, rest)}={domain}={rest}"


def _hash(key: Secret, *parts: str) -> str:
    return _letters_of(key, "=".join(parts).lower(), HASH_LETTERS)


def _letters_of(key: Secret, text: str, letters: int) -> str:
    digest = hmac.new(key.reveal(), text.encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode()[:letters]


def _check(given: str, right: str) -> None:
    if not hmac.compare_digest(given.upper().encode(), right.encode()):
        raise SrsProblem("the address was not made here")


def _today(now: int) -> int:
    return now // DAY_SECONDS % _DAYS


def _day_letters(now: int) -> str:
    high, low = divmod(_today(now), len(_LETTERS))
    return _LETTERS[high] + _LETTERS[low]


def _day_number(letters: str) -> int:
    high, low = (_LETTERS.index(letter) for letter in letters.upper())
    return high * len(_LETTERS) + low


def _address(local_part: str, domain: str) -> Address:
    try:
        return parse_address(str(Address(local_part, domain)))
    except AddressProblem as problem:
        raise SrsProblem(str(problem)) from None
