"""App passwords: 16 random letters, made here, never chosen, one for each program.

75 bits need no slow hash: one BLAKE2b keyed with the installation's secret verifies them,
so a stolen index without that key is of no use.  They are shown in fours; spaces and
capitals are ignored when they are typed.  In: octets from a client.  Out: the 16 letters,
or None when the password cannot be one of ours.
"""

import hashlib
import re
import secrets
from string import ascii_lowercase

LETTERS = 16
"""26**16 is 75 bits; printers and old phones take no longer passwords than this."""

_FORM = re.compile(rb"[a-z]{%d}" % LETTERS)
_TYPED_OCTETS = 2 * LETTERS
"""Letters and a space after each: more is no app password."""


def generate() -> str:
    return "".join(secrets.choice(ascii_lowercase) for _ in range(LETTERS))


def in_fours(letters: str) -> str:
    """``abcd efgh ijkl mnop``: how a person reads it."""
    return " ".join(letters[at : at + 4] for at in range(0, LETTERS, 4))


def letters_of(password: bytes) -> bytes | None:
    if not LETTERS <= len(password) <= _TYPED_OCTETS:
        return None
    letters = password.replace(b" ", b"").lower()
    return letters if _FORM.fullmatch(letters) else None


def digest(secret: bytes, letters: bytes) -> bytes:
    """What the store keeps; one keyed hash, about a microsecond."""
    return hashlib.blake2b(letters, digest_size=32, key=secret, person=b"app password").digest()
